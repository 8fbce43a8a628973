"""Sessions: which turn goes on with which conversation, one at a time, and what is remembered of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from clinvk.clock import Clock
from clinvk.domain.errors import Fault, InvalidInput, SessionBusy, StoreUnavailable
from clinvk.domain.run import Run
from clinvk.domain.session import Session
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage
from clinvk.store.store import Store
from clinvk.supervisor import view, workdir


@dataclass(frozen=True, slots=True)
class SessionOptions:
    """How sessions are kept.

    With `auto_resume` a prompt that names no session goes on with the newest one of its backend and workdir.
    With `store_content` off neither prompts nor answers are kept.
    """

    auto_resume: bool = False
    retention_days: float = 30.0
    store_token_usage: bool = True
    default_tags: tuple[str, ...] = ()
    store_content: bool = True


@dataclass(frozen=True, slots=True)
class Turn:
    """A run's part in a session. `session` is as it will be once the turn has begun, None for a run on its own.

    `lost` says why a run that should have had a session has none.
    """

    spec: RunSpec
    session: Session | None = None
    is_new: bool = False
    lost: str | None = None


class Sessions:
    """Every session with a turn under way is busy: it takes no other, and cannot be deleted."""

    def __init__(
        self, store: Store | None, options: SessionOptions, clock: Clock, new_id: Callable[[str], str]
    ) -> None:
        self.options = options
        self._store = store
        self._clock = clock
        self._new_id = new_id
        self._busy: set[str] = set()

    @property
    def store(self) -> Store:
        """Raises StoreUnavailable."""
        if self._store is None:
            raise StoreUnavailable("it could not be opened when the server started, see its log")
        return self._store

    async def claim(self, spec: RunSpec) -> Turn:
        """The turn that `spec` asks for; its session is busy until `release`.

        Raises SessionNotFound, SessionBusy, StoreUnavailable, and InvalidInput where `spec` does not go with
        the session that it names.
        """
        if spec.session_id:
            return self._next_turn(await self.store.session(spec.session_id), spec)
        if spec.ephemeral:
            return Turn(spec)
        try:
            store, folder = self.store, workdir.real(spec.workdir)
            newest = await store.newest_session(spec.backend, folder) if self.options.auto_resume else None
        except StoreUnavailable as error:
            return alone(spec, error)
        if newest and newest.id not in self._busy:
            return self._next_turn(newest, spec)
        return self._first_turn(spec, folder)

    def release(self, session: Session | None) -> None:
        """It takes a turn again."""
        if session:
            self._busy.discard(session.id)

    @contextmanager
    def occupied(self, session_id: str) -> Iterator[None]:
        """Nobody else may have it meanwhile. Raises SessionBusy."""
        self._occupy(session_id)
        try:
            yield
        finally:
            self._busy.discard(session_id)

    def bound(self, session: Session, backend_session_id: str) -> None:
        """The CLI named its conversation: noted at once, so that it is found again if the server dies."""
        self.store.bind_session(session.id, backend_session_id)

    def after(self, session: Session, run: Run) -> Session:
        """`session` as it is once its turn `run` has ended."""
        usage = run.usage if self.options.store_token_usage else Usage()
        ended = session.turn_ended(run.finished_at or self._clock.wall(), run.state, usage)
        return replace(ended, backend_session_id=run.backend_session_id or session.backend_session_id)

    def _occupy(self, session_id: str) -> None:
        if session_id in self._busy:
            raise SessionBusy(session_id)
        self._busy.add(session_id)

    def _first_turn(self, spec: RunSpec, folder: str) -> Turn:
        now, content = self._clock.wall(), self.options.store_content
        session = Session(
            id=self._new_id("ses"),
            backend=spec.backend,
            workdir=folder,
            created_at=now,
            last_used=now,
            model=spec.model,
            title=view.preview(spec.prompt) if content else None,
            initial_prompt=spec.abridged().prompt if content else None,
            tags=self.options.default_tags,
            metadata=spec.metadata,
        )
        self._occupy(session.id)
        return Turn(replace(spec, session_id=session.id), session, is_new=True)

    def _next_turn(self, session: Session, spec: RunSpec) -> Turn:
        faults = _misfits(session, spec)
        if faults:
            raise InvalidInput(faults)
        self._occupy(session.id)
        continued = replace(
            spec,
            session_id=session.id,
            workdir=session.workdir,
            model=spec.model or session.model,
            resume=session.backend_session_id,
            fresh_if_lost=True,
            ephemeral=False,
        )
        return Turn(continued, session.turn_begun(self._clock.wall(), spec.model))


def alone(spec: RunSpec, error: StoreUnavailable) -> Turn:
    """The same without a session: nobody could find that again."""
    return Turn(replace(spec, ephemeral=True, session_id=None), lost=str(error))


def _misfits(session: Session, spec: RunSpec) -> list[Fault]:
    """What `spec` asks for otherwise than its session has it."""
    faults = []
    if spec.backend != session.backend:
        told = f"'{spec.backend}' is not the backend of session {session.id}"
        faults.append(Fault("/backend", told, f"'{session.backend}'"))
    if spec.workdir and workdir.real(spec.workdir) != session.workdir:
        told = f"'{spec.workdir}' is not the workdir of session {session.id}"
        faults.append(Fault("/workdir", told, f"'{session.workdir}', or no workdir"))
    elif not workdir.is_there(session.workdir):
        told = f"the workdir of session {session.id}, '{session.workdir}', is not there any more"
        faults.append(Fault("/session_id", told, "a session whose folder exists"))
    if spec.ephemeral:
        faults.append(Fault("/ephemeral", "true does not go with a session", "false, or no session_id"))
    return faults
