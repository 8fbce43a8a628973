"""Each call gives over HTTP what it gives in the server's own process."""

import asyncio
import os
import signal
import typing
from dataclasses import MISSING, fields, is_dataclass, replace
from functools import partial

import pytest

from clinvk.domain.errors import InvalidInput, RunNotFound, SessionNotFound
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import RunState, StopCause
from clinvk.domain.session import SessionStatus
from clinvk.views import BackendView, Inspection, Pulse, RequestView, RunPage, SessionPage, Status
from tests.api.client import DEADLINE, hanging, run_of
from tests.api.conftest import QUICK


@pytest.fixture
def local(server):
    return server.services.monitor


async def session_of(server, prompt=QUICK):
    """A session with one turn."""
    run_id = await run_of(server, prompt)
    return (await server.services.monitor.run(run_id)).session_id


async def started(server):
    """A run that is under way."""
    return server.supervisor.handle(await hanging(server))


async def both(here, there):
    """What either gives in one moment: a child that ends after its run changes what is told of that."""
    async with asyncio.timeout(DEADLINE):
        while True:
            before, told = await here(), await there()
            if before == await here():
                return told, before


def still(status):
    """Without what is another in the next moment."""
    pulse = Pulse((), (), 0.0, 0)
    return replace(status, at="", uptime_secs=0.0, pulse=pulse)


def records(type_, found):
    """The dataclasses that `type_` is made of."""
    if is_dataclass(type_) and type_ not in found:
        found.add(type_)
        for hint in typing.get_type_hints(type_).values():
            records(hint, found)
    for part in typing.get_args(type_):
        records(part, found)
    return found


def test_what_may_be_none_and_is_left_out_of_json_needs_not_be_there():
    found = set()
    for form in (RunPage, SessionPage, BackendView, RequestView, Inspection, Status):
        records(form, found)
    assert len(found) > 15
    missed = [
        f"{record.__name__}.{field.name}"
        for record in found
        for field in fields(record)
        if type(None) in typing.get_args(typing.get_type_hints(record)[field.name])
        and field.default is MISSING and field.default_factory is MISSING
    ]  # fmt: skip
    assert missed == []


async def test_status(server, local, monitor):
    async def seen(monitor):
        return still(await monitor.status())

    await session_of(server)
    there, here = await both(partial(seen, local), partial(seen, monitor))
    assert there == here
    there, here = await monitor.status(), await local.status()
    assert len(there.pulse.requests) == len(here.pulse.requests) == 60


async def test_backends(local, monitor):
    assert await monitor.backends() == await local.backends()


async def test_requests(server, local, monitor):
    for path in ("/health", "/nowhere"):
        await server.fetch(path)
    there = await monitor.requests(10)
    assert [each.path for each in there] == ["/nowhere", "/health"]  # and not what this monitor asks
    assert there == await local.requests(10)
    assert len(await monitor.requests(1)) == 1


@pytest.mark.parametrize("prompt", [QUICK, "/tool", "/fail", "/crash"])
async def test_a_run_that_has_ended(server, local, monitor, prompt):
    run_id = await run_of(server, prompt, metadata={"a": "ü"})
    there, here = await both(lambda: local.run(run_id), lambda: monitor.run(run_id))
    assert there == here
    assert there.request_as_curl


async def test_a_run_whose_child_was_killed(server, local, monitor):
    handle = await started(server)
    os.kill(handle.run.pid, signal.SIGKILL)
    await server.end(handle.id)
    there, here = await both(lambda: local.run(handle.id), lambda: monitor.run(handle.id))
    assert there == here
    assert there.exit.signal == "SIGKILL"


async def test_a_live_run(server, local, monitor):
    run_id = await hanging(server)
    there, here = await monitor.run(run_id), await local.run(run_id)
    moving = {"duration_ms": None, "resources": None}
    assert replace(there, **moving) == replace(here, **moving)
    assert there.state is RunState.RUNNING


@pytest.mark.parametrize(
    "query",
    [
        RunQuery(),
        RunQuery(limit=2, offset=1),
        RunQuery(state=RunState.FAILED),
        RunQuery(live=True),
        RunQuery(backend="codex"),
        RunQuery(backend="demo", limit=1),
    ],
)
async def test_pages_of_runs(server, local, monitor, query):
    for prompt in (QUICK, "/fail", QUICK):
        await run_of(server, prompt)
    there, here = await both(lambda: local.runs(query), lambda: monitor.runs(query))
    assert there == here


async def test_a_page_of_live_runs_has_them_only(server, monitor):
    await run_of(server, QUICK)
    run_id = await hanging(server)
    assert [run.id for run in (await monitor.runs(RunQuery(live=True))).runs] == [run_id]


async def test_the_page_after_a_page(server, local, monitor):
    runs = [await run_of(server, QUICK) for _ in range(3)]
    first = await monitor.runs(RunQuery(limit=2))
    second = await monitor.runs(RunQuery(limit=2, cursor=first.next_cursor))
    assert [run.id for run in (*first.runs, *second.runs)] == list(reversed(runs))


async def test_what_a_look_at_a_live_run_tells(server, local, monitor):
    run_id = await hanging(server)
    there, here = await monitor.inspect(run_id), await local.inspect(run_id)
    assert [each.pid for each in there.processes] == [each.pid for each in here.processes] != []
    assert there.stderr_tail == here.stderr_tail


async def test_sessions(server, local, monitor):
    ids = [await session_of(server), await session_of(server, "/fail")]
    for query in (SessionQuery(), SessionQuery(status=SessionStatus.ERROR), SessionQuery(limit=1, offset=1)):
        there, here = await both(partial(local.sessions, query), partial(monitor.sessions, query))
        assert there == here
        assert there.sessions
    assert await monitor.session(ids[0]) == await local.session(ids[0])


async def test_a_session_is_deleted(server, monitor):
    session_id = await session_of(server)
    assert await monitor.delete_session(session_id) == ()
    with pytest.raises(SessionNotFound, match=session_id):
        await monitor.session(session_id)


async def test_a_run_is_stopped_by_the_console(server, monitor):
    run_id = await hanging(server)
    seen = await monitor.stop(run_id, StopCause.CONSOLE)
    assert seen.stop_cause is StopCause.CONSOLE
    assert (await server.end(run_id)).state is RunState.CANCELLED


async def test_a_run_is_stopped_by_a_client(server, monitor):
    assert (await monitor.stop(await hanging(server), StopCause.CLIENT)).stop_cause is StopCause.CLIENT


async def test_a_run_that_has_ended_is_left_as_it_is(server, local, monitor):
    run_id = await run_of(server, QUICK)
    there, here = await both(lambda: local.run(run_id), lambda: monitor.stop(run_id, StopCause.CONSOLE))
    assert there == here
    assert there.state is RunState.COMPLETED


@pytest.mark.parametrize("backend", [None, "demo"])
async def test_a_run_is_run_again(server, local, monitor, backend):
    before = await local.run(await run_of(server, QUICK))
    again = await monitor.rerun(before.id, backend)
    assert again.id != before.id
    ended = await server.end(again.id)
    assert (ended.state, ended.prompt_preview) == (RunState.COMPLETED, before.prompt_preview)


async def test_an_unknown_backend_is_refused_as_in_the_process(server, local, monitor):
    run_id = await run_of(server, QUICK)
    told = []
    for each in (local, monitor):
        with pytest.raises(Exception, match="cursor") as error:
            await each.rerun(run_id, "cursor")
        told.append(error.value)
    assert [type(error) for error in told] == [type(told[0])] * 2


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.run("run_9"),
        lambda it: it.inspect("run_9"),
        lambda it: it.stop("run_9", StopCause.CONSOLE),
        lambda it: it.rerun("run_9"),
        lambda it: it.session("ses_9"),
        lambda it: it.delete_session("ses_9"),
        lambda it: it.runs(RunQuery(cursor="x")),
    ],
    ids=["run", "inspect", "stop", "rerun", "session", "delete_session", "runs"],
)
async def test_what_is_not_there_is_the_same_error(local, monitor, call):
    told = []
    for each in (local, monitor):
        with pytest.raises((RunNotFound, SessionNotFound, InvalidInput)) as error:
            await call(each)
        told.append((type(error.value), str(error.value)))
    assert told[0] == told[1]
