"""Ends of runs that the store refused and is still to have. What no store could ever keep is none of them."""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from typing import Final

from clinvk.domain.errors import StoreUnavailable
from clinvk.domain.session import Session
from clinvk.store.jobs import RecordTooLong
from clinvk.store.records import RunRecord
from clinvk.store.store import Store

_log = logging.getLogger("clinvk.history")

_MOST: Final = 1000
"""Ends that may wait for a store that works again."""


class Arrears:
    """Keeps ends in a store, now or later; without one, none."""

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._owed: dict[str, tuple[RunRecord, Session | None]] = {}

    @property
    def count(self) -> int:
        """How many ends the store lacks."""
        return len(self._owed)

    def __contains__(self, run_id: str) -> bool:
        return run_id in self._owed

    def request(self, run_id: str) -> str | None:
        """The request of a run whose end is owed."""
        return self._owed[run_id][0].request

    def forget(self, run_id: str) -> None:
        """Its end is not wanted any more, if it was owed."""
        self._owed.pop(run_id, None)

    async def end(self, record: RunRecord, session: Session | None) -> None:
        """Keep an end, or owe it where the store refuses it. Raises RecordTooLong: that is not owed."""
        if self._store is None:
            return
        try:
            await put(partial(self._store.end_run, session=session), record)
        except StoreUnavailable as error:
            if len(self._owed) >= _MOST:
                _log.error("the end of %s is lost, for too many wait already: %s", record.id, error.reason)
                return
            _log.error("the end of %s is not kept yet: %s", record.id, error.reason)
            self._owed[record.id] = record, session

    async def settle(self) -> None:
        """Keep what is owed, now that the store may work again. One that it still refuses holds up no other.

        Raises StoreUnavailable where it fails, or refused any.
        """
        if self._store is None:
            return
        if self._store.failure:
            await self._store.probe()
        refused: StoreUnavailable | None = None
        for run_id in list(self._owed):
            if run_id in self._owed:  # nobody else kept it meanwhile: the session may have its next turn by now
                refused = await self._settle_one(self._store, run_id) or refused
        if refused:
            raise refused

    async def _settle_one(self, store: Store, run_id: str) -> StoreUnavailable | None:
        """Why it is still owed, where that is its own fault. Raises StoreUnavailable where it is the store's."""
        record, session = self._owed[run_id]
        try:
            await put(partial(store.end_run, session=session), record)
        except StoreUnavailable as error:
            await store.probe()  # a store that fails would refuse each of them, and take its time
            return error
        except Exception:  # noqa: BLE001  a mistake of ours stays one: it must not be tried for ever
            _log.exception("the end of %s was not kept", run_id)
        self._owed.pop(run_id, None)
        return None


async def put(keep: Callable[[RunRecord], Awaitable[None]], record: RunRecord) -> None:
    """`keep` a record; where it is too long, without its request: a run is listed and replayed without that.

    Raises RecordTooLong where that does not help, and what `keep` raises.
    """
    try:
        await keep(record)
    except RecordTooLong as error:
        if record.request is None:
            raise
        _log.warning("the request of %s is not kept: %s", record.id, error)
        await keep(replace(record, request=None))
