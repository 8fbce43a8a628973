"""A run in the hands of those who started it, and of those who watch it."""

import asyncio

from clinvk.domain.judge import Judgement
from clinvk.domain.run import Start, Stop, StopCause
from clinvk.supervisor.owners import Owners
from clinvk.supervisor.runner import Runner


class RunHandle:
    """A run as its starter and its watchers hold it. Its owners keep it alive, watchers do not."""

    def __init__(self, runner: Runner, owner: object) -> None:
        self._runner = runner
        self.owners = Owners(owner, lambda: self.stop(Stop(StopCause.DISCONNECT)))
        self.id = runner.run.id
        self.run = runner.run
        self.log = runner.log

    @property
    def finished(self) -> "asyncio.Future[Judgement]":
        """Done at the end. Not to be cancelled: wait with `first_of`, or through a shield."""
        return self._runner.finished

    @property
    def child_start(self) -> Start | None:
        """How it came by its child; None while it has none."""
        return self.run.start

    @property
    def lingers_until(self) -> float | None:
        """When what it left ends at the latest, in seconds since the epoch; None where nothing of it is left."""
        return self._runner.lingering.until(self.id) if self.run.state.ended else None

    def end_lingering(self) -> bool:
        """End what it left. Whether there was anything that did not end yet."""
        return self._runner.lingering.end(self.id)

    def stop(self, stop: Stop) -> None:
        """Ask for the end: at any moment, any number of times."""
        self._runner.stop(stop)

    @property
    def runner(self) -> Runner:
        return self._runner
