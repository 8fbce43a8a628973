"""POST /api/v1/prompt."""

import asyncio
from typing import TYPE_CHECKING, Any

from clinvk.api import answering
from clinvk.api.handler import Handler
from clinvk.api.native import translate
from clinvk.api.operation import Form, Operation, Start
from clinvk.api.services import Habits
from clinvk.domain.answer import Answer
from clinvk.domain.judge import Judgement
from clinvk.domain.run import Start as ChildStart
from clinvk.domain.spec import RunSpec
from clinvk.domain.wire import to_wire
from clinvk.supervisor.handle import RunHandle

if TYPE_CHECKING:
    from clinvk.api.schema_types import PromptRequest


async def create(call: Handler) -> None:
    """Run one prompt: answered whole, streamed, detached, or only shown."""
    body: PromptRequest = call.body
    habits = call.services.habits.get(body["backend"], Habits())
    spec = translate.to_spec(body, call.origin, call.services.default_workdir, habits)
    if body.get("dry_run", habits.dry_run):
        command = await call.services.supervisor.command(spec)
        call.reply({"dry_run": True, "backend": spec.backend, "command": to_wire(command)})
    elif body.get("detach"):
        run = await _begin(call, spec, "detached", Form.DETACHED)
        run.owners.leave(call)
        call.reply(await call.services.monitor.run(run.id), 202)
    else:
        form = translate.to_form(body.get("output_format", habits.output_format))
        await answering.answer(call, await _begin(call, spec, call, form), form)


class PromptRun:
    """A run as the operation of one prompt: `clinvk.api.operation.Operation`."""

    def __init__(self, handle: RunHandle, answer: Answer) -> None:
        self._handle = handle
        self._answer = answer
        self.id = handle.id
        self.log = handle.log
        self.owners, self.stop = handle.owners, handle.stop

    @property
    def finished(self) -> "asyncio.Future[Judgement]":
        return self._handle.finished

    @property
    def child_start(self) -> ChildStart | None:
        return self._handle.child_start

    def answer(self) -> dict[str, Any]:
        """The run's outcome."""
        return translate.to_answer(self._handle.run, self._answer.output)


async def _begin(call: Handler, spec: RunSpec, owner: object, form: Form) -> Operation:
    async def start(run_id: str) -> PromptRun:
        answer = Answer()
        observe = answer.fold if form is Form.WHOLE else None  # nobody asks a stream for its text
        return PromptRun(await call.services.supervisor.start(spec, owner, observe, run_id), answer)

    return await answering.begin(call, Start("run", start, translate.to_answer_of), form)
