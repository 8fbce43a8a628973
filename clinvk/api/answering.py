"""The two ways in which the answer of an operation goes out: with its events as they come, or whole."""

from clinvk.api import streams
from clinvk.api.handler import Handler
from clinvk.api.idempotency import HEADER, REPLAYED, Asked
from clinvk.api.operation import Form, Operation, Start
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import NDJSON, SSE
from clinvk.domain.run import Stop, StopCause
from clinvk.supervisor.tasks import first_of


async def begin(call: Handler, start: Start, form: Form) -> Operation:
    """Start what a request asks for, unless it was sent before, and name it in the head of the answer."""
    key = call.query.get(HEADER)
    if key is None:
        operation = await start.begin(call.services.new_id(start.kind))
    else:
        route = call.route
        assert route, "it was asked for"
        asked = Asked(key, call.origin.key_label, (route.method, route.path, call.body), call)
        operation, was_started = await call.services.idempotency.once(asked, start, form)
        if was_started:
            call.tell(REPLAYED, "true")
    call.started(operation)
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
        operation.owners.leave(call)


async def _whole(call: Handler, operation: Operation) -> None:
    patience = call.services.bounds.request_secs
    if not await first_of(operation.finished, call.gone, timeout=patience):
        raise too_late(operation, patience)
    if not call.gone.done():
        await call.deliver(operation.answer())


def too_late(operation: Operation, patience: float) -> Problem:
    """The problem of an answer that did not come in `patience` seconds. It stops `operation`, unless others wait
    for that too: they may still be in time.
    """
    late = f"No answer within {patience:g} s (server.request_timeout_secs)"
    if len(operation.owners) <= 1:
        operation.stop(Stop(StopCause.TIMEOUT, late))
    return Problem(Kind.TIMEOUT, late)
