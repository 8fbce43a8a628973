"""/api/v1/runs and /api/v1/events: watch and stop what is under way, in any dialect."""

from dataclasses import replace

from clinvk.api import streams
from clinvk.api.bookkeeping import CONSOLE, who
from clinvk.api.handler import Handler
from clinvk.api.routes import NDJSON, SSE
from clinvk.domain.paging import DEFAULT_PAGE, RunQuery
from clinvk.domain.run import RunState, StopCause
from clinvk.domain.wire import to_wire
from clinvk.supervisor.tasks import first_of


async def list_runs(call: Handler) -> None:
    """Live and recent runs, newest first."""
    state = call.query.get("state")
    query = RunQuery(
        state=RunState(state) if state else None,
        live=call.query.get("live", False),
        lingering=call.query.get("lingering", False),
        backend=call.query.get("backend"),
        session_id=call.query.get("session_id"),
        group_id=call.query.get("group_id"),
        limit=call.query.get("limit", DEFAULT_PAGE),
        offset=call.query.get("offset", 0),
        cursor=call.query.get("cursor"),
    )
    call.reply(await call.services.monitor.runs(query))


async def get_run(call: Handler) -> None:
    """One run."""
    call.reply(await call.services.monitor.run(call.path["id"]))


async def inspect_run(call: Handler) -> None:
    """What only a look at a live run tells."""
    seen = await call.services.monitor.inspect(call.path["id"])
    call.access.run_id = call.path["id"]
    if not call.gone.done():
        call.reply(seen)


async def follow_run(call: Handler) -> None:
    """One run's events: from the first, or after `Last-Event-ID`, to its end."""
    log = await call.services.supervisor.history.log(call.path["id"])
    call.access.run_id = call.path["id"]
    accepts = call.request.headers.get("Accept", "")
    since = call.query.get("Last-Event-ID", -1) + 1
    await streams.send(call, log, since, NDJSON if NDJSON in accepts else SSE)


async def follow_all(call: Handler) -> None:
    """Every run's lifecycle from now on, or after `Last-Event-ID`."""
    journal = call.services.supervisor.journal
    since = call.query.get("Last-Event-ID", journal.length - 1) + 1
    # A number that was never given is from the life of an earlier server: all of this one's is news then.
    await streams.send(call, journal, since if since <= journal.length else 0, SSE)


async def cancel_run(call: Handler) -> None:
    """Ask for a run's end, and for that of what it left. 200 once it has ended, 202 while it is stopping."""
    run_id, wait = call.path["id"], call.query.get("wait", 0)
    cause = StopCause(call.query.get("by", StopCause.CLIENT))
    asked = who(call.origin)
    call.services.books.stop_run(
        run_id, cause, replace(asked, via=CONSOLE) if cause is StopCause.CONSOLE else asked
    )
    view = await call.services.monitor.run(run_id)
    call.access.run_id = run_id
    if wait and not view.state.ended:
        handle = call.services.supervisor.handle(run_id)
        await first_of(handle.finished, call.gone, timeout=wait)
    elif wait and (gone := call.services.supervisor.pool.lingering.gone(run_id)):
        await first_of(gone, call.gone, timeout=wait)
    if not call.gone.done():
        view = await call.services.monitor.run(run_id)
        call.reply(to_wire(view), 200 if view.state.ended else 202)
