"""What one request started, a run or a group of runs, and the two ways in which its answer goes out."""

import asyncio
from typing import Any, Protocol

from clinvk.api import streams
from clinvk.api.handler import Handler
from clinvk.api.idempotency import Form, Start
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import NDJSON, SSE
from clinvk.domain.run import Stop, StopCause
from clinvk.supervisor.tasks import first_of


class Operation(Protocol):
    """Under way, or ended. Whoever wants its answer owns it until then: without an owner it is stopped."""

    @property
    def header(self) -> str:
        """Names it in the head of the answer."""
        ...

    @property
    def id(self) -> str: ...

    @property
    def log(self) -> streams.Readable:
        """Its events."""
        ...

    @property
    def finished(self) -> "asyncio.Future[Any]":
        """Done at the end. Not to be cancelled."""
        ...

    def join(self, owner: object) -> None: ...

    def leave(self, owner: object) -> None: ...

    def stop(self, stop: Stop) -> None: ...

    def answer(self) -> dict[str, Any]:
        """The whole answer, once it has finished."""
        ...


async def begin(call: Handler, start: Start, form: Form) -> Operation:
    """Start what a request asks for, unless it was sent before, and name it in the head of the answer."""
    operation = await call.services.idempotency.once(call, start, form)
    call.started(operation.id, operation.header)
    return operation


async def answer(call: Handler, operation: Operation, form: Form) -> None:
    """Answer with `operation`, which `call` owns: with its events as they come, or whole. Then disown it."""
    try:
        if form is Form.STREAM:
            accepts_sse = SSE in call.request.headers.get("Accept", "")
            await streams.send(call, operation.log, 0, SSE if accepts_sse else NDJSON)
        else:
            await _whole(call, operation)
    finally:
        operation.leave(call)


async def _whole(call: Handler, operation: Operation) -> None:
    patience = call.services.bounds.request_secs
    if not await first_of(operation.finished, call.gone, timeout=patience):
        late = f"No answer within {patience:g} s (server.request_timeout_secs)"
        operation.stop(Stop(StopCause.TIMEOUT, late))
        raise Problem(Kind.TIMEOUT, late)
    if not call.gone.done():
        await call.deliver(operation.answer())
