"""What a backend is: a stateless adapter, and one sans-io dialogue per child."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple, Protocol

from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import RunError
from clinvk.domain.events import Output
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec

TurnId = str
"""A turn on a child. Runs are turns, so it is the run's id."""


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start: what to execute, what to add to the clean environment, and where."""

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict)


class Said(NamedTuple):
    """Something a child said, and in which turn; None means about itself, to all its turns."""

    turn: TurnId | None
    output: Output


class Outgoing(NamedTuple):
    """Bytes for the child's stdin, and whether to close it behind them."""

    data: bytes
    close_stdin: bool = False


class Step(StrEnum):
    """A way to ask a child to end."""

    INTERRUPT = "interrupt"  # by its own protocol
    CLOSE_STDIN = "close-stdin"
    SIGINT = "SIGINT"
    SIGTERM = "SIGTERM"


class Rung(NamedTuple):
    """A step of the stop ladder, and the seconds it is given. KILL of every descendant follows the last."""

    step: Step
    grace: float


@dataclass(frozen=True, slots=True)
class Traits:
    """How the supervisor shall treat a backend's children.

    `stop` ends a turn under way, `retire` a child that has answered. `environment` names what of the
    server's own environment its children see, beyond what all see; a trailing `*` takes a family.
    `extra_flags` is the allow-list of `RunSpec.extra`.
    """

    stop: tuple[Rung, ...]
    retire: tuple[Rung, ...]
    environment: tuple[str, ...] = ()
    extra_flags: tuple[str, ...] = ()
    first_output_secs: float = 120.0
    idle_secs: float = 900.0


PoolKey = tuple[str, ...]
"""All that is fixed when a child starts: two specs with one key could share a child."""


class Dialogue(Protocol):
    """One child's protocol for its whole life. Knows no process, clock or task."""

    capacity: int
    """Turns at once."""

    def open(self) -> None:
        """Queue the handshake."""
        ...

    def fit(self, spec: RunSpec) -> Start | None:
        """LIVE in the same conversation, WARM in a new one, None not now."""
        ...

    def begin(self, turn: TurnId, spec: RunSpec) -> None:
        """Start a turn; legal before the child is ready: it is queued."""
        ...

    def interrupt(self, turn: TurnId) -> bool:
        """Ask by protocol for the turn's end; False where only a signal helps."""
        ...

    def answer(self, turn: TurnId, ask_id: str, verdict: Verdict) -> None:
        """Answer an ask of that turn."""
        ...

    def receive(self, data: bytes) -> list[Said]:
        """What these bytes say. Raises LineTooLong; anything else unknown becomes a notice."""
        ...

    def outgoing(self) -> Outgoing:
        """What waits to be written; to be drained after every call."""
        ...

    def exited(self, exit_: Exit) -> list[Said]:
        """What was left unsaid when the child ended: the last line, open blocks. Never invents a result."""
        ...


class Backend(Protocol):
    """An adapter to one CLI. Stateless."""

    name: str
    traits: Traits

    def command(self, spec: RunSpec) -> Command:
        """The process that would run `spec`. The prompt is no part of it."""
        ...

    def key(self, spec: RunSpec) -> PoolKey:
        """What of `spec` is fixed when the child starts."""
        ...

    def dialogue(self, spec: RunSpec) -> Dialogue:
        """A new child's protocol."""
        ...

    def explain(self, exit_: Exit) -> RunError | None:
        """What an exit without a result means, where code and stderr tell."""
        ...
