"""Idempotency-Key: who asks the same again gets the same run, and its answer, instead of another run."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final

import orjson

from clinvk.api.operation import Form, Operation, Start
from clinvk.api.problems import Kind, Problem
from clinvk.api.replay import Replay, Told, is_whole, output_of, runs_of
from clinvk.clock import Clock
from clinvk.domain.errors import ErrorCode, RunNotFound, StoreUnavailable
from clinvk.domain.paging import RunQuery
from clinvk.domain.run import Start as ChildStart
from clinvk.store.jobs import RecordTooLong
from clinvk.store.keys import LIFETIME_SECS, Claim
from clinvk.supervisor.supervisor import Supervisor
from clinvk.supervisor.tasks import first_of
from clinvk.views import RunView

_log = logging.getLogger("clinvk.idempotency")

HEADER: Final = "Idempotency-Key"
REPLAYED: Final = "Idempotent-Replayed"
"""In the head of an answer to a request that started nothing itself."""

_HOURS: Final = round(LIFETIME_SECS / 3600)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request with a key: `request` is what must be the same, as JSON. Keys are their senders' own."""

    key: str
    sender: str | None
    request: tuple[Any, ...]
    owner: object


class Shared:
    """An operation that several requests may own: `clinvk.api.operation.Operation`.

    It has finished once its answer is kept, so that whoever was told it is told the same again.
    """

    def __init__(self, operation: Operation) -> None:
        self.owners = operation.owners
        self.id = operation.id
        self.log = operation.log
        self._operation = operation
        self.stop, self.answer = operation.stop, operation.answer
        self.ended = operation.finished
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def child_start(self) -> ChildStart | None:
        return self._operation.child_start


class _Use:
    """A key in use at this moment: what it started is under way, or is about to be known."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self._shared: Shared | None = None
        self._known: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting: list[object] = []

    async def join(self, owner: object) -> Shared | None:
        """What was started, `owner` being one of its owners; None where nothing is under way after all."""
        if self._shared:
            self._shared.owners.join(owner)
        else:
            self._waiting.append(owner)
            await first_of(self._known)
        return self._shared

    def started(self, shared: Shared) -> None:
        """It is under way. Whoever waited owns it before the starter can leave."""
        self._shared = shared
        for owner in self._waiting:
            shared.owners.join(owner)
        self._known.set_result(None)

    def settle(self) -> None:
        """Nothing is under way: whoever waited shall look again."""
        if not self._known.done():
            self._known.set_result(None)


class Idempotency:
    """The keys of this server. The store has them all; here are those whose operations are under way.

    A key is claimed before anything is started. One that was claimed for nothing, by a request that was refused or
    by a server that died, is as good as new. Digests are kept of the key and of its request; its answer is kept
    where content may be.
    """

    def __init__(self, supervisor: Supervisor, clock: Clock, new_id: Callable[[str], str]) -> None:
        self._supervisor = supervisor
        self._clock = clock
        self._new_id = new_id
        self._uses: dict[bytes, _Use] = {}

    async def once(self, asked: Asked, start: Start, form: Form) -> tuple[Operation, bool]:
        """What was asked for, its owner being one of the owners; and whether an earlier request had started it.

        Raises what `start` raises, a Problem for a key that belongs to another request or whose answer was not
        kept, and StoreUnavailable where the store cannot promise that a run is not begun twice.
        """
        claim = self._claim_of(asked, start.kind, form)
        while use := self._uses.get(claim.key):
            if use.request != claim.request:
                raise mismatch()
            if shared := await use.join(asked.owner):
                return shared, True
        found = await self._first(claim, start, form)
        return (found, False) if isinstance(found, Shared) else (await self._told(found, start, form), True)

    def _claim_of(self, asked: Asked, kind: str, form: Form) -> Claim:
        return Claim(
            key=_digest([asked.sender, asked.key]),
            # The form may be that of the settings, and these may change.
            request=_digest([*asked.request, form.value]),
            operation=self._new_id(kind),
            claimed_at=self._clock.wall(),
        )

    async def _first(self, claim: Claim, start: Start, form: Form) -> Shared | Claim:
        """Start what the key is for, unless it was used before: how is told by the claim of then."""
        use = self._uses[claim.key] = _Use(claim.request)
        shared = None
        try:
            earlier = await self._claim(claim)
            if earlier:
                return earlier
            shared = Shared(await self._begun(claim, start))
            use.started(shared)
        finally:
            if shared is None:
                del self._uses[claim.key]
                use.settle()
        self._supervisor.spawn(self._keep(claim, shared, form), name=f"the answer of {shared.id}")
        return shared

    async def _begun(self, claim: Claim, start: Start) -> Operation:
        try:
            return await start.begin(claim.operation)
        except Exception:
            with contextlib.suppress(StoreUnavailable):  # then whoever comes next finds that nothing was begun
                await self._supervisor.sessions.store.release_key(claim)
            raise

    async def _claim(self, claim: Claim) -> Claim | None:
        """What there is on the key, None where it is ours now. Raises a Problem if it is of another request."""
        store = self._supervisor.sessions.store
        earlier = await store.claim_key(claim)
        if earlier and not await self._was_begun(earlier):  # that request was refused, or its server died
            await store.release_key(earlier)
            earlier = await store.claim_key(claim)
        if earlier and earlier.request != claim.request:
            raise mismatch()
        return earlier

    async def _was_begun(self, claim: Claim) -> bool:
        if claim.is_over:
            return True
        if _is_group(claim.operation):  # by the store's own word: what is at hand may not be all
            store = self._supervisor.sessions.store
            return bool((await store.runs(RunQuery(group_id=claim.operation, limit=1))).total)
        try:
            await self._supervisor.history.find(claim.operation)
        except RunNotFound:
            return False
        return True

    async def _keep(self, claim: Claim, shared: Shared, form: Form) -> None:
        """Keep what will be asked for again, before anybody is told that it is there."""
        await first_of(shared.ended)
        answer = last_line = None
        is_stored = self._supervisor.sessions.options.store_content
        try:
            if is_stored and form is Form.WHOLE:
                answer = orjson.dumps(shared.answer())
            elif is_stored and _is_group(claim.operation):
                last_line = (await shared.log.read(shared.log.length - 1))[-1].line
            await self._supervisor.sessions.store.end_key(claim, answer, last_line)
        except (StoreUnavailable, RecordTooLong) as error:
            _log.warning("the answer of %s is not kept: %s", claim.operation, error)
        finally:
            del self._uses[claim.key]
            shared.finished.set_result(None)

    async def _told(self, claim: Claim, start: Start, form: Form) -> Told:
        """What has ended, once more. Raises a Problem where that was not kept, or was deleted."""
        history = self._supervisor.history
        if _is_group(claim.operation):
            if (claim.answer if form is Form.WHOLE else claim.last_line) is None:
                raise not_kept(claim.operation)
            runs = await runs_of(self._supervisor.sessions.store, claim.operation)
            log = Replay(history, runs, claim.last_line)
            return Told(claim.operation, log, orjson.loads(claim.answer or b"{}"))
        log = Replay(history, [claim.operation])
        seen = await self._seen(claim.operation)
        try:
            answer = await self._answer(claim, seen, log, start, form)
        except RunNotFound:
            raise not_kept(claim.operation) from None
        return Told(claim.operation, log, answer, seen.start if seen else None)

    async def _seen(self, run_id: str) -> RunView | None:
        """A run as it is now, None where it is not there any more."""
        try:
            return await self._supervisor.history.find(run_id)
        except RunNotFound:
            return None

    async def _answer(
        self, claim: Claim, seen: RunView | None, log: Replay, start: Start, form: Form
    ) -> dict[str, Any]:
        """The answer of a run, if it is wanted: as it was kept, or made anew. Raises RunNotFound."""
        if claim.answer is not None and form is Form.WHOLE:
            kept: dict[str, Any] = orjson.loads(claim.answer)
            return kept
        if seen is None:
            raise RunNotFound(claim.operation)
        if form is Form.DETACHED:
            return {}
        was_cut_off = seen.error is not None and seen.error.code is ErrorCode.INTERRUPTED
        if not seen.state.ended or not (was_cut_off or await is_whole(await log.log(0))):
            raise not_kept(claim.operation)
        wanted = start.again if form is Form.WHOLE else None
        return wanted(seen, await output_of(await log.log(0))) if wanted else {}


def _digest(value: object) -> bytes:
    """The same for the same JSON value, whatever the order of its fields."""
    return sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).digest()


def _is_group(operation: str) -> bool:
    return operation.startswith("grp_")


def mismatch() -> Problem:
    """The key belongs to another request."""
    told = f"This {HEADER} was used for another request within {_HOURS} hours"
    return Problem(Kind.IDEMPOTENCY_MISMATCH, f"{told}: send that one again, or use another key")


def not_kept(operation: str) -> Problem:
    """The key started that run or group, of which too little is left to answer with."""
    what = "group of runs" if _is_group(operation) else "run"
    told = f"This {HEADER} started the {what} '{operation}', whose answer was not kept or is deleted"
    return Problem(Kind.ANSWER_NOT_KEPT, f"{told}: use another key to run it again")
