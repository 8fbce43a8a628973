"""POST /openai/v1/chat/completions, from request to run and back."""

import pytest

from clinvk import processes
from clinvk.api.problems import BASE
from clinvk.backends.registry import default_registry
from clinvk.domain.run import RunState, Stop, StopCause
from tests.api import openai_grammar
from tests.api.conftest import QUICK
from tests.api.keyed import check_same, keyed, total

CHAT = "/openai/v1/chat/completions"
FORMS = [pytest.param(False, id="whole"), pytest.param(True, id="streamed")]


def body(prompt, **fields):
    return {"model": "demo", "messages": [{"role": "user", "content": prompt}], **fields}


async def asked(server, prompt, *, headers=None, **fields):
    """The answer of the demo backend, streamed or not: whatever it is, on a bare socket."""
    connection = await server.post(body(prompt, **fields), headers, CHAT)
    return await connection.reply()


async def streamed(server, prompt, *, include_usage=False, **fields):
    """A stream, read by the grammar; every chunk is right by its schema."""
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    reply = await asked(server, prompt, stream=True, **options, **fields)
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    told = openai_grammar.read(reply.body, include_usage=include_usage)
    assert [fault for each in told.chunks for fault in server.faults("openai/chat-chunk", each)] == []
    return told


def text_of(reply):
    return reply.json["choices"][0]["message"]["content"]


async def test_a_message_is_answered_whole_and_names_its_run(server):
    reply = await server.fetch(CHAT, body("hello world"), headers={"X-Request-Id": "mine"})
    run_id = reply.headers["X-Run-Id"]
    assert (reply.status, reply.media_type, reply.headers["X-Request-Id"]) == (200, "application/json", "mine")
    assert 'You wrote: "hello world"' in text_of(reply)
    assert (reply.json["id"], reply.json["model"]) == (run_id.replace("run_", "chatcmpl-"), "demo")
    assert reply.json["usage"]["prompt_tokens"] == 2
    assert "X-Ignored-Params" not in reply.headers


async def test_its_run_is_one_of_this_dialect_that_leaves_no_session(server):
    reply = await server.fetch(CHAT, body(QUICK))
    seen = (await server.fetch("/api/v1/runs")).json["runs"][0]
    assert (seen["id"], seen["dialect"]) == (reply.headers["X-Run-Id"], "openai")
    assert "session_id" not in seen
    assert (await server.fetch("/api/v1/sessions")).json["total"] == 0


async def test_a_conversation_reaches_the_backend_as_one_prompt_with_its_instructions(server):
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "three"},
    ]
    reply = await server.fetch(CHAT, {"model": "demo", "messages": messages})
    spec = server.supervisor.handle(reply.headers["X-Run-Id"]).run.spec
    assert spec.system_prompt == "Be brief."
    assert spec.prompt.endswith("=== user\none\n=== assistant\ntwo\n=== user\nthree")


async def test_a_stream_keeps_to_the_grammar_and_says_what_the_whole_answer_says(server):
    told = await streamed(server, "hello")
    assert told.text == text_of(await server.fetch(CHAT, body("hello")))
    assert told.kinds == ["role", *["text"] * len(told.pieces), "finish", "done"]
    assert (told.finish, len(told.pieces) > 5) == ("stop", True)


async def test_a_stream_tells_its_usage_to_whoever_asks(server):
    told = await streamed(server, "hello", include_usage=True)
    assert told.usage == (await server.fetch(CHAT, body("hello"))).json["usage"]


async def test_a_thousand_chunks_keep_their_order_and_are_all_of_one_answer(server):
    told = await streamed(server, "/burst 1000")
    assert told.pieces == ["word "] * 1000
    assert len({(each["id"], each["created"]) for each in told.chunks}) == 1


async def test_text_around_tools_is_streamed_and_the_whole_answer_is_what_follows_the_last(server):
    told = await streamed(server, "/tool")
    whole = text_of(await server.fetch(CHAT, body("/tool")))
    assert told.text == f"Let me count the files in this folder.\n\n{whole}"


async def test_reasoning_is_told_in_both_forms_to_whoever_asks_and_to_nobody_else(server):
    told = await streamed(server, "/think", reasoning_effort="low")
    whole = (await server.fetch(CHAT, body("/think", include_reasoning=True))).json["choices"][0]["message"]
    assert "".join(told.thoughts) == whole["reasoning_content"]
    assert whole["reasoning_content"].startswith("The demo backend pretends to think")
    assert told.text == whole["content"]
    assert "reasoning" not in (await streamed(server, "/think", include_reasoning=False)).kinds


async def test_what_has_no_effect_is_named_an_effort_that_no_cli_knows_too(server):
    fields = {"temperature": 0.5, "reasoning_effort": "low", "max_tokens": 5, "tools": [], "user": None}
    reply = await server.fetch(CHAT, body(QUICK, **fields))
    assert reply.headers["X-Ignored-Params"] == "temperature, tools, reasoning_effort"


@pytest.mark.parametrize("stream", FORMS)
async def test_a_stop_sequence_cuts_across_chunks_and_stops_the_run(server, stream):
    fields = {"stop": ["n a t", "time time"]}
    if stream:
        told = await streamed(server, "/steady 4 60", **fields)
        text, finish = told.text, told.finish
    else:
        reply = await server.fetch(CHAT, body("/steady 4 60", **fields))
        text, finish = text_of(reply), reply.json["choices"][0]["finish_reason"]
    assert (text, finish) == ("Once upo", "stop")
    run = server.newest()
    seen = await server.end(run.id)
    assert (seen.state, seen.stop_cause) == (RunState.CANCELLED, StopCause.CLIENT)


@pytest.mark.parametrize("stream", FORMS)
@pytest.mark.parametrize(
    ("prompt", "told"),
    [
        ("/fail", (502, "backend-failed", "cli_failed")),
        ("/usage-limit", (429, "usage-limit", "insufficient_quota")),
    ],
)
async def test_a_failure_before_the_first_word_has_a_status_that_nobody_repeats(server, stream, prompt, told):
    status, slug, code = told
    reply = await asked(server, prompt, stream=stream)
    assert (reply.status, reply.media_type) == (status, "application/problem+json")
    assert (reply.json["type"], reply.json["error"]["code"]) == (BASE + slug, code)
    assert reply.json["error"]["message"].startswith("The demo backend")
    assert (reply.headers["x-should-retry"], reply.headers["X-Run-Id"]) == ("false", server.newest().id)


async def test_a_failure_in_the_middle_is_an_error_that_ends_the_stream(server):
    connection = await server.post(body("/steady 4 60", stream=True), path=CHAT)
    assert await connection.head() == 200
    data = await connection.chunk()
    server.newest().stop(Stop(StopCause.CONSOLE))
    told = openai_grammar.read(data + await connection.chunks())
    assert told.kinds[-2:] == ["failure", "done"]
    assert told.text.startswith("Once ")
    assert server.faults("domain/problem", told.problem) == []
    assert told.problem["error"]["code"] == "run_cancelled"
    assert told.problem["request_id"] == connection.headers["X-Request-Id"]


@pytest.mark.parametrize("stream", FORMS)
async def test_a_client_that_leaves_stops_its_run(server, stream):
    connection = await server.post(body("/steady 4 60", stream=stream), path=CHAT)
    run = await server.started()
    pid = run.run.pid
    await connection.leave()
    seen = await server.end(run.id)
    assert (seen.state, seen.stop_cause) == (RunState.CANCELLED, StopCause.DISCONNECT)
    assert processes.read(pid) is None


@pytest.mark.parametrize("stream", FORMS)
async def test_a_dry_run_answers_the_command_and_runs_nothing(server, stream):
    if stream:
        text = (await streamed(server, "hello", dry_run=True)).text
    else:
        reply = await server.fetch(CHAT, body("hello", dry_run=True))
        assert "X-Run-Id" not in reply.headers
        text = text_of(reply)
    assert text.endswith("clinvk/democli")
    assert server.supervisor.journal.length == 0


@pytest.mark.parametrize("stream", FORMS)
async def test_the_same_key_replays_the_same_answer_to_the_byte(server, stream):
    first, again = [await asked(server, "hello", headers=keyed(), stream=stream) for _ in range(2)]
    check_same(first, again)
    assert first.status == 200
    assert await total(server) == 1
    other = await asked(server, "hello", headers=keyed(), stream=not stream)
    assert (other.status, other.json["type"]) == (422, BASE + "idempotency-mismatch")


async def test_an_answer_that_was_cut_is_replayed_too(server):
    first, again = [await asked(server, "/burst 9", headers=keyed(), stream=True, stop="d w") for _ in range(2)]
    check_same(first, again)
    assert openai_grammar.read(first.body).text == "wor"
    assert await total(server) == 1


async def test_a_failure_is_replayed_too(server):
    headers = keyed(**{"X-Request-Id": "mine"})
    first, again = [await asked(server, "/fail", headers=headers) for _ in range(2)]
    assert (again.status, again.body, again.headers["X-Run-Id"]) == (502, first.body, first.headers["X-Run-Id"])
    assert await total(server) == 1


async def test_a_name_that_nobody_knows_is_the_default_backends_and_comes_back_as_it_was(server):
    reply = await server.fetch(CHAT, {**body("hello"), "model": "meta/llama3:8b"})
    assert (reply.status, reply.json["model"]) == (200, "meta/llama3:8b")
    spec = server.supervisor.handle(reply.headers["X-Run-Id"]).run.spec
    assert (spec.backend, spec.model) == ("demo", None)


@pytest.mark.parametrize("stream", FORMS)
async def test_a_backend_that_is_not_installed_or_is_disabled_is_400(new_server, monkeypatch, tmp_path, stream):
    monkeypatch.setenv("PATH", str(tmp_path))
    server = await new_server(registry=default_registry(["codex"]))
    for model in ("claude-sonnet-4-5", "gpt-5"):
        reply = await server.fetch(CHAT, {**body("hello", stream=stream), "model": model})
        assert (reply.status, reply.json["type"]) == (400, BASE + "backend-not-found")
        assert reply.json["error"]["code"] == "model_not_found"
    assert server.supervisor.journal.length == 0


async def test_what_is_wrong_is_told_at_its_place_and_what_cannot_be_had_by_its_name(server):
    wrong = await server.fetch(CHAT, {"messages": [{"role": "user"}], "stop": ""})
    assert (wrong.status, wrong.json["type"]) == (400, BASE + "invalid-request")
    assert {fault["path"] for fault in wrong.json["errors"]} == {"/model", "/messages/0/content", "/stop"}
    refused = await server.fetch(CHAT, body("hello", tools=[{}], tool_choice="required"))
    assert (refused.status, refused.json["type"]) == (400, BASE + "unsupported-parameter")
    assert refused.json["error"]["param"] == "tool_choice"
    assert server.supervisor.journal.length == 0
