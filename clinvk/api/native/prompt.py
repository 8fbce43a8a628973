"""POST /api/v1/prompt."""

from clinvk.api import streams
from clinvk.api.handler import Handler
from clinvk.api.native import translate
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import NDJSON, SSE
from clinvk.api.schema_types import PromptRequest
from clinvk.api.services import Habits
from clinvk.domain.answer import Answer
from clinvk.domain.run import Stop, StopCause
from clinvk.domain.spec import RunSpec
from clinvk.domain.wire import to_wire
from clinvk.supervisor.tasks import first_of


async def create(call: Handler) -> None:
    """Run one prompt: answered whole, streamed, detached, or only shown."""
    body: PromptRequest = call.body
    habits = call.services.habits.get(body["backend"], Habits())
    spec = translate.to_spec(body, call.origin, call.services.default_workdir, habits)
    if body.get("dry_run", habits.dry_run):
        command = await call.services.supervisor.command(spec)
        call.reply({"dry_run": True, "backend": spec.backend, "command": to_wire(command)})
    elif body.get("detach"):
        await _detach(call, spec)
    elif body.get("output_format", habits.output_format) == "stream-json":
        await _stream(call, spec)
    else:
        await _answer(call, spec)


async def _detach(call: Handler, spec: RunSpec) -> None:
    handle = await call.services.supervisor.start(spec, owner="detached")
    call.started(handle.id)
    call.reply(await call.services.monitor.run(handle.id), 202)


async def _stream(call: Handler, spec: RunSpec) -> None:
    accepts_sse = SSE in call.request.headers.get("Accept", "")
    handle = await call.services.supervisor.start(spec, owner=call.request_id)
    call.started(handle.id)
    try:
        await streams.send(call, handle.log, 0, SSE if accepts_sse else NDJSON)
    finally:
        handle.leave(call.request_id)


async def _answer(call: Handler, spec: RunSpec) -> None:
    answer = Answer()
    handle = await call.services.supervisor.start(spec, owner=call.request_id, observe=answer.fold)
    call.started(handle.id)
    patience = call.services.bounds.request_secs
    try:
        in_time = await first_of(handle.finished, call.gone, timeout=patience)
        if not in_time:
            late = f"No answer within {patience:g} s (server.request_timeout_secs)"
            handle.stop(Stop(StopCause.TIMEOUT, late))
            raise Problem(Kind.TIMEOUT, late)
        if not call.gone.done():
            call.reply(translate.to_answer(handle.run, handle.finished.result(), answer.output))
    finally:
        handle.leave(call.request_id)
