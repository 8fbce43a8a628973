"""The answer of a run goes out as a dialect tells it: whole, or as a stream whose status is decided late."""

import asyncio
from collections.abc import Callable, Sequence
from itertools import takewhile
from typing import Final

from clinvk.api import answering, streams
from clinvk.api.dialects import failures
from clinvk.api.dialects.speech import Piece, Speech
from clinvk.api.dialects.voice import PING, Voice
from clinvk.api.handler import Handler
from clinvk.api.operation import Operation
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import SSE
from clinvk.domain.events import Entry, ReasoningDelta, TextDelta
from clinvk.domain.run import Stop, StopCause

HOLD_SECS: Final = 10.0
"""How long the head of a stream waits for the first output: what fails before that has a status of its own."""

_WRITE_BYTES: Final = 256 << 10
_TEXT: Final = (TextDelta.type, ReasoningDelta.type)


def _is_text(entry: Entry) -> bool:
    return entry.type in _TEXT


async def answer(call: Handler, run: Operation, speech: Speech, voice: Voice, *, stream: bool) -> None:
    """Answer with `run`, which `call` owns. Then disown it: without another owner it is stopped."""
    hearing = _Hearing(call, run, speech)
    try:
        if stream:
            await _Stream(call, voice).send(hearing)
        else:
            await _whole(call, run, hearing, voice)
    finally:
        run.owners.leave(call)


class _Hearing:
    """A run's log on its way into a speech."""

    def __init__(self, call: Handler, run: Operation, speech: Speech) -> None:
        self._call = call
        self._run = run
        self._since = 0
        self.speech = speech

    async def more(self) -> list[Piece] | None:
        """The pieces of all that is there now; None where nothing new is."""
        batch = await self._run.log.read(self._since)
        if not batch and self._run.log.closed:
            raise Problem(Kind.INTERNAL, f"What is kept of the run '{self._run.id}' has no end")
        return self._hear(batch) if batch else None

    async def wait(self, seconds: float, take: Callable[[list[Piece]], bool] | None = None) -> bool:
        """Until there is more, or the client has left; False if that takes too long.

        As long as text comes that is not the end, `take` has its pieces in that moment, if it takes them.
        """

        def hear(entries: Sequence[Entry]) -> bool:
            text = list(takewhile(_is_text, entries))
            if not take or not text or self._call.gone.done():
                return False
            return take(self._hear(text)) and len(text) == len(entries) and not self.speech.over

        return await streams.arrival(self._call, self._run.log, max(0.0, seconds), hear)

    def _hear(self, batch: list[Entry]) -> list[Piece]:
        self._since = batch[-1].seq + 1
        return self.speech.hear(batch)

    def end(self) -> None:
        """The answer is complete: a run that a stop sequence has cut goes no further."""
        if self.speech.stop_sequence is not None:
            self._run.stop(Stop(StopCause.CLIENT, "The answer has come to a stop sequence"))


async def _whole(call: Handler, run: Operation, hearing: _Hearing, voice: Voice) -> None:
    clock, patience = call.services.clock, call.services.bounds.request_secs
    until = clock.monotonic() + patience
    while not hearing.speech.over:
        if await hearing.more() is None and not await hearing.wait(until - clock.monotonic()):
            raise answering.too_late(run, patience)
        if call.gone.done():
            return
    hearing.end()
    if hearing.speech.error:
        raise failures.of(hearing.speech.error, hearing.speech.stop_cause)
    await call.deliver(voice.whole(hearing.speech))


class _Stream:
    """One stream of server-sent events. Nothing goes out before the first output, a failure, or HOLD_SECS."""

    def __init__(self, call: Handler, voice: Voice) -> None:
        self._call = call
        self._voice = voice
        self._clock = call.services.clock
        self._pushed: asyncio.Future[None] | None = None
        self._quiet_until = self._clock.monotonic() + HOLD_SECS

    async def send(self, hearing: _Hearing) -> None:
        """Send all of it. Returns early when the client has left; raises Problem while that can be a status."""
        try:
            await self._tell(hearing)
        except Problem as problem:
            if not self._call.head_is_out:
                raise
            await self._send(self._voice.fail(problem, self._call.request_id))
        if not self._call.gone.done():
            self._call.finish()

    async def _tell(self, hearing: _Hearing) -> None:
        """Send what is said as it comes, and the end of a run that did well. Raises Problem for any other."""
        speech = hearing.speech
        while not speech.over and not self._call.gone.done():
            pieces = await hearing.more()
            if pieces is None:
                await self._wait(hearing)
            elif pieces and (self._call.head_is_out or not speech.error):
                await self._send(self._voice.say(pieces))
        if self._call.gone.done():
            return
        hearing.end()
        if speech.error:
            raise failures.of(speech.error, speech.stop_cause)
        await self._end(speech)

    async def _end(self, speech: Speech) -> None:
        """In one write, if it is not large: some dialects say everything again."""
        data = b""
        for part in self._voice.close(speech):
            data += part
            if len(data) > _WRITE_BYTES:
                await self._send(data)
                data = b""
        await self._send(data)

    async def _wait(self, hearing: _Hearing) -> None:
        """Wait for more, and let nobody wait without a word for long: much of what comes is not for the client."""
        seconds = self._quiet_until - self._clock.monotonic()
        if seconds <= 0 or not await hearing.wait(seconds, self._push):
            await self._send(PING if self._call.head_is_out else b"")
        elif self._pushed:
            pushed, self._pushed = self._pushed, None
            await self._call.sent(pushed)

    def _push(self, pieces: list[Piece]) -> bool:
        """What comes after a silence goes out in the moment it is there; whether all of it is out."""
        if pieces:
            self._pushed = self._call.push(self._begun(self._voice.say(pieces)))
        return self._pushed is None

    async def _send(self, data: bytes) -> None:
        await self._call.send(self._begun(data))

    def _begun(self, data: bytes) -> bytes:
        """`data`, behind the stream's beginning where it is the first to go out."""
        self._quiet_until = self._clock.monotonic() + self._call.services.bounds.keepalive_secs
        if self._call.head_is_out:
            return data
        self._call.open_stream(SSE)
        return self._voice.open() + data
