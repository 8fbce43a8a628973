"""clinvk config: what is configured, whether it is right, and one value changed."""

import argparse
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final

from clinvk import settings
from clinvk.schemas import Schemas
from clinvk.settings import backends, document, shown
from clinvk.settings.document import Document
from clinvk.settings.faults import Wrong, nearest
from clinvk.settings.keys import Keys, Steps, is_section
from clinvk.settings.loading import VARIABLES, effective, judged, text_of

_RELOAD: Final = "a running server reads it on SIGHUP"
_RESTART: Final = "a running server has to be started again for it"


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """The exit code: 0 fine, 1 could not, 3 wrong configuration."""
    try:
        code: int = _ACTIONS[options.action](options, environment)
    except settings.BadSettings as error:
        _complain(str(error))
        return 3
    return code


def _show(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    _say(shown.whole(_effective(options, environment)))
    return 0


def _check(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    found = _effective(options, environment)
    _say(f"{found.file} is fine" if found.exists else f"{found.file} is not there, and the defaults are fine")
    return 0


def _path(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    file = settings.places(options.config, environment).file
    _say(str(file))
    if not file.exists():
        _complain("it is not there yet; clinvk config set makes it")
    return 0


def _get(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    found = _effective(options, environment)
    steps = _steps(found.keys, options.key)
    if found.value(steps) is None:
        _complain(f"{options.key} is not set, and has no default")
        return 1
    if found.keys.secret(steps):
        _complain(f"{options.key} may be a secret and is not shown; it is set in {found.origin(steps)}")
        return 1
    _say(shown.one(found, steps))
    return 0


def _set(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    from clinvk.settings import editing  # noqa: PLC0415  nothing else needs the library that writes YAML

    keys = Keys(Schemas())
    steps = _steps(keys, options.key)
    value = _value(keys.at(steps) or {}, options.value)
    _refuse(judged(keys, Document(editing.with_value({}, steps, value))))
    places = settings.places(options.config, environment)
    if places.file.exists() and not places.file.is_file():  # a pipe would keep us waiting, a device be gone
        _complain(f"clinvk: cannot write {places.file}: it is no regular file")
        return 1
    try:
        with editing.alone(places.file):
            text = text_of(places) if places.file.exists() else None
            editing.replace(places.file, editing.edited(keys, places.file, text or "", steps, value))
    except OSError as error:
        _complain(f"clinvk: cannot write {places.file}: {error.strerror}")
        return 1
    told = "" if keys.secret(steps) or isinstance(value, dict) else f" to {shown.written(value)}"
    _say(f"set {options.key}{told} in {places.file}; {_RESTART if options.key in settings.RESTART else _RELOAD}")
    over = next((name for name, at in VARIABLES.items() if at == steps and environment.get(name)), None)
    if over:
        _complain(f"{over} in the environment stands over it")
    return 0


_ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Mapping[str, str]], int]]] = {
    "show": _show,
    "check": _check,
    "path": _path,
    "get": _get,
    "set": _set,
}


def _effective(options: argparse.Namespace, environment: Mapping[str, str]) -> settings.Effective:
    return effective(Schemas(), settings.places(options.config, environment), {}, environment)


def _steps(keys: Keys, key: str) -> Steps:
    """The key as it was typed, if there is such a one. Raises BadSettings."""
    steps = tuple(key.split("."))
    if steps[0] == "backends" and len(steps) > 1 and steps[1] not in backends.NAMES:
        _refuse([Wrong(steps[:2], "is not a backend", nearest(steps[1], backends.NAMES))])
    if keys.at(steps) is None or (keys.at(steps[:-1]) or {}).get("type") == "array":
        _refuse([Wrong(steps, "is not a known key", keys.nearest(steps))])
    return steps


def _value(part: Mapping[str, Any], typed: str) -> Any:
    """What was typed, as YAML takes it; where text is wanted, text is what it is. Raises BadSettings."""
    if is_section(part):
        _refuse([Wrong(("KEY",), "is a section", "a key with a value")])
    try:
        read = document.read(typed)
    except document.NotYaml as error:
        read = Document(wrong=[error.wrong])
    if part["type"] == "string":
        return read.value if isinstance(read.value, str) else typed
    _refuse([Wrong(("VALUE",), wrong.message, wrong.expected) for wrong in read.wrong])
    return read.value


def _refuse(found: list[Wrong]) -> None:
    """Raises BadSettings if anything was found."""
    if found:
        raise settings.BadSettings("\n".join(wrong.told("command line") for wrong in found))


def _say(text: str) -> None:
    print(text)  # noqa: T201  what was asked for


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
