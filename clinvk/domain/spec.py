"""What was asked: a RunSpec, free of any dialect. Plain data, so that a run could be placed anywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Self

from clinvk.domain.access import Grant

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
    """Who asked: API, client address, label of the key (never the key), HTTP request, server as they call it.

    In a group of runs also which group, and which of its tasks (from 0) or steps (from 1) the run is. With
    `keyed` it may be asked for again and must not run twice: so it may not begin without being kept.
    """

    dialect: Dialect = Dialect.NATIVE
    client: str = ""
    key_label: str | None = None
    request_id: str | None = None
    base_url: str = ""
    keyed: bool = False
    group_id: str | None = None
    task: int | None = None
    step: int | None = None
    grant: Grant | None = None
    """What the key granted when it was shown: it bounds its runs also when the key is gone."""


@dataclass(frozen=True, slots=True)
class RunSpec:
    """One turn to run.

    `session_id` is the session it is a turn of, None where it stands alone. `resume` is the backend's
    own conversation id; where that is lost, the run fails, or begins a new conversation if
    `fresh_if_lost`. `timeout_secs` bounds the whole run, and None leaves that to the server's setting.
    What its agent started may live on for `linger_secs` after a good end; without them it ends with the run.
    `system_prompt` is added to the CLI's own, or takes its place if `replace_system_prompt`.
    `allowed_tools` may be used without asking. `extra` holds flags for the CLI, of the backend's
    allow-list only; the first `preset_flags` of them are from the settings, and not from the request.
    """

    backend: str
    prompt: str
    workdir: str
    model: str | None = None
    session_id: str | None = None
    resume: str | None = None
    fresh_if_lost: bool = False
    ephemeral: bool = True
    approval_mode: ApprovalMode = ApprovalMode.DEFAULT
    sandbox_mode: SandboxMode = SandboxMode.DEFAULT
    max_tokens: int | None = None
    max_turns: int | None = None
    system_prompt: str | None = None
    replace_system_prompt: bool = False
    allowed_tools: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    preset_flags: int = 0
    metadata: Mapping[str, str] = field(default_factory=dict)
    timeout_secs: float | None = None
    linger_secs: float | None = None
    origin: Origin = Origin()

    @property
    def may_write(self) -> bool:
        """Whether its modes let an agent change files: no mode but these two keeps every CLI from it."""
        forbidden = self.sandbox_mode is SandboxMode.READ_ONLY
        return not forbidden and self.approval_mode is not ApprovalMode.ALWAYS

    def abridged(self) -> Self:
        """The same with only the beginning of its texts: what is kept of a run that has ended."""
        if max(len(self.prompt), len(self.system_prompt or "")) <= _ABRIDGED_CHARS:
            return self
        system = self.system_prompt and self.system_prompt[:_ABRIDGED_CHARS]
        return replace(self, prompt=self.prompt[:_ABRIDGED_CHARS], system_prompt=system)
