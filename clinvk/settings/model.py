"""Settings as the program takes them. Names are the schema's; every default stands there."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


@dataclass(frozen=True, slots=True)
class UnifiedFlags:
    """What holds for every backend that says nothing else itself. 0 is no bound."""

    approval_mode: str
    sandbox_mode: str
    verbose: bool
    dry_run: bool
    max_turns: int
    max_tokens: int
    command_timeout_secs: float


@dataclass(frozen=True, slots=True)
class BackendSettings:
    """How one backend is set up, None where nothing is said."""

    enabled: bool | None
    """None: it may be used. True: it has to be there."""
    model: str | None
    models: tuple[str, ...]
    aliases: Mapping[str, str]
    allowed_tools: tuple[str, ...]
    approval_mode: str | None
    sandbox_mode: str | None
    system_prompt: str | None
    extra_flags: tuple[str, ...]
    path: str | None
    env: Mapping[str, str]
    pass_env: tuple[str, ...]
    replace_system_prompt: bool
    max_concurrent: int | None
    first_output_timeout_secs: float | None
    idle_timeout_secs: float | None


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """What is kept of sessions."""

    auto_resume: bool
    retention_days: float
    store_token_usage: bool
    default_tags: tuple[str, ...]
    store_content: bool


@dataclass(frozen=True, slots=True)
class OutputSettings:
    """How answers look; only `format` has an effect on a server."""

    format: str
    show_tokens: bool
    show_timing: bool
    color: bool


@dataclass(frozen=True, slots=True)
class ParallelSettings:
    """What bounds requests of many prompts."""

    max_workers: int
    fail_fast: bool
    aggregate_output: bool
    max_tasks: int


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """Children of CLIs that wait for a next run."""

    enabled: bool
    max_idle_children: int
    max_idle_memory_bytes: int
    idle_timeout_secs: float
    max_turns_per_child: int


@dataclass(frozen=True, slots=True)
class LingerSettings:
    """What runs may leave running after their end. 0 `max_secs` is nothing."""

    max_secs: float
    max_runs: int


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """The HTTP server."""

    host: str
    port: int
    unix_socket: str
    tls_cert_file: str
    tls_key_file: str
    api_keys_file: str
    api_keys_gopass_path: str
    require_auth: bool
    local_users: str
    allowed_hosts: tuple[str, ...]
    trusted_proxies: tuple[str, ...]
    cors_allowed_origins: tuple[str, ...]
    cors_allow_credentials: bool
    cors_max_age: int
    allowed_workdir_prefixes: tuple[str, ...]
    blocked_workdir_prefixes: tuple[str, ...]
    rate_limit_enabled: bool
    rate_limit_rps: float
    rate_limit_burst: int
    rate_limit_cleanup_secs: float
    max_connections: int
    max_request_body_bytes: int
    max_concurrent_runs: int
    max_queued_runs: int
    max_run_output_bytes: int
    max_run_memory_bytes: int
    request_timeout_secs: float
    read_timeout_secs: float
    write_timeout_secs: float
    idle_timeout_secs: float
    shutdown_grace_secs: float
    metrics_enabled: bool
    metrics_require_key: bool
    audit_log: str
    console_enabled: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set, the folder that everything is kept in, and the file that was read."""

    home: Path
    file: Path
    found: bool
    """Whether there was such a file."""
    api_keys: str = field(repr=False)
    """CLINVK_API_KEYS of the environment: keys, separated by commas; empty where it is not set."""
    default_backend: str
    unified_flags: UnifiedFlags
    backends: Mapping[str, BackendSettings]
    """Every backend there is."""
    session: SessionSettings
    output: OutputSettings
    parallel: ParallelSettings
    pool: PoolSettings
    linger: LingerSettings
    server: ServerSettings


RESTART: Final = frozenset(
    {
        "server.audit_log",
        "server.host",
        "server.port",
        "server.unix_socket",
        "server.tls_cert_file",
        "server.tls_key_file",
    }
)
"""What only the next start takes: where the server listens, if that is HTTPS, where it keeps its audit log."""


def changes(old: Settings, new: Settings) -> list[str]:
    """The keys, such as `server.port`, whose values differ."""
    before, after = _flat(old), _flat(new)
    return [key for key in after if before[key] != after[key]]


def _flat(settings: Settings) -> dict[str, object]:
    flat: dict[str, object] = {"default_backend": settings.default_backend}
    for part in dataclasses.fields(settings):
        value = getattr(settings, part.name)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            flat |= _fields(part.name, value)
        elif isinstance(value, Mapping):
            for name, backend in value.items():
                flat |= _fields(f"{part.name}.{name}", backend)
    return flat


def _fields(prefix: str, section: "DataclassInstance") -> dict[str, object]:
    return {f"{prefix}.{field.name}": getattr(section, field.name) for field in dataclasses.fields(section)}
