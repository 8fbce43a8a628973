"""Whoever starts, stops or deletes something is written down, whatever way it was done."""

import asyncio
import json

import pytest

from clinvk.domain.access import Grant, Keyring, digest
from clinvk.domain.run import StopCause
from clinvk.supervisor.limits import Limits
from clinvk.telemetry.audit import Audit
from tests.api.conftest import QUICK

KEY = "sk-never-written"
SECRET = "the-prompt-is-nobodys-business"


class Audited:
    """A server with an audit log, and what that says."""

    def __init__(self, server, path):
        self.server = server
        self.audit = server.services.audit
        self.path = path

    async def lines(self):
        """All that happened until now."""
        await asyncio.sleep(0)  # whoever follows the runs has a turn
        await self.audit.close()
        return [json.loads(line) for line in self.path.read_bytes().splitlines()]

    async def said(self, *names):
        """Those fields of each line."""
        return [tuple(line.get(name) for name in names) for line in await self.lines()]


@pytest.fixture
async def audited(server, tmp_path):
    server.services.audit = Audit(tmp_path / "audit.jsonl", server.services.clock)
    yield Audited(server, tmp_path / "audit.jsonl")
    await server.services.audit.close()


def locked(server):
    """Ask for a key from now on."""
    server.services.keyring = Keyring({digest(KEY): Grant("alice")})
    return {"Authorization": f"Bearer {KEY}"}


async def test_a_run_is_written_down_with_who_started_it_where_and_what_it_may(audited):
    server, headers = audited.server, locked(audited.server)
    reply = await server.prompt(SECRET, headers=headers | {"X-Request-Id": "mine"}, sandbox_mode="read-only")
    (line,) = await audited.lines()
    assert line.pop("at").endswith("Z")
    assert line == {
        "action": "run.start",
        "target": reply.headers["X-Run-Id"],
        "via": "native",
        "key": "alice",
        "client": "127.0.0.1",
        "request_id": "mine",
        "session_id": reply.json["session_id"],
        "backend": "demo",
        "workdir": server.services.default_workdir,
        "approval_mode": "default",
        "sandbox_mode": "read-only",
    }


@pytest.mark.parametrize("dialect", ["openai", "anthropic"])
async def test_a_run_of_another_api_says_of_which(audited, dialect):
    path = {"openai": "/openai/v1/chat/completions", "anthropic": "/anthropic/v1/messages"}[dialect]
    body = {"model": "demo", "max_tokens": 99, "messages": [{"role": "user", "content": QUICK}]}
    await audited.server.fetch(path, body)
    assert await audited.said("action", "via", "backend") == [("run.start", dialect, "demo")]


async def test_neither_prompts_nor_answers_nor_keys_are_written_down(audited):
    server, headers = audited.server, locked(audited.server)
    reply = await server.prompt(SECRET, headers=headers, metadata={"note": SECRET}, system_prompt=SECRET)
    assert SECRET in reply.json["output"]
    await server.fetch(f"/api/v1/sessions/{reply.json['session_id']}", method="DELETE", headers=headers)
    await server.fetch(f"/api/v1/runs/{KEY}", headers={"Authorization": "Bearer another-secret"})
    assert len(await audited.lines()) == 3
    said = audited.path.read_text()
    assert not [secret for secret in (SECRET, KEY, "another-secret") if secret in said]


@pytest.mark.parametrize(("by", "via"), [("", "native"), ("?by=console", "console")])
async def test_a_cancel_is_written_down_once_with_who_asked(audited, by, via):
    server, headers = audited.server, locked(audited.server)
    run_id = (await server.prompt("/hang", detach=True, headers=headers)).headers["X-Run-Id"]
    for _ in range(2):
        stop = f"/api/v1/runs/{run_id}/cancel{by}"
        await server.fetch(stop, data=b"", headers=headers | {"X-Request-Id": "stop"})
    await server.end(run_id)
    await server.fetch(f"/api/v1/runs/{run_id}", method="DELETE", headers=headers)
    (line,) = [line for line in await audited.lines() if line["action"] == "run.stop"]
    assert (line["target"], line["via"], line["key"], line["client"]) == (run_id, via, "alice", "127.0.0.1")
    assert line["request_id"] == "stop"


async def test_a_client_that_leaves_is_written_down_as_the_cause(audited):
    stream = await audited.server.stream("/hang")
    await audited.server.started()
    await stream.leave()
    await audited.server.end(stream.run_id)
    assert await audited.said("action", "target", "via", "client") == [
        ("run.start", stream.run_id, "native", "127.0.0.1"),
        ("run.stop", stream.run_id, "disconnect", "127.0.0.1"),
    ]


async def test_a_timeout_is_written_down_with_the_clock_that_struck(audited):
    await audited.server.prompt("/hang", timeout_secs=0.05)
    assert (await audited.said("action", "via", "client", "reason"))[1] == (
        "run.stop",
        "timeout",
        None,
        "The run took longer than its total of 0.05 s",
    )


async def test_the_end_of_the_server_is_written_down_for_each_run_that_it_ends(audited):
    run_id = (await audited.server.prompt("/hang", detach=True)).headers["X-Run-Id"]
    await audited.server.started()
    await audited.server.supervisor.drain(0)
    assert (await audited.said("action", "target", "via"))[1] == ("run.stop", run_id, "shutdown")


async def test_a_run_that_is_stopped_in_the_queue_is_written_down_too(new_server, tmp_path):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    server.services.audit = Audit(tmp_path / "audit.jsonl", server.services.clock)
    audited = Audited(server, tmp_path / "audit.jsonl")
    await server.prompt("/hang", detach=True)
    queued = (await server.prompt("/hang", detach=True)).headers["X-Run-Id"]
    await server.fetch(f"/api/v1/runs/{queued}/cancel?wait=20", data=b"")
    assert ("run.stop", queued, "native") in await audited.said("action", "target", "via")


async def test_what_is_done_at_a_console_is_written_down_as_that(audited):
    server, monitor = audited.server, audited.server.services.monitor
    session = (await server.prompt(QUICK)).json["session_id"]
    first = (await server.prompt("/hang", detach=True)).headers["X-Run-Id"]
    again = (await monitor.rerun(first)).id
    for run_id in (first, again):
        await monitor.stop(run_id, StopCause.CONSOLE)
        await server.end(run_id)
    await monitor.delete_session(session)
    lines = [line for line in await audited.lines() if line["via"] == "console"]
    assert all("client" not in line and "key" not in line for line in lines)
    assert sorted((line["action"], line["target"]) for line in lines) == sorted(
        [
            ("run.rerun", first),
            ("run.start", again),
            ("run.stop", first),
            ("run.stop", again),
            ("session.delete", session),
        ]
    )


async def test_a_rerun_names_the_run_and_the_new_one(audited):
    first = (await audited.server.prompt(QUICK)).headers["X-Run-Id"]
    again = await audited.server.fetch(f"/api/v1/runs/{first}/rerun", {})
    await audited.server.end(again.headers["X-Run-Id"])
    found = [line for line in await audited.lines() if line["action"] == "run.rerun"]
    assert [(line["target"], line["run_id"]) for line in found] == [(first, again.headers["X-Run-Id"])]


async def test_a_deletion_is_written_down_if_there_was_anything_to_delete(audited):
    session = (await audited.server.prompt(QUICK)).json["session_id"]
    for _ in range(2):
        await audited.server.fetch(f"/api/v1/sessions/{session}", method="DELETE")
    found = [line for line in await audited.lines() if line["action"] == "session.delete"]
    assert [(line["target"], line["via"], line["client"]) for line in found] == [(session, "native", "127.0.0.1")]


async def test_a_group_is_written_down_with_its_runs_and_its_stop(audited):
    server = audited.server
    body = {"tasks": [{"backend": "demo", "prompt": "/hang"}] * 2}
    connection = await server.post(body, path="/api/v1/parallel")
    await server.started(2)
    (group_id,) = {handle.run.spec.origin.group_id for handle in server.supervisor.history.live()}
    await server.fetch(f"/api/v1/groups/{group_id}/cancel?wait=20", data=b"")
    await connection.head()
    lines = await audited.lines()
    assert [(line["target"], line["runs"]) for line in lines if line["action"] == "group.start"] == [(group_id, 2)]
    assert [line["group_id"] for line in lines if line["action"] == "run.start"] == [group_id] * 2
    assert [(line["target"], line["client"]) for line in lines if line["action"] == "group.stop"] == [
        (group_id, "127.0.0.1")
    ]
    assert [(line["via"], line["group_id"]) for line in lines if line["action"] == "run.stop"] == [
        ("client", group_id)
    ] * 2


async def test_who_is_not_let_in_is_written_down_but_not_without_end(audited, monkeypatch):
    server = audited.server
    locked(server)
    for _ in range(33):
        await server.fetch("/api/v1/runs/x", headers={"X-Api-Key": "wrong"})
    server.services.books._denials._began -= 60
    await server.fetch("/health", headers={"Host": "evil.example"})
    lines = await audited.lines()
    assert {line["action"] for line in lines} == {"access.denied"}
    assert len(lines) == 31
    first, last = lines[0], lines[-1]
    assert (first["target"], first["method"], first["status"]) == ("/api/v1/runs/{id}", "GET", 401)
    assert "unsaid" not in first
    assert (last["target"], last["status"], last["unsaid"]) == ("/health", 403, 3)


async def test_every_way_to_start_a_run_is_written_down(audited):
    """By the journal of the runs themselves, so that no endpoint can forget it."""
    server = audited.server
    bodies = {
        "/api/v1/prompt": {"backend": "demo", "prompt": QUICK},
        "/api/v1/parallel": {"tasks": [{"backend": "demo", "prompt": QUICK}]},
        "/api/v1/chain": {"steps": [{"backend": "demo", "prompt": QUICK}]},
        "/api/v1/compare": {"backends": ["demo"], "prompt": QUICK},
        "/openai/v1/responses": {"model": "demo", "input": QUICK},
    }
    for path, body in bodies.items():
        await server.fetch(path, body)
    started = {handle.id for handle in server.supervisor.history._handles.values()}
    assert len(started) >= len(bodies)
    assert {line["target"] for line in await audited.lines() if line["action"] == "run.start"} == started
