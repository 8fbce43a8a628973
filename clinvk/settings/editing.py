"""One value of a configuration file set anew, and nothing else in it changed: comments, order, quotes."""

import contextlib
import copy
import difflib
import errno
import fcntl
import io
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString

from clinvk.settings.document import NotYaml, read
from clinvk.settings.faults import BadSettings
from clinvk.settings.keys import Keys, Steps
from clinvk.settings.loading import checked
from clinvk.settings.shown import written

_MARK: Final = "\ufeff"
_END: Final = re.compile(r"^\.\.\.[ \t\r]*(?:[ \t]#.*)?$", re.MULTILINE)
_NO_LOCKS: Final = frozenset({errno.EBADF, errno.ENOLCK, errno.EOPNOTSUPP})


def edited(keys: Keys, file: Path, text: str, steps: Steps, value: Any) -> str:
    """`text`, the content of `file`, with `value` at `steps`. Raises BadSettings if that is wrong."""
    before, told = checked(keys, file, text)
    if not isinstance(before.value, dict) or before.wrong:
        raise BadSettings("\n".join(told))
    by_hand = f"{file}: {'.'.join(steps)} cannot be set here without a change elsewhere; expected an edit by hand"
    try:
        fresh = rewritten(text, steps, value)
    except (YAMLError, ValueError) as error:  # the library reads what our reader leaves as text, such as dates
        raise BadSettings(by_hand) from error
    after, still = checked(keys, file, fresh)
    if still:
        raise BadSettings("\n".join(told or still))
    if after.value != with_value(before.value, steps, value):
        raise BadSettings(by_hand)
    return fresh


@contextlib.contextmanager
def alone(file: Path) -> Iterator[None]:
    """Until the end of it nobody else who asks for this changes a file of that folder. Raises OSError.

    It is the folder that is locked, which leaves nothing behind; it is made if need be.
    """
    folder = Path(os.path.realpath(file)).parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        except OSError as error:
            if error.errno not in _NO_LOCKS:  # a network may have none: as good as it gets there
                raise
        yield
    finally:
        os.close(descriptor)


def replace(file: Path, text: str) -> None:
    """Put `text` into `file` in one step, with its owner and mode; 0600 if it is new. Raises OSError.

    A link stays a link: what it leads to is replaced.
    """
    target = Path(os.path.realpath(file))
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as new:
            new.write(text)
            if target.exists():
                kept = target.stat()
                os.fchown(handle, kept.st_uid, kept.st_gid)
                os.fchmod(handle, kept.st_mode & 0o7777)
            new.flush()
            os.fsync(handle)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def rewritten(text: str, steps: Steps, value: Any) -> str:
    former, text = text, text.removeprefix(_MARK).replace("\r\n", "\n")
    end = _END.search(text)  # the library drops it, with what comes after it
    text, tail = (text[: end.start()], text[end.start() :]) if end else (text, "")
    library = _library(text)
    data = library.load(text)
    kept = ""
    if data is None:
        data, kept = CommentedMap(), _comments(text)
    _put(data, steps, value)
    stream = io.StringIO()
    library.dump(data, stream)
    return _like(former, kept + stream.getvalue() + tail)


def _like(former: str, fresh: str) -> str:
    """`fresh`, whose lines end in a line feed, with the mark of `former` and its ends of lines."""
    mark = _MARK if former.startswith(_MARK) else ""
    before, after = former.removeprefix(_MARK).split("\n"), fresh.split("\n")
    plain, lines = [line.strip() for line in before], []
    matcher = difflib.SequenceMatcher(None, plain, [line.strip() for line in after], autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            lines += before[i:i_end]
            continue
        like = before[i if i < i_end and plain[i] else max(0, i - 1)]  # whose place it takes, or the one before
        end = "\r" if like.endswith("\r") else ""
        indented = like[: len(like) - len(like.lstrip())]
        takes_place = i_end - i == j_end - j == 1 and plain[i]
        lines += [(indented + line.lstrip() if takes_place else line) + end for line in after[j:j_end]]
    lines[-1] = after[-1]
    return mark + "\n".join(lines)


def _comments(text: str) -> str:
    """What a text without any value holds besides: the library would lose it."""
    lines = [line for line in text.split("\n") if not line or line.lstrip().startswith(("#", "---"))]
    return "\n".join(lines).rstrip("\n") + "\n" if any(lines) else ""


class _Representer(RoundTripRepresenter):
    """Numbers as our reader takes them for numbers: the library's 1e-05 is text there."""

    def represent_float(self, data: float) -> ScalarNode:
        return self.represent_scalar("tag:yaml.org,2002:float", written(data))


_Representer.add_representer(float, _Representer.represent_float)


def _library(text: str) -> YAML:
    """The library that keeps comments, told how `text` is indented."""
    library = YAML()
    library.Representer = _Representer
    library.preserve_quotes = True
    library.width = 1 << 20  # no line is wrapped
    section = re.search(r"^\S[^\n]*:[ ]*(?:#[^\n]*)?\n(?:[ ]*(?:#[^\n]*)?\n)*([ ]+)[^\s#-]", text, re.MULTILINE)
    items = re.search(r"^([ ]*)[^\s#-][^\n]*:[ ]*\n([ ]*)- ", text, re.MULTILINE)
    offset = max(0, len(items[2]) - len(items[1])) if items else 0
    library.indent(mapping=len(section[1]) if section else 2, sequence=offset + 2, offset=offset)
    return library


def _put(data: CommentedMap, steps: Steps, value: Any) -> None:
    for step in steps[:-1]:
        if data.get(step) is None:
            data[step] = CommentedMap()
        data = data[step]
    data[steps[-1]] = _dressed(value, data.get(steps[-1]))


def _dressed(value: Any, former: object = None) -> Any:
    """`value` as it is to be written: as text that cannot be taken for anything else, in the former quotes."""
    if isinstance(value, str):
        if isinstance(former, ScalarString) and "\n" not in value + former:
            return type(former)(value)
        return value if _is_plain(value) else DoubleQuotedScalarString(value)
    if isinstance(value, list):
        written = CommentedSeq(map(_dressed, value))
        written.fa.set_flow_style()
        return written
    if isinstance(value, dict):
        return CommentedMap((_dressed(name), _dressed(one)) for name, one in value.items())
    return value


def _is_plain(text: str) -> bool:
    """Whether it is taken for text without quotes."""
    try:
        return bool(read(text).value == text)
    except NotYaml:
        return False


def with_value(whole: dict[str, Any], steps: Steps, value: Any) -> dict[str, Any]:
    """`whole` with `value` at `steps`, in sections made for it where there are none."""
    changed = copy.deepcopy(whole)
    place = changed
    for step in steps[:-1]:
        place = place.setdefault(step, {})
    place[steps[-1]] = value
    return changed
