"""POST /api/v1/runs/{id}/rerun: the same prompt once more, also on another backend."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, cast

from clinvk.api.bookkeeping import who
from clinvk.api.handler import Handler
from clinvk.api.native import translate
from clinvk.api.services import Habits, Services
from clinvk.domain.errors import Fault, InvalidInput
from clinvk.domain.spec import Origin
from clinvk.domain.wire import to_wire
from clinvk.supervisor import request
from clinvk.supervisor.handle import RunHandle
from clinvk.telemetry.audit import Action, Details

if TYPE_CHECKING:
    from clinvk.api.schema_types import PromptRequest, RerunRequest

_OF_ITS_BACKEND: Final = ("model", "extra", "session_id")
"""What means nothing to another backend."""
_PLACE: Final = "/id"


async def create(call: Handler) -> None:
    """Start it, and leave it to itself."""
    body: RerunRequest = call.body
    again = await begin(call.services, call.path["id"], body.get("backend"), call.origin)
    call.started(again)
    call.reply(to_wire(await call.services.monitor.run(again.id)), 202)


async def begin(services: Services, run_id: str, backend: str | None, origin: Origin) -> RunHandle:
    """Start the prompt of a run once more for `origin`, on `backend` if one is named: the new run.

    Nobody has to stay for it. Raises RunNotFound, InvalidInput where the request was not kept or is none any more,
    and what starting a run raises.
    """
    body = await _asked(services, run_id)
    if backend not in (None, body["backend"]):
        kept = {name: value for name, value in body.items() if name not in _OF_ITS_BACKEND}
        body = kept | {"backend": backend}
    _check(services, body)
    habits = services.habits.get(body["backend"], Habits())
    if habits.dry_run:
        raise _refused("cannot be run again: prompts are only shown here", "unified_flags.dry_run to be off")
    spec = translate.to_spec(cast("PromptRequest", body), origin, services.default_workdir, habits)
    again = await services.supervisor.start(spec, "detached")
    services.audit.note(Action.RUN_RERUN, run_id, who(origin), Details(run_id=again.id, backend=spec.backend))
    return again


async def _asked(services: Services, run_id: str) -> dict[str, Any]:
    """The request of a run as it was kept."""
    stored = await services.supervisor.history.request(run_id)
    if stored is None:
        expected = "a run that has not ended, or session.store_content to have been on"
        raise _refused("is a run whose request was not kept", expected)
    return request.asked(stored)


def _check(services: Services, body: dict[str, Any]) -> None:
    """What was taken once may not be any more: another version of us kept it, or another backend is asked."""
    faults = services.schemas.checker("native/prompt-request").faults(body)
    if faults:
        raise InvalidInput([replace(fault, path=_PLACE + fault.path) for fault in faults])


def _refused(message: str, expected: str) -> InvalidInput:
    return InvalidInput([Fault(_PLACE, message, expected)])
