"""The file of API keys: labels, keys or their digests, and bounds. No fault that is told holds a key."""

import dataclasses
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from clinvk.domain.access import LEAST, Grant, digest
from clinvk.settings import backends, faults
from clinvk.settings.document import Document, NotYaml
from clinvk.settings.document import read as parsed
from clinvk.settings.faults import BadSettings, Place, Wrong
from clinvk.settings.keys import Keys, Steps
from clinvk.settings.loading import placed, without_nothing

SCHEMA: Final = "config/keys"
_MOST_BYTES: Final = 8 << 20
_TOP: Final = Place(1, 1)
_SECTION: Final = "keys"
_LONG: Final = re.compile(rf"[^\s'\"]{{{LEAST},}}")
_MADE: Final = "`clinvk keys add` makes one"
_AT_HAND: Final = "its key: `clinvk keys add` writes one"


def read(keys: Keys, file: Path) -> list[tuple[bytes, Grant]]:
    """What the file holds, by digests. Raises BadSettings: with every fault, and where there is no key at all."""
    value = checked(keys, file, text_of(file))
    if not value[_SECTION]:  # one that has lost its last key must not leave the door open
        raise BadSettings(Wrong((), "holds no key", f"a label and {_AT_HAND}").told(str(file)))
    return [_held(label, entry) for label, entry in value[_SECTION].items()]


def text_of(file: Path) -> str:
    """The text of a file that nobody but its owner may touch: us, or root. Raises BadSettings."""
    try:
        handle = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)  # a pipe would keep us waiting
    except OSError as error:
        raise _bad(
            file, f"cannot be read: {error.strerror}", "a file of YAML: `clinvk keys add` makes one"
        ) from error
    try:
        unsafe = _unsafe(os.fstat(handle))
        if unsafe:
            raise _bad(file, *unsafe)
        data = b"".join(iter(lambda: os.read(handle, 1 << 16), b""))
    except OSError as error:
        raise _bad(file, f"cannot be read: {error.strerror}", "a file of YAML") from error
    finally:
        os.close(handle)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise _bad(file, "is not UTF-8", "text in UTF-8") from error


def checked(keys: Keys, file: Path, text: str) -> dict[str, Any]:
    """What `text`, the content of `file`, says; its section of keys is there, if empty. Raises BadSettings."""
    try:
        document = parsed(text)
    except NotYaml as error:
        raise BadSettings(_told(keys, error.wrong, str(file))) from error
    document.value = without_nothing(keys, document.value, ())
    wrong = _judged(keys, document)
    if wrong:
        raise BadSettings("\n".join(_told(keys, one, str(file)) for one in wrong))
    found: dict[str, Any] = {_SECTION: {}, **document.value}
    return found


def judge(keys: Keys, label: str, entry: dict[str, Any]) -> None:
    """Raises BadSettings if that could not stand in a file."""
    wrong = _judged(keys, Document({_SECTION: {label: entry}}))
    if wrong:
        raise BadSettings("\n".join(_told(keys, one, "command line") for one in wrong))


def bounds(entry: dict[str, Any]) -> dict[str, Any]:
    """What is said of a key besides itself."""
    return {name: value for name, value in entry.items() if name not in ("key", "sha256")}


def _held(label: str, entry: dict[str, Any]) -> tuple[bytes, Grant]:
    said = bounds(entry)
    if "backends" in said:
        said["backends"] = frozenset(said["backends"])
    if "workdirs" in said:
        said["workdirs"] = tuple(os.path.realpath(each) for each in said["workdirs"])
    known = digest(entry["key"]) if "key" in entry else bytes.fromhex(entry["sha256"])
    return known, Grant(label, **said)


def _unsafe(found: os.stat_result) -> tuple[str, str] | None:
    """What speaks against a file as one of secrets, and what would be right."""
    if not stat.S_ISREG(found.st_mode):
        return "is no regular file", "a file of YAML"
    if found.st_uid not in (os.geteuid(), 0):
        return f"belongs to user {found.st_uid}", f"a file of user {os.geteuid()}, who runs the server, or of root"
    if found.st_mode & 0o077:
        return f"is open to others, by its mode {stat.S_IMODE(found.st_mode):04o}", "0600: chmod 600 it"
    if found.st_size > _MOST_BYTES:
        return "is too large", f"at most {_MOST_BYTES} bytes"
    return None


def _judged(keys: Keys, document: Document) -> list[Wrong]:
    """Every fault, one for each key, in the order of their places."""
    unread = {wrong.steps for wrong in document.wrong if not wrong.of_key}
    found: dict[Steps, Wrong] = {}
    for wrong in (*_of_entries(keys, document.value), *faults.of_whole(keys, document.value, document.written)):
        if wrong.steps not in unread:
            found.setdefault(wrong.steps, placed(wrong, document))
    return sorted([*document.wrong, *found.values()], key=lambda wrong: wrong.place or _TOP)


def _of_entries(keys: Keys, whole: Any) -> Iterator[Wrong]:
    """What the schema cannot say."""
    section = whole.get(_SECTION) if isinstance(whole, dict) else None
    form = (keys.at((_SECTION,)) or {})["propertyNames"]
    for label, entry in section.items() if isinstance(section, dict) else ():
        steps = (_SECTION, label)
        if not re.search(form["pattern"], label):
            yield Wrong(steps, "is not a label that can be used", form["x-expected"], of_key=True)
        elif isinstance(entry, dict):
            yield from _of_entry(steps, entry)


def _of_entry(steps: Steps, entry: dict[str, Any]) -> Iterator[Wrong]:
    if len({"key", "sha256"} & entry.keys()) != 1:
        both = "has both a key and a digest" if "key" in entry else "has neither a key nor its digest"
        yield Wrong(steps, both, "`key`, or `sha256` with its digest", of_key=True)
    named = entry.get("backends")
    for number, name in enumerate(named if isinstance(named, list) else ()):
        if isinstance(name, str) and name not in backends.NAMES:
            yield Wrong((*steps, "backends", str(number)), *backends.unknown(name))


def _told(keys: Keys, wrong: Wrong, source: str) -> str:
    """As one line. Whatever is as long as a key might be one that stands at the wrong place."""
    known = {steps[-1] for steps in (*keys.leaves(), *_names(keys))}
    shown = tuple(step if step in known else _shortened(step) for step in wrong.steps)
    return dataclasses.replace(wrong, steps=shown, message=_shortened(wrong.message)).told(source)


def _names(keys: Keys) -> Iterator[Steps]:
    """Everything that may be said of a key."""
    for name in (keys.at((_SECTION, "a")) or {}).get("properties", {}):
        yield (_SECTION, "a", name)


def _shortened(text: str) -> str:
    return _LONG.sub(lambda found: f"{found[0][:4]}…", text)


def _bad(file: Path, message: str, expected: str) -> BadSettings:
    return BadSettings(Wrong((), message, expected).told(str(file)))
