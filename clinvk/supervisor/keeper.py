"""What is kept, and for how long: sessions that are deleted or past their time, with all that belongs to them;
idempotency keys.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from clinvk.backends.registry import Registry
from clinvk.clock import Clock
from clinvk.domain.errors import BackendNotFound, SessionNotFound, StoreUnavailable
from clinvk.domain.session import Session
from clinvk.supervisor.history import History
from clinvk.supervisor.pool import Pool
from clinvk.supervisor.sessions import Sessions
from clinvk.supervisor.tasks import first_of

_log = logging.getLogger("clinvk.sessions")

_TIDY_SECS: Final = 3600.0
_WHOLE_SECS: Final = 5.0
_DAY_SECS: Final = 86400.0


class Keeper:
    """Deletes sessions: the record, the runs, and what the CLI keeps of the conversation.

    A session is marked first, and is gone to everybody from then on; what belongs to it goes next, and its record
    last. Whatever happens in between, the mark is there, and the next tidying goes on.
    """

    def __init__(self, sessions: Sessions, history: History, pool: Pool, registry: Registry, clock: Clock) -> None:
        self._sessions = sessions
        self._history = history
        self._pool = pool
        self._registry = registry
        self._clock = clock
        self._woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def delete(self, session_id: str) -> tuple[str, ...]:
        """Delete one; a sentence for each thing of the CLI's that could not be deleted.

        Raises SessionNotFound, SessionBusy, StoreUnavailable; then it is there as before.
        """
        store = self._sessions.store
        with self._sessions.occupied(session_id):
            session = await store.mark_for_deletion(session_id)
            try:
                return await self._remove(session)
            except StoreUnavailable as error:
                _log.warning("%s is deleted, its record goes later: %s", session_id, error.reason)
                return ()

    async def tidy(self) -> None:
        """Delete what is past `retention_days`, keys past their day, and finish what was begun.

        Raises StoreUnavailable.
        """
        store = self._sessions.store
        before = self._clock.wall() - self._sessions.options.retention_days * _DAY_SECS
        while expired := await store.expire(before):
            await self._history.drop(expired.runs)
        while marked := await store.marked():
            for session in marked:
                for sentence in await self._remove(session):
                    _log.warning("%s is past its time, but %s", session.id, sentence)
        await store.expire_keys(self._clock.wall())

    async def keep_tidy(self) -> None:
        """Tidy now, every hour, and when woken."""
        while True:
            await self._carefully(self.tidy, "what is past its time stays for now")
            await first_of(self._woken, timeout=_TIDY_SECS)
            if self._woken.done():
                self._woken = asyncio.get_running_loop().create_future()

    async def keep_whole(self) -> None:
        """Every few seconds write what a failing store refused: nobody else may ask it for a write."""
        while True:
            await asyncio.sleep(_WHOLE_SECS)
            if self._history.lacks:
                await self._carefully(self._history.settle, "the store still fails")

    def wake(self) -> None:
        """Tidy soon: how long sessions are kept has changed."""
        if not self._woken.done():
            self._woken.set_result(None)

    async def _carefully(self, work: Callable[[], Awaitable[None]], otherwise: str) -> None:
        try:
            await work()
        except StoreUnavailable as error:
            _log.warning("%s: %s", otherwise, error.reason)
        except Exception:  # noqa: BLE001  one fault must not end the keeping
            _log.exception("%s", otherwise)

    async def _remove(self, session: Session) -> tuple[str, ...]:
        left = await self._forgotten_by_its_cli(session)
        try:
            runs = await self._sessions.store.remove_session(session.id)
        except SessionNotFound:  # a tidying and a deletion at once: the other was faster
            return left
        await self._history.drop(runs)
        return left

    async def _forgotten_by_its_cli(self, session: Session) -> tuple[str, ...]:
        if session.backend_session_id is None:
            return ()
        try:
            backend = self._registry.known(session.backend)
        except BackendNotFound as error:
            return (str(error),)
        return (await self._pool.forget(backend, session.backend_session_id)).left
