"""What is done when a run has ended, before anybody is told and after."""

import logging

from clinvk.backends.registry import Registry
from clinvk.domain.answer import FOLDED, Answer
from clinvk.domain.run import Continuation
from clinvk.domain.session import Session
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.history import History
from clinvk.supervisor.pool import Pool
from clinvk.supervisor.sessions import Sessions
from clinvk.supervisor.tasks import Tasks

_log = logging.getLogger("clinvk.run")


class Endings:
    """Keeps how runs end, lets their sessions go, and logs them."""

    def __init__(self, tasks: Tasks, history: History, sessions: Sessions, pool: Pool, registry: Registry) -> None:
        self._tasks = tasks
        self._history = history
        self._sessions = sessions
        self._pool = pool
        self._registry = registry
        self.draining = False
        """Whether the server ends: what only tidies up is then left."""

    def watch(self, handle: RunHandle, session: Session | None, *, log_content: bool) -> None:
        """Have all that follows on the end of the run done, and of its process. Before the run is under way."""
        said = Answer() if log_content else None
        if said:
            handle.log.observe(said.fold, FOLDED)
        handle.runner.keep_end = lambda: self._keep(handle, session)
        handle.runner.on_finished = lambda: self._finished(handle, said)
        handle.runner.on_exit = lambda: self._exited(handle)

    async def _keep(self, handle: RunHandle, session: Session | None) -> None:
        run = handle.run
        try:
            await self._history.end(handle, self._sessions.after(session, run) if session else None)
        except Exception:  # noqa: BLE001  whatever it is, the run must end and say so
            _log.exception("the end of %s was not kept", run.id)
        self._sessions.release(session)
        if run.spec.resume and run.continuation is Continuation.FRESH and not self.draining:
            # Nobody will ever ask for what is left of the conversation that was lost.
            backend = self._registry.known(run.spec.backend)
            self._tasks.spawn(self._pool.forget(backend, run.spec.resume), name=f"forget before {run.id}")

    def _exited(self, handle: RunHandle) -> None:
        if handle.run.state.ended:
            self._history.note_exit(handle)

    def _finished(self, handle: RunHandle, said: Answer | None) -> None:
        run = handle.run
        _log.info(
            "run",
            extra={
                "run_id": run.id,
                "state": run.state,
                "backend": run.spec.backend,
                "error": run.error.code if run.error else None,
                "prompt": run.spec.prompt if said else None,
                "output": said.output if said else None,
                "seconds": round(max(0.0, (run.finished_at or run.created_at) - run.created_at), 3),
            },
        )
        self._history.ended(handle)
        if self._history.keeps_too_much:
            self._tasks.spawn(self._history.forget_surplus(), name="forget")
