"""One value of a configuration file set anew, and nothing else in it changed: comments, order, quotes."""

import contextlib
import copy
import io
import os
import re
import tempfile
from pathlib import Path
from typing import Any, Final

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, ScalarString

from clinvk.settings.document import NotYaml, read
from clinvk.settings.faults import BadSettings
from clinvk.settings.keys import Keys, Steps
from clinvk.settings.loading import checked

_MARK: Final = "\ufeff"


def edited(keys: Keys, file: Path, text: str, steps: Steps, value: Any) -> str:
    """`text`, the content of `file`, with `value` at `steps`. Raises BadSettings if that is wrong."""
    before, told = checked(keys, file, text)
    if not isinstance(before.value, dict) or before.wrong:
        raise BadSettings("\n".join(told))
    by_hand = f"{file}: {'.'.join(steps)} cannot be set here without a change elsewhere; expected an edit by hand"
    try:
        fresh = _rewritten(text, steps, value)
    except (YAMLError, ValueError) as error:  # the library reads what our reader leaves as text, such as dates
        raise BadSettings(by_hand) from error
    after, still = checked(keys, file, fresh)
    if still:
        raise BadSettings("\n".join(told or still))
    if after.value != with_value(before.value, steps, value):
        raise BadSettings(by_hand)
    return fresh


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


def _rewritten(text: str, steps: Steps, value: Any) -> str:
    mark, text = (_MARK, text[1:]) if text.startswith(_MARK) else ("", text)
    end = "\r\n" if "\r\n" in text else "\n"
    text = text.replace("\r\n", "\n")
    library = _library(text)
    data = library.load(text)
    kept = ""
    if data is None:
        data, kept = CommentedMap(), _comments(text)
    _put(data, steps, value)
    stream = io.StringIO()
    library.dump(data, stream)
    return mark + (kept + stream.getvalue()).replace("\n", end)


def _comments(text: str) -> str:
    """What a text without any value holds besides: the library would lose it."""
    lines = [line for line in text.split("\n") if not line or line.lstrip().startswith(("#", "---"))]
    return "\n".join(lines).rstrip("\n") + "\n" if any(lines) else ""


def _library(text: str) -> YAML:
    """The library that keeps comments, told how `text` is indented."""
    library = YAML()
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
