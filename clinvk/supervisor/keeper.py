"""What is kept, and for how long: sessions that are deleted or past their time, with all that belongs to them."""

import asyncio
import logging
from typing import Final

from clinvk.backends.registry import Registry
from clinvk.clock import Clock
from clinvk.domain.errors import BackendNotFound, StoreUnavailable
from clinvk.domain.session import Session
from clinvk.supervisor.history import History
from clinvk.supervisor.pool import Pool
from clinvk.supervisor.sessions import Sessions

_log = logging.getLogger("clinvk.sessions")

_PAUSE_SECS: Final = 3600.0
_DAY_SECS: Final = 86400.0


class Keeper:
    """Deletes sessions: the record, the runs, and what the CLI keeps of the conversation."""

    def __init__(self, sessions: Sessions, history: History, pool: Pool, registry: Registry, clock: Clock) -> None:
        self._sessions = sessions
        self._history = history
        self._pool = pool
        self._registry = registry
        self._clock = clock

    async def delete(self, session_id: str) -> tuple[str, ...]:
        """Delete one; a sentence for each thing of the CLI's that could not be deleted.

        Raises SessionNotFound, SessionBusy, StoreUnavailable; then it is there as before, but perhaps without
        what the CLI kept.
        """
        store = self._sessions.store
        session = await store.session(session_id)
        with self._sessions.occupied(session_id):
            left = await self._forgotten_by_its_cli(session)
            self._history.drop(await store.remove_session(session_id))
        return left

    async def tidy(self) -> None:
        """Delete what is past `retention_days`. Raises StoreUnavailable."""
        before = self._clock.wall() - self._sessions.options.retention_days * _DAY_SECS
        while expired := await self._sessions.store.expire(before):
            self._history.drop(expired.runs)
            for session in expired.sessions:
                for sentence in await self._forgotten_by_its_cli(session):
                    _log.warning("%s is past its retention, but %s", session.id, sentence)

    async def keep_tidy(self) -> None:
        """Tidy now and every hour."""
        while True:
            try:
                await self.tidy()
            except StoreUnavailable as error:
                _log.warning("what is past its retention stays for now: %s", error.reason)
            await asyncio.sleep(_PAUSE_SECS)

    async def _forgotten_by_its_cli(self, session: Session) -> tuple[str, ...]:
        if session.backend_session_id is None:
            return ()
        try:
            backend = self._registry.known(session.backend)
        except BackendNotFound as error:
            return (str(error),)
        return (await self._pool.forget(backend, session.backend_session_id)).left
