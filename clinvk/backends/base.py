"""What a backend is: a stateless adapter, and one sans-io dialogue per child."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple, Protocol

from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import Fault, RunError
from clinvk.domain.events import Output
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec

TurnId = str
"""A turn on a child. Runs are turns, so it is the run's id."""


@dataclass(frozen=True, slots=True)
class Executable:
    """What to look for on a machine, and how to make sense of what is found.

    `name` is the program on PATH. `natives` are globs below the `node_modules` folder that holds it: the
    program that an npm wrapper would start, to be started without it. `version` is a regular expression
    whose first group is the version in what `--version` prints. `tested` is the range that clinvk is
    known to work with: at least the first, below the second. `install` is the cure where nothing is found.
    """

    name: str
    natives: tuple[str, ...]
    version: str
    tested: tuple[str, str]
    install: str


@dataclass(frozen=True, slots=True)
class Installation:
    """A CLI as found: how to execute it, and its version, None where it does not tell."""

    argv: tuple[str, ...]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Where a child is to live: the CLI it is started from, and a folder that is its own and ends with it.

    The folder is the child's TMPDIR.
    """

    installation: Installation
    folder: str


class Place(NamedTuple):
    """A folder of a CLI's own: that which a variable of its environment names, or one in there."""

    variable: str
    folder: str = ""


class Residue(NamedTuple):
    """What a CLI keeps of one conversation, to be deleted with it: files, or whole folders.

    `pattern` is a glob below the first of `places` whose variable is set. If it ends with `/`, the folders that
    match are deleted with all that is in them; else the files that match, if they contain `holds`.
    """

    pattern: str
    holds: str = ""
    places: tuple[Place, ...] = (Place("HOME"),)


@dataclass(frozen=True, slots=True)
class Command:
    """A process to start: what to execute, what to add to the clean environment, where, and with which files.

    `files` are written, by name, into the site's folder before the start. `leaves` is what the process makes for
    itself and never needs again: it is deleted once that has ended.
    """

    argv: tuple[str, ...]
    cwd: str
    env: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    leaves: tuple[Residue, ...] = ()


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
class Capabilities:
    """What a backend can do beyond answering in a stream."""

    resume: bool = False
    system_prompt: bool = False
    images: bool = False


@dataclass(frozen=True, slots=True)
class SettingsFiles:
    """Where a CLI has its settings and its login: `own`, below the first of `home` whose variable is set, and
    `project`, in the workdir and in each folder above it. Files, or folders whose entries matter.
    """

    home: tuple[Place, ...] = ()
    own: tuple[str, ...] = ()
    project: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Traits:
    """How the supervisor shall treat a backend's children.

    `stop` ends a turn under way, `retire` a child that has answered. `environment` names what of the
    server's own environment its children see, beyond what all see; a trailing `*` takes a family.
    `litter` names empty folders that they may leave in the workdir when they end.
    `extra_flags` is the allow-list of `RunSpec.extra`: `--flag` itself, or before the `=` of `--flag=value`.
    Of these, one of `final_flags` bounds the agent: a request cannot give it where the settings do. The value of
    one of `folder_flags` names folders, parted by commas, that the agent gets beside its workdir.
    `writes` says whether its agents can change files in the workdir at all. `efforts` are the values that its
    flag `--effort` takes: how hard the model shall think. `conversations` says whether a child may take turns of
    several, one after the other. With `binds_first` it names a conversation before it gets to see the prompt: what
    it has by then serves the conversation, and is no turn's doing. `settings` are what a child reads when it
    starts: one that waits is of no use once they have changed.
    """

    stop: tuple[Rung, ...]
    retire: tuple[Rung, ...]
    capabilities: Capabilities = Capabilities()
    environment: tuple[str, ...] = ()
    litter: tuple[str, ...] = ()
    extra_flags: tuple[str, ...] = ()
    final_flags: tuple[str, ...] = ()
    folder_flags: tuple[str, ...] = ()
    writes: bool = True
    efforts: tuple[str, ...] = ()
    conversations: bool = False
    binds_first: bool = False
    settings: SettingsFiles = SettingsFiles()
    first_output_secs: float = 120.0
    idle_secs: float = 900.0


_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

PoolKey = tuple[str, ...]
"""All that is fixed when a child starts: two specs with one key could share a child."""


class Dialogue(Protocol):
    """One child's protocol for its whole life. Knows no process, clock or task."""

    capacity: int
    """Turns at once."""

    @property
    def ready(self) -> bool:
        """Whether a turn that begins is said to the child at once: it is held back until then."""
        ...

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
    executable: Executable | None
    """What has to be installed; None where clinvk brings the program along."""

    def faults(self, spec: RunSpec) -> list[Fault]:
        """What of `spec` this CLI cannot do, or may not be told. Paths are those of the native request."""
        ...

    def command(self, spec: RunSpec, site: Site) -> Command:
        """The process that would run `spec`. The prompt is no part of it."""
        ...

    def key(self, spec: RunSpec) -> PoolKey:
        """What of `spec` is fixed when the child starts, whatever conversation it goes on with."""
        ...

    def dialogue(self, spec: RunSpec) -> Dialogue:
        """A new child's protocol."""
        ...

    def explain(self, exit_: Exit) -> RunError | None:
        """What an exit without a result means, where code and stderr tell."""
        ...

    def residue(self, session_id: str) -> tuple[Residue, ...]:
        """What the CLI keeps of the conversation `session_id` although it was asked to keep nothing."""
        ...

    def stored(self, session_id: str) -> tuple[Residue, ...]:
        """What the CLI keeps of the conversation `session_id` if it may; nothing where that is no id."""
        ...

    def deletion(self, session_id: str, installation: Installation) -> Command | None:
        """The CLI's own way to delete that conversation, where there is more to it than files of its own.

        It succeeds with exit code 0. `stored` is deleted after it, whatever came of it.
        """
        ...


def refused_flags(extra: tuple[str, ...], allowed: tuple[str, ...]) -> list[Fault]:
    """The faults of flags that are on no allow-list, or that no argument can be.

    A value stands behind `=`, so it can be no flag itself.
    """
    named = ", ".join(allowed) or "none for this backend"
    return [
        Fault(f"/extra/{index}", f"'{flag}' may not be passed on", f"flags of the allow-list: {named}")
        for index, flag in enumerate(extra)
        if flag.partition("=")[0] not in allowed or "\0" in flag
    ]


def misused_flags(extra: tuple[str, ...], valued: tuple[str, ...], bare: tuple[str, ...] = ()) -> list[Fault]:
    """The faults of flags that lack their value, so that the next word would be it, or that take none."""
    faults = []
    for index, flag in enumerate(extra):
        name, equals, value = flag.partition("=")
        if name in valued and not value:
            faults.append(Fault(f"/extra/{index}", f"'{name}' lacks its value", f"{name}=VALUE"))
        if name in bare and equals:
            faults.append(Fault(f"/extra/{index}", f"'{name}' takes no value", name))
    return faults


def is_uuid(name: str) -> bool:
    """Whether it can name one conversation only, and no other file."""
    return _UUID.fullmatch(name) is not None


def malformed_resume(resume: str | None) -> list[Fault]:
    """The fault of a conversation id that is no UUID: some CLIs take any other word for a wish of a new one."""
    if resume is None or is_uuid(resume):
        return []
    return [Fault("/session_id", "the backend's conversation id is not a UUID", "the id that the backend gave")]
