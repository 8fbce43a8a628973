"""What the console knows of its server. The feed writes it, widgets read it when they draw."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from clinvk.clock import Clock
from clinvk.views import RunView, Status
from tui.formats import seconds

KEPT_RUNS: Final = 10_000
"""Runs that are listed; of more, those that ended longest ago are let go."""


class Board:
    """Runs and the server's state as they were last heard of. `version` tells whether anything changed since."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ahead = 0.0
        self.version = 0
        self.status: Status | None = None
        self.trouble: str | None = None
        """Why the server is not heard at the moment."""
        self.runs: dict[str, RunView] = {}
        """By id, in no order. Of those that ended, without what only their own screen shows."""
        self.marked: set[str] = set()
        self.whole = False
        """Whether the runs of before the console's start are all here."""

    @property
    def now(self) -> float:
        """The server's time, in seconds since the epoch: its clock need not be ours."""
        return self._clock.wall() + self._ahead

    @property
    def live(self) -> list[str]:
        """The ids of the runs that had not ended when they were last heard of."""
        return [run.id for run in self.runs.values() if not run.state.ended]

    @property
    def lingering(self) -> set[str]:
        """The ids of those that had, and of which something lived on then."""
        return {run.id for run in self.runs.values() if run.lingers_until}

    def heard(self, status: Status) -> None:
        """The server said how it is."""
        self._ahead = seconds(status.at) - self._clock.wall()
        self.status = status
        self.trouble = None
        self.version += 1

    def lost(self, trouble: str) -> None:
        """The server is not heard any more, and why."""
        if self.trouble != trouble:
            self.trouble = trouble
            self.version += 1

    def put(self, runs: Iterable[RunView]) -> None:
        """Runs as they are now."""
        for run in runs:
            known = self.runs.get(run.id)
            if known is not None and known.state.ended and not run.state.ended:
                continue  # an older answer came in later
            self.runs[run.id] = _slim(run) if run.state.ended else run
            self.version += 1
        if len(self.runs) > KEPT_RUNS:
            self._let_go()

    def drop(self, run_id: str) -> None:
        """There is no such run any more."""
        self.runs.pop(run_id, None)
        self.marked.discard(run_id)
        self.version += 1

    def clear(self) -> None:
        """Another server, or another life of it: nothing of before is known to hold."""
        self.runs.clear()
        self.whole = False
        self.version += 1

    def mark(self, run_id: str) -> None:
        """Mark a run, or take its mark away."""
        self.marked ^= {run_id}
        self.version += 1

    def _let_go(self) -> None:
        ended = sorted(run.id for run in self.runs.values() if run.state.ended and run.id not in self.marked)
        for run_id in ended[: len(self.runs) - KEPT_RUNS]:
            del self.runs[run_id]


def _slim(run: RunView) -> RunView:
    """Ten thousand are kept: what is long and no list shows is fetched again for the run's own screen."""
    resources = run.resources if run.lingers_until else None
    return replace(run, command=None, request_as_curl=None, exit=None, notices=(), resources=resources)
