"""POST /api/v1/prompt: what comes back for what was asked."""

import asyncio
import os

import pytest

from clinvk import processes
from clinvk.api.services import Bounds
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.domain.spec import ApprovalMode, Dialect, Origin, RunSpec, SandboxMode
from clinvk.supervisor.limits import Limits, LingerLimits
from tests.api.conftest import BRIEF

DEADLINE = 20.0


async def test_a_prompt_is_answered_whole_and_names_its_run(server):
    reply = await server.prompt("hello world")
    answer = reply.json
    assert (reply.status, reply.media_type) == (200, "application/json")
    assert server.faults("native/prompt-response", answer) == []
    assert reply.headers["X-Run-Id"] == answer["run_id"]
    assert reply.headers["X-Request-Id"] == reply.headers["request-id"]
    assert (answer["exit_code"], answer["backend"]) == (0, "demo")
    assert 'You wrote: "hello world"' in answer["output"]
    assert answer["token_usage"]["output_tokens"] > 5
    fields = {"run_id", "session_id", "backend", "exit_code", "duration_ms", "output", "token_usage"}
    assert answer.keys() == fields


@pytest.mark.parametrize(
    ("prompt", "error", "output"),
    [
        ("/fail", "The demo backend failed, as /fail asked it to", ""),
        ("/usage-limit", "The demo backend's usage limit is reached, as /usage-limit asked", ""),
        ("/crash", "demo: crashed, as /crash asked", "This will not end well"),
    ],
)
async def test_a_failed_run_is_an_answer_with_exit_code_1_and_the_error(server, prompt, error, output):
    reply = await server.prompt(prompt)
    assert (reply.status, reply.json["exit_code"], reply.json["output"]) == (200, 1, output)
    assert error in reply.json["error"]
    assert server.faults("native/prompt-response", reply.json) == []


async def test_a_run_that_was_stopped_answers_exit_code_minus_1(server):
    asking = asyncio.ensure_future(server.prompt("/hang"))
    run = await server.started()
    await server.fetch(f"/api/v1/runs/{run.id}", method="DELETE")
    reply = await asking
    assert (reply.status, reply.json["exit_code"]) == (200, -1)
    assert reply.json["error"] == "The run was cancelled on request"


@pytest.mark.parametrize("form", ["default", "text", "json"])
async def test_every_format_but_stream_json_answers_whole(server, form):
    reply = await server.prompt("/big 5", output_format=form)
    assert reply.json["output"] == "the d"


async def test_every_field_may_be_sent_at_once(new_server, tmp_path):
    fields = {
        "model": "some-model",
        "workdir": str(tmp_path),
        "ephemeral": True,
        "approval_mode": "none",
        "sandbox_mode": "read-only",
        "output_format": "json",
        "max_tokens": 10,
        "max_turns": 2,
        "system_prompt": "be brief",
        "verbose": True,
        "dry_run": False,
        "extra": [],
        "metadata": {"ticket": "42", "": "of no name"},
        "timeout_secs": 19.5,
        "linger_secs": 9.5,
        "detach": False,
    }
    server = await new_server(limits=Limits(linger=LingerLimits(10.0)))
    reply = await server.prompt("/big 5", **fields)
    assert (reply.status, reply.json["model"]) == (200, "some-model")
    spec = server.supervisor.handle(reply.json["run_id"]).run.spec
    assert spec == RunSpec(
        backend="demo",
        prompt="/big 5",
        workdir=str(tmp_path),
        model="some-model",
        approval_mode=ApprovalMode.NONE,
        sandbox_mode=SandboxMode.READ_ONLY,
        max_tokens=10,
        max_turns=2,
        system_prompt="be brief",
        metadata={"ticket": "42", "": "of no name"},
        timeout_secs=19.5,
        linger_secs=9.5,
        origin=Origin(Dialect.NATIVE, "127.0.0.1", None, reply.headers["X-Request-Id"], server.origin),
    )
    assert {*fields} | {"backend", "prompt", "session_id"} == {
        *server.services.schemas.documents["native/prompt-request"]["properties"]
    }


async def test_the_agent_works_in_the_workdir_asked_for(server, tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).touch()
    reply = await server.prompt("/tool", workdir=str(tmp_path))
    assert reply.json["output"] == "I found 3 files in it."


async def test_without_a_workdir_the_agent_works_in_the_servers_own(server):
    reply = await server.prompt("/tool")
    assert reply.json["output"] == "I found 0 files in it."


async def test_metadata_and_origin_arrive_in_the_run(server):
    reply = await server.prompt("/big 5", metadata={"ticket": "42"}, headers={"X-Request-Id": "mine-1"})
    run = (await server.fetch(f"/api/v1/runs/{reply.json['run_id']}")).json
    assert run["metadata"] == {"ticket": "42"}
    assert (run["request_id"], run["client"], run["dialect"]) == ("mine-1", "127.0.0.1", "native")


@pytest.mark.parametrize(
    ("mode", "said"),
    [({"approval_mode": "auto"}, "yes"), ({"approval_mode": "none"}, "yes"), ({}, "no"),
     ({"approval_mode": "default"}, "no"), ({"approval_mode": "always"}, "no")],
)  # fmt: skip
async def test_the_approval_mode_answers_for_the_person_who_is_not_there(server, mode, said):
    reply = await server.prompt("/ask", output_format="stream-json", **mode)
    asked = next(event for event in reply.events if event["type"] == "approval.asked")
    answered = next(event for event in reply.events if event["type"] == "approval.answered")
    assert asked["paths"] == [server.services.default_workdir + "/demo.txt"]
    assert answered["allowed"] is (said == "yes")
    text = next(event["text"] for event in reversed(reply.events) if event["type"] == "text.done")
    assert text.startswith(f"The answer was {said} (approval mode ")


async def test_dry_run_says_what_would_be_executed_and_runs_nothing(server):
    reply = await server.prompt("/hang", dry_run=True)
    assert reply.status == 200
    assert server.faults("native/prompt-response", reply.json) == []
    assert reply.json["command"]["argv"][-1].endswith("democli")
    assert "CLINVK_RUN" in reply.json["command"]["env_names"]
    assert "X-Run-Id" not in reply.headers
    assert (await server.fetch("/api/v1/runs")).json["total"] == 0


async def test_a_detached_run_lives_on_when_its_client_has_left(server):
    connection = await server.post({"backend": "demo", "prompt": BRIEF, "detach": True})
    reply = await connection.reply()
    await connection.leave()
    server.check("POST", "/api/v1/prompt", reply)
    assert (reply.status, reply.headers["X-Run-Id"]) == (202, reply.json["id"])
    assert reply.json["state"] in {"queued", "starting", "running"}
    view = await server.end(reply.json["id"])
    assert (view.state, view.stop_cause) == (RunState.COMPLETED, None)


async def test_the_runs_own_timeout_fails_it_and_is_named(server):
    reply = await server.prompt("/hang", timeout_secs=0.2)
    assert (reply.status, reply.json["exit_code"]) == (200, 1)
    assert reply.json["error"] == "The run took longer than its total of 0.2 s"


async def test_a_detached_run_knows_no_request_timeout(new_server):
    server = await new_server(Bounds(request_secs=0.05))
    reply = await server.prompt(BRIEF, detach=True)
    assert (await server.end(reply.json["id"])).state is RunState.COMPLETED


async def test_a_request_that_takes_too_long_is_a_504_that_must_not_be_repeated(new_server):
    server = await new_server(Bounds(request_secs=0.3))
    reply = await server.prompt("/hang")
    assert (reply.status, reply.json["type"]) == (504, "https://api.clinvk.dev/errors/timeout")
    assert reply.json["detail"] == "No answer within 0.3 s (server.request_timeout_secs)"
    assert reply.headers["x-should-retry"] == "false"
    view = await server.end(reply.headers["X-Run-Id"])
    assert (view.state, view.stop_cause) == (RunState.FAILED, StopCause.TIMEOUT)
    assert view.error.message == reply.json["detail"]


async def test_the_request_timeout_counts_the_wait_for_a_slot(new_server):
    server = await new_server(Bounds(request_secs=0.3), Limits(max_concurrent_runs=1))
    await server.prompt("/hang", detach=True)
    reply = await server.prompt("hello")
    assert reply.status == 504
    view = await server.end(reply.headers["X-Run-Id"])
    assert (view.started_at, view.stop_cause) == (None, StopCause.TIMEOUT)


async def test_an_unknown_backend_is_the_documented_problem(server):
    reply = await server.fetch("/api/v1/prompt", {"backend": "unknown", "prompt": "hello"})
    detail = "The requested backend 'unknown' is not available"
    assert reply.json == {
        "type": "https://api.clinvk.dev/errors/backend-not-found",
        "title": "Backend Not Found",
        "status": 400,
        "detail": detail,
        "request_id": reply.headers["X-Request-Id"],
        "error": {
            "message": detail, "type": "invalid_request_error", "param": None, "code": "model_not_found"
        },
    }  # fmt: skip
    assert (reply.status, reply.media_type) == (400, "application/problem+json")


@pytest.mark.parametrize("how", [{}, {"dry_run": True}, {"detach": True}, {"output_format": "stream-json"}])
async def test_an_unknown_backend_starts_nothing_in_any_form(server, how):
    reply = await server.fetch("/api/v1/prompt", {"backend": "unknown", "prompt": "hello", **how})
    assert (reply.status, server.supervisor.journal.length) == (400, 0)
    assert "X-Run-Id" not in reply.headers


async def test_a_session_that_is_not_there_is_404(server):
    reply = await server.prompt("hello", session_id="ses_1")
    assert (reply.status, reply.json["detail"]) == (404, "There is no session 'ses_1'")


@pytest.mark.parametrize(
    "workdir", ["/not/there", __file__, "/" + "a" * 300, "/" + "b/" * 3000, "/a\0b", "/ünïcode/\U0001f4a9"]
)
async def test_a_workdir_that_is_no_directory_is_a_fault_of_the_request(server, workdir):
    reply = await server.prompt("hello", workdir=workdir)
    assert (reply.status, [fault["path"] for fault in reply.json["errors"]]) == (400, ["/workdir"])
    assert reply.json["errors"][0]["expected"] == "a directory that exists"


@pytest.mark.parametrize("workdir", ["relative", "", "./", "~"])
async def test_a_workdir_must_be_absolute(server, workdir):
    reply = await server.prompt("hello", workdir=workdir)
    assert reply.status == 400
    assert reply.json["errors"] == [
        {
            "path": "/workdir",
            "message": f'"{workdir}" has the wrong form',
            "expected": "an absolute path",
        }
    ]


async def test_flags_that_are_not_on_the_allow_list_are_refused_by_name(server):
    reply = await server.prompt("hello", extra=["--dangerous", "--worse=1"])
    assert reply.status == 400
    assert reply.json["errors"] == [
        {
            "path": f"/extra/{index}",
            "message": f"'{flag}' may not be passed on",
            "expected": "flags of the allow-list: none for this backend",
        }
        for index, flag in enumerate(["--dangerous", "--worse=1"])
    ]


async def test_what_is_wrong_with_folder_and_flags_is_told_at_once(server):
    reply = await server.prompt("hello", extra=["--dangerous"], workdir="/not/there")
    assert [fault["path"] for fault in reply.json["errors"]] == ["/workdir", "/extra/0"]


async def test_a_stopped_run_has_left_no_process_when_its_answer_comes(server):
    asking = asyncio.ensure_future(server.prompt("/children"))
    run = await server.started()
    async with asyncio.timeout(DEADLINE):
        while sum(entry.type == "text.delta" for entry in await run.log.read()) < 4:
            await run.log.changed()
    run.stop(Stop(StopCause.CLIENT))
    pids = [int(line.split()[1]) for line in (await asking).json["output"].splitlines()]
    assert len(pids) == 4
    assert not [pid for pid in pids if (row := processes.read(pid)) and row.alive]


@pytest.mark.parametrize("field", [{"model": "a\0b"}, {"extra": ["--x=\0"]}])
async def test_what_no_argument_can_hold_is_a_fault_of_the_request(server, field):
    reply = await server.prompt("hello", **field)
    assert reply.status == 400
    assert reply.json["errors"][0]["path"].split("/")[1] in field


async def test_a_workdir_whose_real_name_is_no_text_is_a_fault_of_the_request(server, tmp_path):
    folder = tmp_path / os.fsdecode(b"\xff\xfe")
    folder.mkdir()
    (tmp_path / "link").symlink_to(folder)
    for ephemeral in (True, False):
        reply = await server.prompt("/big 5", workdir=str(tmp_path / "link"), ephemeral=ephemeral)
        assert (reply.status, [fault["path"] for fault in reply.json["errors"]]) == (400, ["/workdir"])


async def test_a_whole_answer_that_nobody_takes_is_left(new_server):
    server = await new_server(bounds=Bounds(write_secs=0.3))
    connection = await server.post({"backend": "demo", "prompt": "/big 24m"})
    connection.writer.transport.pause_reading()
    assert (await server.log.first("clinvk.access", "client reads nothing")).timeout == "write"
    assert (await server.log.first("clinvk.access", "request")).status == 499
    connection.writer.transport.abort()
