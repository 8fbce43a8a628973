"""/api/v1/runs and /api/v1/events: watch and stop what is under way, in any dialect."""

from clinvk.api import streams
from clinvk.api.handler import Handler
from clinvk.api.routes import NDJSON, SSE
from clinvk.domain.run import RunState, StopCause
from clinvk.domain.wire import to_wire
from clinvk.monitor import DEFAULT_PAGE, RunQuery
from clinvk.supervisor.tasks import first_of


async def list_runs(call: Handler) -> None:
    """Live and recent runs, newest first."""
    state = call.query.get("state")
    query = RunQuery(
        state=RunState(state) if state else None,
        backend=call.query.get("backend"),
        limit=call.query.get("limit", DEFAULT_PAGE),
        offset=call.query.get("offset", 0),
    )
    call.reply(await call.services.monitor.runs(query))


async def get_run(call: Handler) -> None:
    """One run."""
    call.reply(await call.services.monitor.run(call.path["id"]))


async def follow_run(call: Handler) -> None:
    """One run's events: from the first, or after `Last-Event-ID`, to its end."""
    handle = call.services.supervisor.handle(call.path["id"])
    call.run_id = handle.id
    accepts = call.request.headers.get("Accept", "")
    since = call.query.get("Last-Event-ID", -1) + 1
    await streams.send(call, handle.log, since, NDJSON if NDJSON in accepts else SSE)


async def follow_all(call: Handler) -> None:
    """Every run's lifecycle from now on, or after `Last-Event-ID`."""
    journal = call.services.supervisor.journal
    since = call.query.get("Last-Event-ID", journal.length - 1) + 1
    # A number that was never given is from the life of an earlier server: all of this one's is news then.
    await streams.send(call, journal, since if since <= journal.length else 0, SSE)


async def cancel_run(call: Handler) -> None:
    """Ask for a run's end. 200 once it has ended, 202 while it is stopping."""
    handle = call.services.supervisor.stop(call.path["id"], StopCause.CLIENT)
    call.run_id = handle.id
    wait = call.query.get("wait", 0)
    if wait:
        await first_of(handle.finished, call.gone, timeout=wait)
    if not call.gone.done():
        view = await call.services.monitor.run(handle.id)
        call.reply(to_wire(view), 200 if view.state.ended else 202)
