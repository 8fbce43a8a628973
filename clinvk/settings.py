"""Settings: the schema's defaults < the file < flags, frozen. Only the app and the commands see them whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from clinvk.domain.errors import ClinvkError, Fault
from clinvk.schemas import Checker, Document, Schemas

SCHEMA = "config/config"


class BadSettings(ClinvkError):
    """The configuration cannot be used; the message names the file and every fault."""


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """How one backend is set up, None where its built-in value holds."""

    enabled: bool = True
    max_concurrent: int | None = None
    first_output_timeout_secs: float | None = None
    idle_timeout_secs: float | None = None
    path: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    pass_env: tuple[str, ...] = ()
    allowed_tools: tuple[str, ...] | None = None
    replace_system_prompt: bool = False


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The HTTP server. Defaults stand in the schema, not here."""

    host: str
    port: int
    request_timeout_secs: float
    read_timeout_secs: float
    write_timeout_secs: float
    idle_timeout_secs: float
    max_request_body_bytes: int
    max_concurrent_runs: int
    max_queued_runs: int
    allowed_hosts: tuple[str, ...]
    shutdown_grace_secs: float


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set."""

    server: ServerSettings
    command_timeout_secs: float
    home: Path
    backends: Mapping[str, BackendSettings] = field(default_factory=dict)


def load(schemas: Schemas, home: Path, file: Path | None, flags: Mapping[str, Any]) -> Settings:
    """Merge and check. `flags` are server settings given on the command line, None where not given.

    `file` must exist where it is given; else `home`/config.yaml is read where there is one. Raises BadSettings.
    """
    path = file or home / "config.yaml"
    text = _read(path, required=file is not None)
    given = _parsed(text, path)
    faults = schemas.checker(SCHEMA).faults(given)
    if faults:
        raise BadSettings("\n".join(f"{path}:{_line(text, fault.path)}: {_told(fault)}" for fault in faults))
    schema = schemas.documents[SCHEMA]
    merged = _with_defaults(schema, given)
    server = merged["server"] | {name: value for name, value in flags.items() if value is not None}
    wrong = _flag_faults(schema, server)
    if wrong:
        raise BadSettings("\n".join(f"command line: {_told(fault)}" for fault in wrong))
    return Settings(
        server=ServerSettings(**server | {"allowed_hosts": tuple(server["allowed_hosts"])}),
        command_timeout_secs=merged["unified_flags"]["command_timeout_secs"],
        home=home,
        backends={name: _backend(given) for name, given in merged["backends"].items()},
    )


def _backend(given: Mapping[str, Any]) -> BackendSettings:
    lists = {name: tuple(value) for name, value in given.items() if isinstance(value, list)}
    return BackendSettings(**{**given, **lists})


def _read(path: Path, *, required: bool) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        if not required and isinstance(error, FileNotFoundError | NotADirectoryError):
            return ""
        raise BadSettings(f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from error


def _parsed(text: str, path: Path) -> Any:
    """The file as plain JSON data: YAML also knows dates, sets, and keys that are no text."""
    try:
        value = yaml.safe_load(text)
        plain = json.dumps({} if value is None else value, default=str)
    # PyYAML lets through whatever Python says of a value that only looks like what it is tagged as.
    except (yaml.YAMLError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise BadSettings(f"{path}: {' '.join(str(error).split())}") from error
    return json.loads(plain, parse_float=_number)


def _number(text: str) -> float:
    """JSON Schema calls 8080.0 an integer; what listens on it does not."""
    number = float(text)
    return int(number) if number.is_integer() else number


def _line(text: str, pointer: str) -> int:
    """The line of `text` where `pointer` leads; of the last step that is there, if not all are."""
    node, line = yaml.compose(text, yaml.SafeLoader), 1
    for step in pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(node, yaml.SequenceNode):
            node = node.value[int(name)]
            line = node.start_mark.line + 1
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        for key, value in pairs:
            if key.value == name:
                node, line = value, key.start_mark.line + 1
    return line


def _with_defaults(schema: Document, given: Mapping[str, Any]) -> dict[str, Any]:
    """`given` over the defaults that stand at each property of `schema`."""
    merged = dict(given)
    for name, part in schema.get("properties", {}).items():
        if part.get("type") == "object":
            merged[name] = _with_defaults(part, given.get(name) or {})
        elif name not in merged and "default" in part:
            merged[name] = part["default"]
    return merged


def _flag_faults(schema: Document, server: Mapping[str, Any]) -> list[Fault]:
    return Checker(schema["properties"]["server"]).faults(server)


def _told(fault: Fault) -> str:
    key = fault.path.lstrip("/").replace("/", ".") or "the file"
    return f"{key} {fault.message}; expected {fault.expected}"
