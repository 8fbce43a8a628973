"""GET /api/v1/runs/{id} explains a run: what was asked, what was executed, when, and how it ended."""

import asyncio
import os
import signal
import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from clinvk.backends.base import Rung, Step
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.registry import Registry
from clinvk.domain.run import RunState
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.sessions import SessionOptions
from tests.api.client import DEADLINE, hanging, run_of
from tests.api.sessions import begun


class Unhurried(DemoBackend):
    """Its child may take its time to end: none is killed because it got none."""

    traits = replace(
        DemoBackend.traits,
        stop=(Rung(Step.INTERRUPT, DEADLINE), Rung(Step.CLOSE_STDIN, DEADLINE)),
        retire=(Rung(Step.CLOSE_STDIN, DEADLINE),),
    )


@pytest.fixture
async def unhurried(new_server):
    return await new_server(registry=Registry((Unhurried(),)))


async def explained(server, run_id):
    return (await server.fetch(f"/api/v1/runs/{run_id}")).json


# What was asked: what a shell makes of it, tests/e2e/test_explain.py shows.


async def test_the_request_is_told_of_one_run_and_never_in_a_list(server):
    run_id = await run_of(server, "/big 5")
    live = await hanging(server)
    for each in (run_id, live):
        assert server.origin in (await explained(server, each))["request_as_curl"]
    assert [run for run in (await server.fetch("/api/v1/runs")).json["runs"] if "request_as_curl" in run] == []


async def test_an_earlier_servers_run_is_explained_as_it_was(new_server, tmp_path):
    server = await new_server(home=tmp_path / "home")
    reply = await server.prompt("/crash", ephemeral=True)
    told = await explained(server, reply.json["run_id"])
    await server.close()
    later = await new_server(home=tmp_path / "home")
    assert await explained(later, told["id"]) == told
    assert {"request_as_curl", "command", "exit", "error", "started_at"} <= told.keys()


async def test_no_word_of_a_prompt_is_explained_where_none_is_kept(new_server):
    server = await new_server(options=SessionOptions(store_content=False))
    live = await hanging(server)
    assert "/hang" in (await explained(server, live))["request_as_curl"]
    await server.fetch(f"/api/v1/runs/{live}?wait=20", method="DELETE")
    assert "request_as_curl" not in await explained(server, live)


async def test_the_request_of_a_run_is_deleted_with_its_session(server):
    session = await begun(server, "/big 5 a-word-of-its-own")
    assert (await server.fetch(f"/api/v1/sessions/{session}", method="DELETE")).status == 200
    folder = server.keeping.spool.folder.parent
    assert [path for path in folder.rglob("*") if path.is_file() and b"a-word-of" in path.read_bytes()] == []


# What was executed.


@pytest.mark.skipif(sys.platform != "linux", reason="there is no /proc")
async def test_the_command_is_what_the_kernel_knows_of_the_child_before_its_end_and_after(new_server, tmp_path):
    server = await new_server(home=tmp_path / "home")
    run_id = await hanging(server)
    told = await explained(server, run_id)
    proc = Path(f"/proc/{told['pid']}")
    variables = proc.joinpath("environ").read_bytes().split(b"\0")[:-1]
    assert told["command"] == {
        "argv": proc.joinpath("cmdline").read_bytes().decode().split("\0")[:-1],
        "cwd": str(proc.joinpath("cwd").readlink()),
        "env_names": sorted(each.partition(b"=")[0].decode() for each in variables),
        "version": server.supervisor.probe.found("demo").version,
    }
    ended = (await server.fetch(f"/api/v1/runs/{run_id}?wait=20", method="DELETE")).json
    await server.close()
    later = await explained(await new_server(home=tmp_path / "home"), run_id)
    assert ended["command"] == later["command"] == told["command"]
    assert "pid" not in ended.keys() | later.keys()


async def test_a_run_that_never_had_a_process_tells_of_none(new_server, tmp_path):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    first = await hanging(server)
    cancelled, failed = [
        (await server.prompt("/big 5", detach=True, workdir=str(folder))).json["id"]
        for folder in (tmp_path, tmp_path / "gone")
        if folder.mkdir(exist_ok=True) is None
    ]
    (tmp_path / "gone").rmdir()
    for run_id in (cancelled, first):
        await server.fetch(f"/api/v1/runs/{run_id}?wait=20", method="DELETE")
    await server.end(failed)
    for run_id, code in ((cancelled, "cancelled"), (failed, "spawn_failed")):
        told = await explained(server, run_id)
        assert told["error"]["code"] == code
        assert not {"command", "pid", "exit", "start", "started_at", "first_output_ms"} & told.keys()
        assert told["queued_ms"] == told["duration_ms"]
        assert abs(told["duration_ms"] - between(told["created_at"], told["finished_at"])) <= 1


# How it ended.


@pytest.mark.parametrize(
    ("prompt", "code", "tail"),
    [("/big 5", 0, ""), ("/fail", 0, ""), ("/crash", 70, "demo: crashed, as /crash asked\n"),
     ("/stderr", 0, "demo: the last line on stderr\n")],
)  # fmt: skip
async def test_the_exit_is_the_processs_own_whatever_the_turn_said(unhurried, prompt, code, tail):
    run_id = await run_of(unhurried, prompt)
    async with asyncio.timeout(DEADLINE):
        await unhurried.supervisor._tasks.join()  # the process may outlive its turn
    told = await explained(unhurried, run_id)
    assert (told["exit"]["code"], told["exit"]["stderr_tail"][-len(tail) or 9**9 :]) == (code, tail)
    assert not {"stop_cause", "pid"} & told.keys()


async def test_a_signal_that_nobody_here_sent_is_told_without_a_cause(server):
    run_id = await hanging(server)
    os.kill(server.supervisor.handle(run_id).run.pid, signal.SIGKILL)
    await server.end(run_id)
    told = await explained(server, run_id)
    assert (told["state"], told["exit"]) == ("failed", {"signal": "SIGKILL", "stderr_tail": ""})
    assert (told["error"]["code"], "stop_cause" in told) == ("backend_exited", False)


async def test_a_run_that_was_stopped_tells_why_and_how_its_process_ended(unhurried):
    cancelled = await hanging(unhurried)
    await unhurried.fetch(f"/api/v1/runs/{cancelled}?wait=20", method="DELETE")
    late = (await unhurried.prompt("/hang", timeout_secs=0.2)).json["run_id"]
    for run_id, cause, state in ((cancelled, "client", "cancelled"), (late, "timeout", "failed")):
        told = await explained(unhurried, run_id)
        assert (told["state"], told["stop_cause"], told["error"]["code"]) == (
            state, cause, "cancelled" if cause == "client" else cause
        )  # fmt: skip
        assert told["exit"]["code"] == 0


# When.


def between(one, other):
    """Milliseconds from one time in words to another."""
    return round((datetime.fromisoformat(other) - datetime.fromisoformat(one)).total_seconds() * 1000)


async def test_times_and_milliseconds_tell_the_same(server):
    told = await explained(server, await run_of(server, "/steady 20 2"))
    times = [told[name] for name in ("created_at", "started_at", "finished_at")]
    assert times == sorted(times)
    assert abs(told["queued_ms"] - between(told["created_at"], told["started_at"])) <= 1
    assert abs(told["duration_ms"] - between(told["created_at"], told["finished_at"])) <= 1
    assert told["queued_ms"] <= told["first_output_ms"] <= told["duration_ms"]
    assert told["duration_ms"] > 1000


async def test_a_run_that_said_nothing_has_no_first_output(server):
    reply = await server.prompt("/hang", timeout_secs=0.2)
    told = await explained(server, reply.json["run_id"])
    assert ("started_at" in told, "first_output_ms" in told) == (True, False)


# What is worth knowing.


async def test_the_answer_of_a_run_that_may_write_where_another_does_says_so(server, monkeypatch):
    monkeypatch.setattr(DemoBackend, "traits", replace(DemoBackend.traits, writes=True))
    first = await hanging(server)
    second = await server.prompt("/big 5", output_format="stream-json")
    answer = (await server.prompt("/big 5")).json
    (notice,) = answer["notices"]
    assert notice.startswith(f"Other runs may write in {server.services.default_workdir} at the same time. Safer")
    assert [event["type"] for event in second.events[:2]] == ["run.queued", "notice"]
    assert second.events[1]["message"] == notice
    assert (await explained(server, answer["run_id"]))["notices"] == [notice]
    assert (await explained(server, first))["notices"] == []
    await server.fetch(f"/api/v1/runs/{first}?wait=20", method="DELETE")
    assert "notices" not in (await server.prompt("/big 5")).json
    assert server.supervisor.handle(first).run.state is RunState.CANCELLED
