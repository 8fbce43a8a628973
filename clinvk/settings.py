"""Settings: the schema's defaults < the file < flags, frozen. Only the app and the commands see them whole."""

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
    """One backend's own bounds, None where its built-in value holds."""

    enabled: bool = True
    max_concurrent: int | None = None
    first_output_timeout_secs: float | None = None
    idle_timeout_secs: float | None = None


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
    given = _read(path) if file or path.exists() else {}
    faults = schemas.checker(SCHEMA).faults(given)
    if faults:
        raise BadSettings(_told(path, faults))
    schema = schemas.documents[SCHEMA]
    merged = _with_defaults(schema, given)
    server = merged["server"] | {name: value for name, value in flags.items() if value is not None}
    wrong = _flag_faults(schema, server)
    if wrong:
        raise BadSettings(_told("command line", wrong))
    return Settings(
        server=ServerSettings(**server | {"allowed_hosts": tuple(server["allowed_hosts"])}),
        command_timeout_secs=merged["unified_flags"]["command_timeout_secs"],
        home=home,
        backends={name: BackendSettings(**bounds) for name, bounds in merged["backends"].items()},
    )


def _read(path: Path) -> Any:
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from error
    try:
        return yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise BadSettings(f"{path}: {' '.join(str(error).split())}") from error


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


def _told(where: object, faults: list[Fault]) -> str:
    lines = [
        f"{fault.path.lstrip('/').replace('/', '.') or 'the file'} {fault.message}; expected {fault.expected}"
        for fault in faults
    ]
    return "\n".join(f"{where}: {line}" for line in lines)
