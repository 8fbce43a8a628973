"""What was asked: a RunSpec, free of any dialect. Plain data, so that a run could be placed anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Self

_ABRIDGED_CHARS: Final = 400


class ApprovalMode(StrEnum):
    """What may be done without asking: see `domain.approvals.decide`."""

    DEFAULT = "default"
    AUTO = "auto"
    NONE = "none"
    ALWAYS = "always"


class SandboxMode(StrEnum):
    """What the CLI's own sandbox shall permit."""

    DEFAULT = "default"
    READ_ONLY = "read-only"
    WORKSPACE = "workspace"
    FULL = "full"


class Dialect(StrEnum):
    """The API a run came in by."""

    NATIVE = "native"
    OPENAI = "openai"
    ANTHROPIC = "anthropic"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who asked: API, client address, label of the key (never the key), HTTP request, group of runs."""

    dialect: Dialect = Dialect.NATIVE
    client: str = ""
    key_label: str | None = None
    request_id: str | None = None
    group_id: str | None = None


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One turn to run.

    `resume` is the backend's own conversation id; `timeout_secs` bounds the whole run, and None
    leaves that to the server's setting. `extra` holds flags already checked against the backend's
    allow-list.
    """

    backend: str
    prompt: str
    workdir: str
    model: str | None = None
    resume: str | None = None
    ephemeral: bool = True
    approval_mode: ApprovalMode = ApprovalMode.DEFAULT
    sandbox_mode: SandboxMode = SandboxMode.DEFAULT
    max_tokens: int | None = None
    max_turns: int | None = None
    system_prompt: str | None = None
    extra: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    timeout_secs: float | None = None
    origin: Origin = Origin()

    def abridged(self) -> Self:
        """The same with only the beginning of its texts: what is kept of a run that has ended."""
        system = self.system_prompt and self.system_prompt[:_ABRIDGED_CHARS]
        return replace(self, prompt=self.prompt[:_ABRIDGED_CHARS], system_prompt=system)
