"""POST /api/v1/runs/{id}/rerun: the same prompt once more."""

import json
from dataclasses import replace

import pytest

from clinvk.api.services import Habits
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.registry import Registry
from clinvk.domain.errors import InvalidInput, RunNotFound
from clinvk.domain.run import RunState
from clinvk.domain.spec import ApprovalMode, Dialect, SandboxMode
from clinvk.supervisor.sessions import SessionOptions
from tests.api.client import hanging, run_of
from tests.api.conftest import QUICK


class Twin(DemoBackend):
    """The demo under another name."""

    name = "twin"


@pytest.fixture
async def twins(new_server):
    """A server with two backends."""
    return await new_server(registry=Registry([DemoBackend(), Twin()]))


async def rerun(server, run_id, body=None):
    data = b"" if body is None else json.dumps(body).encode()
    return await server.fetch(f"/api/v1/runs/{run_id}/rerun", data=data)


def spec_of(server, run_id):
    return server.supervisor.handle(run_id).run.spec


@pytest.mark.parametrize("body", [None, {}, {"backend": "demo"}])
async def test_a_run_is_asked_for_once_more_and_lives_on_by_itself(server, body):
    first = await run_of(server, "/recall", model="m", max_turns=3, metadata={"a": "b"}, timeout_secs=60)
    reply = await rerun(server, first, body)
    assert (reply.status, reply.headers["X-Run-Id"]) == (202, reply.json["id"])
    assert reply.json["id"] != first
    seen = await server.end(reply.json["id"])
    assert (seen.state, seen.dialect, seen.request_id) == (
        RunState.COMPLETED,
        Dialect.NATIVE,
        reply.headers["X-Request-Id"],
    )
    before, after = spec_of(server, first), spec_of(server, seen.id)
    assert after == replace(before, origin=after.origin, session_id=after.session_id)
    assert before.session_id != after.session_id  # one that began a session begins another


async def test_a_live_run_too(server):
    reply = await rerun(server, await hanging(server))
    assert (reply.status, reply.json["prompt_preview"]) == (202, "/hang")


async def test_a_turn_of_a_session_is_its_next_turn_then(server):
    session = (await server.prompt("/recall")).json["session_id"]
    second = await run_of(server, "/recall", session_id=session)
    assert (await server.end((await rerun(server, second)).json["id"])).session_id == session


async def test_a_run_of_an_earlier_server_too(new_server, tmp_path):
    server = await new_server(home=tmp_path / "home")
    first = await run_of(server, QUICK, approval_mode="none", sandbox_mode="read-only")
    await server.close()
    later = await new_server(home=tmp_path / "home")
    again = (await rerun(later, first)).json["id"]
    spec = spec_of(later, again)
    assert (spec.prompt, spec.approval_mode, spec.sandbox_mode) == (
        QUICK,
        ApprovalMode.NONE,
        SandboxMode.READ_ONLY,
    )


async def test_on_another_backend_it_goes_without_what_is_the_first_ones_own(twins):
    session = (await twins.prompt(QUICK)).json["session_id"]
    first = await run_of(twins, QUICK, session_id=session, model="m", system_prompt="be brief")
    seen = await twins.end((await rerun(twins, first, {"backend": "twin"})).json["id"])
    spec = spec_of(twins, seen.id)
    assert (seen.state, seen.backend, seen.model) == (RunState.COMPLETED, "twin", None)
    assert (spec.system_prompt, spec.extra, spec.ephemeral) == ("be brief", (), False)
    assert seen.session_id not in (session, None)


async def test_on_its_own_backend_it_keeps_all(twins):
    session = (await twins.prompt(QUICK)).json["session_id"]
    first = await run_of(twins, QUICK, session_id=session, model="m")
    seen = await twins.end((await rerun(twins, first, {"backend": "demo"})).json["id"])
    assert (seen.session_id, seen.model) == (session, "m")


async def test_an_ephemeral_run_stays_so_on_another_backend(twins):
    first = await run_of(twins, QUICK, ephemeral=True)
    again = (await rerun(twins, first, {"backend": "twin"})).json
    assert "session_id" not in again
    assert spec_of(twins, again["id"]).ephemeral


async def test_what_was_asked_in_another_api_is_asked_natively(server):
    body = {"model": "demo", "messages": [{"role": "user", "content": QUICK}]}
    first = (await server.fetch("/openai/v1/chat/completions", body)).headers["X-Run-Id"]
    assert (await rerun(server, first)).json["dialect"] == "native"


async def test_what_was_not_kept_cannot_be_asked_again_once_it_has_ended(new_server):
    server = await new_server(options=SessionOptions(store_content=False))
    live = await hanging(server)
    assert (await rerun(server, live)).status == 202
    ended = await run_of(server, QUICK)
    refused = await rerun(server, ended)
    assert (refused.status, refused.json["errors"][0]["path"]) == (400, "/id")
    assert refused.json["errors"][0]["message"] == "is a run whose request was not kept"


async def test_a_server_that_only_shows_runs_runs_nothing_again(server):
    first = await run_of(server, QUICK)
    server.services.habits = {"demo": Habits(dry_run=True)}
    refused = await rerun(server, first)
    assert (refused.status, refused.json["errors"][0]["expected"]) == (400, "unified_flags.dry_run to be off")
    assert server.newest().id == first


async def test_a_request_that_is_none_any_more_is_told_so(server, monkeypatch):
    first = await run_of(server, QUICK)

    async def outdated(_):
        return '{"base_url": "", "body": {"backend": "demo", "prompt": "x", "mood": "good"}}'

    monkeypatch.setattr(server.supervisor.history, "request", outdated)
    refused = await rerun(server, first)
    assert (refused.status, refused.json["errors"][0]["path"]) == (400, "/id/mood")


@pytest.mark.parametrize(
    ("body", "status"), [({"backend": "nobody"}, 400), ({"backend": ""}, 400), ({"prompt": "x"}, 400), ([], 400)]
)
async def test_what_cannot_be_started_is_not(server, body, status):
    first = await run_of(server, QUICK)
    assert (await rerun(server, first, body)).status == status
    assert server.newest().id == first


async def test_a_run_that_is_not_there_is_not_run_again(server):
    assert (await rerun(server, "run_x")).status == 404


async def test_the_console_asks_without_http(server):
    first = await run_of(server, QUICK)
    again = await server.services.monitor.rerun(first)
    assert (again.client, again.request_id, again.prompt_preview) == ("console", None, QUICK)
    assert server.origin in (again.request_as_curl or "")
    assert (await server.end(again.id)).state is RunState.COMPLETED
    with pytest.raises(RunNotFound):
        await server.services.monitor.rerun("run_x")
    server.services.habits = {"demo": Habits(dry_run=True)}
    with pytest.raises(InvalidInput):
        await server.services.monitor.rerun(first)
