"""A program that is run for what it says or does, not for a turn: charged, bounded and ended like any other."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from typing import Final, NamedTuple

from clinvk.backends.base import Command, Outgoing, Said, TurnId
from clinvk.domain.approvals import Verdict
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import workdir
from clinvk.supervisor.child import Child
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.environment import MARKER
from clinvk.supervisor.ledger import ANYBODYS
from clinvk.supervisor.tasks import first_of

ENOUGH: Final = 64 << 10
"""Bytes that are kept of what it prints."""


class Outcome(NamedTuple):
    """How it ended, None if it had to be ended; and the beginning of what it printed."""

    exit: Exit | None
    text: str


async def run(
    command: Command, variables: Mapping[str, str], marker: str, descendants: Descendants, seconds: float
) -> Outcome:
    """Run `command` with that environment, `seconds` at most. No process of it is left. Raises SpawnFailed."""
    heard = _Heard()
    command = replace(command, cwd=workdir.real(command.cwd))
    cgroup = descendants.cgroups.new()
    child = Child.spawn(command, dict(variables), heard, cgroup)
    # The errands of other servers have the same markers: it is known by its number.
    descendants.enrol(marker, child.pid, cgroup, known_as=ANYBODYS)
    try:
        child.open()
        in_time = await first_of(child.ended, timeout=seconds)
    finally:
        await descendants.end(marker)
        exit_ = await child.ended
        descendants.forget(marker)
    return Outcome(exit_ if in_time else None, heard.text)


class Errands:
    """Runs programs for whoever has no process of its own to look after."""

    def __init__(self, descendants: Descendants) -> None:
        """`descendants` must be the only ones of this process: two would take exit statuses from each other."""
        self._descendants = descendants
        self._numbers = itertools.count(1)

    async def run(self, command: Command, variables: Mapping[str, str], seconds: float) -> Outcome:
        """As `run` does, under a marker of its own. Raises SpawnFailed."""
        marker = f"errand-{next(self._numbers)}"
        return await run(command, {**variables, MARKER: marker}, marker, self._descendants, seconds)


class _Heard:
    """The dialogue with such a program: all it has to say is its output."""

    capacity = 0
    ready = False

    def __init__(self) -> None:
        self._bytes = b""

    @property
    def text(self) -> str:
        return self._bytes.decode(errors="replace")

    def open(self) -> None:
        """There is nothing to say."""

    def fit(self, spec: RunSpec) -> Start | None:  # noqa: ARG002  it takes no turns
        return None

    def begin(self, turn: TurnId, spec: RunSpec) -> None:
        raise NotImplementedError

    def interrupt(self, turn: TurnId) -> bool:  # noqa: ARG002  it takes no turns
        return False

    def answer(self, turn: TurnId, ask_id: str, verdict: Verdict) -> None:
        raise NotImplementedError

    def receive(self, data: bytes) -> list[Said]:
        self._bytes = (self._bytes + data)[:ENOUGH]
        return []

    def outgoing(self) -> Outgoing:
        return Outgoing(b"", close_stdin=True)

    def exited(self, exit_: Exit) -> list[Said]:  # noqa: ARG002  the asker sees for itself
        return []
