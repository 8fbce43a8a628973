"""Defaults, file, environment and flags: checked, and laid over one another."""

import dataclasses
import inspect
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

from clinvk.domain import access
from clinvk.schemas import Schemas
from clinvk.settings import backends, faults, server
from clinvk.settings.document import Document, NotYaml, read
from clinvk.settings.effective import Effective
from clinvk.settings.faults import BadSettings, Place, Wrong
from clinvk.settings.keys import Keys, Steps
from clinvk.settings.model import (
    BackendSettings,
    LingerSettings,
    OutputSettings,
    ParallelSettings,
    PoolSettings,
    ServerSettings,
    SessionSettings,
    Settings,
    UnifiedFlags,
)
from clinvk.settings.places import Places

T = TypeVar("T")

VARIABLES: Final[Mapping[str, Steps]] = {
    "CLINVK_BACKEND": ("default_backend",),
    "CLINVK_CLAUDE_MODEL": ("backends", "claude", "model"),
    "CLINVK_CODEX_MODEL": ("backends", "codex", "model"),
    "CLINVK_GEMINI_MODEL": ("backends", "gemini", "model"),
    "CLINVK_API_KEYS_GOPASS_PATH": ("server", "api_keys_gopass_path"),
}
"""What the environment may set. An empty variable is none."""

KEYS_VARIABLE: Final = "CLINVK_API_KEYS"
"""What holds API keys. One that is set and empty is no open door: it may have been meant to hold some."""
_KEYS_FORM: Final = "keys of visible ASCII, separated by commas, or the variable unset"
_TOP: Final = Place(1, 1)


def load(
    schemas: Schemas,
    home: Path,
    file: Path | None,
    flags: Mapping[str, Any],
    environment: Mapping[str, str] | None = None,
) -> Settings:
    """What holds, as the program takes it. Raises BadSettings.

    `file` must exist where it is given; else `home`/config.yaml is read where there is one. `flags` are given
    on the command line, by key, None where not given.
    """
    whole = effective(schemas, Places(home, file), flags, environment or {})
    values = whole.values
    return Settings(
        home=home,
        file=whole.file,
        found=whole.exists,
        api_keys=(environment or {}).get(KEYS_VARIABLE, ""),
        default_backend=values["default_backend"],
        unified_flags=_made(UnifiedFlags, values["unified_flags"]),
        backends={name: _made(BackendSettings, given) for name, given in values["backends"].items()},
        session=_made(SessionSettings, values["session"]),
        output=_made(OutputSettings, values["output"]),
        parallel=_made(ParallelSettings, values["parallel"]),
        pool=_made(PoolSettings, values["pool"]),
        linger=_made(LingerSettings, values["linger"]),
        server=_made(ServerSettings, values["server"]),
    )


def effective(
    schemas: Schemas, places: Places, flags: Mapping[str, Any], environment: Mapping[str, str]
) -> Effective:
    """The same with where each value comes from. Raises BadSettings, with the faults of all sources."""
    keys = Keys(schemas)
    text = text_of(places)
    document, told = checked(keys, places.file, text or "")
    variables = {steps: name for name, steps in VARIABLES.items() if environment.get(name)}
    given = {tuple(key.split(".")): value for key, value in flags.items() if value is not None}
    told += [wrong.told("environment") for wrong in _of_environment(keys, environment)]
    told += [
        wrong.told("command line") for steps, value in given.items() for wrong in _of_flag(keys, steps, value)
    ]
    if told:
        raise BadSettings("\n".join(told))
    origins = {steps: f"{places.file}:{place.line}" for steps, place in document.keys.items()}
    whole = document.value
    for steps, name in variables.items():
        _put(whole, steps, environment[name])
        origins[steps] = f"environment {name}"
    for steps, value in given.items():
        _put(whole, steps, value)
        origins[steps] = _flag(steps)
    return Effective(keys, places.file, text is not None, _with_defaults(keys, whole), origins)


def checked(keys: Keys, file: Path, text: str) -> tuple[Document, list[str]]:
    """What the text of `file` says, empty sections being there; and every fault, in the order of lines."""
    try:
        document = read(text)
    except NotYaml as error:
        return Document(wrong=[error.wrong]), [error.wrong.told(str(file))]
    document.value = without_nothing(keys, document.value, ())
    return document, [wrong.told(str(file)) for wrong in judged(keys, document)]


def judged(keys: Keys, document: Document) -> list[Wrong]:
    """Every fault of it, one for each key, in the order of their places where it has these."""
    whole = document.value
    unread = {wrong.steps for wrong in document.wrong if not wrong.of_key}
    found: dict[Steps, Wrong] = {}
    by_schema = [*backends.of_names(whole), *faults.of_whole(keys, whole, document.written)]
    by_abilities = [] if by_schema or document.wrong else [*backends.of_abilities(whole), *server.of_server(whole)]
    for wrong in (*by_schema, *by_abilities):
        if wrong.steps not in unread:
            found.setdefault(wrong.steps, placed(wrong, document))
    return sorted([*document.wrong, *found.values()], key=lambda wrong: wrong.place or _TOP)


def text_of(places: Places) -> str | None:
    """The text of the file; None where there is none, and none was named. Raises BadSettings."""
    try:
        data = places.file.read_bytes()
    except OSError as error:
        if places.named is None and isinstance(error, FileNotFoundError | NotADirectoryError):
            return None
        wrong = Wrong((), f"cannot be read: {error.strerror}", "a file of YAML")
        raise BadSettings(wrong.told(str(places.file))) from error
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        before = data[: error.start].split(b"\n")
        place = Place(len(before), len(before[-1].decode()) + 1)
        raise BadSettings(Wrong((), "is not UTF-8", "text in UTF-8", place).told(str(places.file))) from error


def without_nothing(keys: Keys, value: Any, steps: Steps) -> Any:
    """An empty section is written as nothing at all."""
    if value is None and (keys.at(steps) or {}).get("type") == "object":
        return {}
    if isinstance(value, dict):
        return {name: without_nothing(keys, one, (*steps, name)) for name, one in value.items()}
    return value


def _of_api_keys(environment: Mapping[str, str]) -> Iterator[Wrong]:
    """What is wrong with the list of keys, told by their numbers."""
    if KEYS_VARIABLE not in environment:
        return
    given = access.listed(environment[KEYS_VARIABLE])
    if not given:
        yield Wrong((KEYS_VARIABLE,), "is set, but holds no key", _KEYS_FORM)
    for number, key in enumerate(given, 1):
        if why := access.unfit(key):
            yield Wrong((KEYS_VARIABLE,), f"holds a key, number {number}, that {why}", _KEYS_FORM)


def _of_environment(keys: Keys, environment: Mapping[str, str]) -> Iterator[Wrong]:
    for name, steps in VARIABLES.items():
        value = environment.get(name, "")
        if not value:
            continue
        if not value.isprintable():  # undecodable bytes among it
            yield Wrong((name,), "cannot be printed", "text in UTF-8, on one line")
        elif steps == ("default_backend",) and value not in backends.NAMES:
            yield Wrong((name,), *backends.unknown(value))
        else:
            yield from faults.of_one(keys, steps, value, name)
    yield from _of_api_keys(environment)


def _of_flag(keys: Keys, steps: Steps, value: object) -> Iterator[Wrong]:
    return faults.of_one(keys, steps, value, _flag(steps))


def _flag(steps: Steps) -> str:
    return "--" + steps[-1].replace("_", "-")


def placed(wrong: Wrong, document: Document) -> Wrong:
    """With its place: that of the key, or of its value."""
    first, second = (document.keys, document.values) if wrong.of_key else (document.values, document.keys)
    place = first.get(wrong.steps) or second.get(wrong.steps)
    return dataclasses.replace(wrong, place=place)


def _put(whole: dict[str, Any], steps: Steps, value: object) -> None:
    for step in steps[:-1]:
        whole = whole.setdefault(step, {})
    whole[steps[-1]] = value


def _with_defaults(keys: Keys, whole: dict[str, Any]) -> dict[str, Any]:
    merged = keys.with_defaults(whole)
    given = merged["backends"]
    merged["backends"] = {
        name: keys.with_defaults(given.get(name, {}), ("backends", name)) for name in backends.NAMES
    }
    return merged


def _made(kind: Callable[..., T], given: Mapping[str, Any]) -> T:
    """A section as its dataclass; None for what is not set and has no default."""
    return kind(**{name: _frozen(given.get(name)) for name in inspect.signature(kind).parameters})


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
