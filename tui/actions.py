"""What a person can do to a run from more than one screen: cancel it, and start it once more."""

from collections.abc import Awaitable, Callable
from typing import Final

from textual.worker import Worker

from clinvk.domain.errors import ClinvkError
from clinvk.domain.run import StopCause
from clinvk.views import BackendView, RunView
from tui.dialogs import Choice, Question
from tui.screens.base import ConsoleScreen
from tui.widgets.cells import clean

Then = Callable[[RunView], None]
"""What follows once a new run is there."""

_CANCEL: Final = (
    Choice("y", "Cancel it", "ended now; what it said is kept", value=True),
    Choice("n", "Let it run", "nothing happens", value=False),
)


def confirm_cancel(screen: ConsoleScreen, run: RunView) -> None:
    """Ask, then cancel: the run, or what it left. One that has ended and left nothing is only told of."""

    def answered(sure: bool | None) -> None:
        if sure:
            cancel_now(screen, run)

    if not _has_ended(screen, run):
        screen.console.push_screen(Question("Cancel this run?", _called(run), _CANCEL), answered)


def cancel_now(screen: ConsoleScreen, run: RunView) -> None:
    """Cancel without a question."""

    async def stop() -> None:
        await screen.monitor.stop(run.id, StopCause.CONSOLE)
        screen.notify(f"Cancelling {run.id}", timeout=3)

    if not _has_ended(screen, run):
        _do(screen, stop)


def rerun(screen: ConsoleScreen, run: RunView, then: Then, backend: str | None = None) -> None:
    """Start the same prompt once more, on the same backend or on the one that is named."""

    async def start() -> None:
        again = await screen.monitor.rerun(run.id, backend)
        screen.board.put([again])
        screen.notify(f"Started {again.id} on {again.backend}", timeout=3)
        then(again)

    _do(screen, start)


def rerun_elsewhere(screen: ConsoleScreen, run: RunView, then: Then) -> None:
    """Ask which backend, then start the same prompt once more there."""

    def answered(backend: str | None) -> None:
        if backend:
            rerun(screen, run, then, backend)

    async def ask() -> None:
        there = [each for each in await screen.monitor.backends() if each.available and each.enabled]
        if there:
            screen.console.push_screen(
                Question("Rerun on which backend?", _called(run), _offers(there, run)), answered
            )
        else:
            screen.notify("No backend is available", severity="error")

    _do(screen, ask)


def _do(screen: ConsoleScreen, act: Callable[[], Awaitable[None]]) -> None:
    """Act, and tell what the server would not. Not in the screen's name: it may be left meanwhile."""

    async def carefully() -> None:
        try:
            await act()
        except ClinvkError as error:
            screen.console.notify(str(error), severity="error", markup=False)
        screen.console.feed.hurry()

    _: Worker[None] = screen.console.run_worker(carefully, group="actions")


def _has_ended(screen: ConsoleScreen, run: RunView) -> bool:
    known = screen.board.runs.get(run.id, run)
    has_ended = known.state.ended and not known.lingers_until
    if has_ended:
        screen.notify(f"It has ended already: {known.state}", timeout=3)
    return has_ended


def _called(run: RunView) -> str:
    return f"{run.id} on {run.backend}\n{clean(run.prompt_preview)}"


def _offers(backends: list[BackendView], run: RunView) -> tuple[Choice[str], ...]:
    """One a backend. Its letter is the first of its name that is free; `j`, `k` and `q` are the dialog's own."""
    taken = set("jkq")
    offers = []
    for backend in backends:
        key = next((each for each in backend.name + "123456789" if each not in taken), "")
        taken.add(key)
        where = "the same as before" if backend.name == run.backend else f"{backend.live} of {backend.limit} live"
        offers.append(Choice(key, backend.name, where, backend.name))
    return tuple(offers)
