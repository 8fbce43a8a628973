"""POST /anthropic/v1/messages and count_tokens, on a real server over the demo backend."""

import asyncio

import pytest

from clinvk import processes
from clinvk.api.anthropic import counting
from clinvk.api.problems import BASE
from clinvk.domain.run import RunState, StopCause
from tests.api import anthropic_grammar as grammar
from tests.api.conftest import QUICK

MESSAGES = "/anthropic/v1/messages"
COUNT = "/anthropic/v1/messages/count_tokens"
SDK = {"anthropic-version": "2023-06-01"}
THINKING = {"type": "enabled", "budget_tokens": 1024}


def asked(prompt=QUICK, **fields):
    return {"model": "demo", "max_tokens": 100, "messages": [{"role": "user", "content": prompt}], **fields}


async def streamed(server, prompt, **fields):
    """A whole stream, checked by its grammar and its schema; and the head that it had."""
    connection = await server.post(asked(prompt, stream=True, **fields), path=MESSAGES)
    reply = await connection.reply()
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    for event in grammar.events(reply.body):
        assert server.faults("anthropic/stream-event", event) == []
    return grammar.read(reply.body), reply.headers


async def test_a_message_is_answered_as_the_anthropic_api_does(server):
    reply = await server.fetch(MESSAGES, asked(model="demo"))
    assert reply.json == {
        "id": "msg_" + reply.headers["X-Run-Id"].removeprefix("run_"),
        "type": "message",
        "role": "assistant",
        "model": "demo",
        "content": [{"type": "text", "text": "the d", "citations": []}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "container": None,
        "usage": {
            "input_tokens": 2,
            "output_tokens": 2,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": None,
            "inference_geo": None,
            "output_tokens_details": None,
            "server_tool_use": None,
            "service_tier": "standard",
        },
    }


async def test_a_stream_adds_up_to_the_message_that_a_whole_answer_would_be(server):
    told, headers = await streamed(server, QUICK)
    whole = (await server.fetch(MESSAGES, asked())).json
    assert told.message["id"] == "msg_" + headers["X-Run-Id"].removeprefix("run_")
    assert {**told.message, "id": ""} == {**whole, "id": ""}


@pytest.mark.parametrize("path", ["/messages", "/messages/count_tokens", "/models", "/models/demo"])
async def test_every_base_path_that_a_client_makes_reaches_the_same(server, path):
    bases = ["/anthropic", "/anthropic/v1", "/anthropic/v1/v1", "//anthropic//v1/"]
    paths = [base + path + end for base, end in zip(bases, ("", "/", "?beta=true", "//"), strict=True)]
    body = asked() if "messages" in path else None
    replies = await asyncio.gather(*(server.fetch(each, body) for each in paths))
    assert {reply.status for reply in replies} == {200}
    assert {reply.json.get("type", "other") for reply in replies} == {replies[0].json.get("type", "other")}


@pytest.mark.parametrize("path", ["/anthropic", "/anthropic/", "/anthropic/v1", "/api/hello"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_whoever_looks_whether_anybody_is_there_finds_so(server, path, method):
    assert (await server.fetch(path, method=method)).status == 200
    assert server.supervisor.journal.length == 0


async def test_thoughts_are_told_only_to_those_who_ask_for_them(server):
    told, _ = await streamed(server, "/think", thinking=THINKING)
    assert [block["type"] for block in told.message["content"]] == ["thinking", "text"]
    assert told.message["content"][0]["thinking"].startswith("The demo backend pretends to think")
    unasked, _ = await streamed(server, "/think")
    assert [block["type"] for block in unasked.message["content"]] == ["text"]
    assert unasked.text == told.text


@pytest.mark.parametrize(("thinking", "kinds"), [(THINKING, ["thinking", "text"]), (None, ["text"])])
async def test_thoughts_stand_before_the_text_of_a_whole_answer(server, thinking, kinds):
    content = (await server.fetch(MESSAGES, asked("/think", thinking=thinking))).json["content"]
    assert [block["type"] for block in content] == kinds


async def test_a_stop_sequence_is_found_over_the_borders_of_pieces(server):
    told, _ = await streamed(server, "/burst 9", stop_sequences=["never", "d word w"])
    whole = (await server.fetch(MESSAGES, asked("/burst 9", stop_sequences=["d word w"]))).json
    assert (told.text, whole["content"][0]["text"]) == ("wor", "wor")
    for message in (told.message, whole):
        assert (message["stop_reason"], message["stop_sequence"]) == ("stop_sequence", "d word w")


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    ("prompt", "status", "slug"), [("/fail", 502, "backend-failed"), ("/usage-limit", 429, "usage-limit")]
)
async def test_what_fails_before_there_is_text_has_a_status_and_a_form_for_its_reader(
    server, prompt, status, slug, stream
):
    reply = await server.fetch(MESSAGES, asked(prompt, stream=stream))
    assert (reply.status, reply.json["type"], reply.json["status"]) == (status, BASE + slug, status)
    assert reply.json["error"] == {
        "type": {502: "api_error", 429: "rate_limit_error"}[status],
        "message": reply.json["detail"],
        "details": {"error_code": slug},
    }
    assert reply.headers["x-should-retry"] == "false"
    to_sdk = (await server.fetch(MESSAGES, asked(prompt, stream=stream), headers=SDK)).json
    assert (to_sdk["type"], to_sdk["problem_type"]) == ("error", BASE + slug)
    assert to_sdk["error"] == reply.json["error"]


async def test_what_fails_in_the_middle_of_a_stream_is_told_as_its_last_event(server):
    told, headers = await streamed(server, "/crash")
    assert "".join(told.deltas) == "This will not end well"
    assert (told.error["error"]["type"], told.error["status"]) == ("api_error", 502)
    assert told.error["problem_type"] == BASE + "backend-failed"
    assert told.error["request_id"] == headers["request-id"]


@pytest.mark.parametrize("stream", [True, False])
async def test_a_client_that_leaves_stops_its_run(server, stream):
    connection = await server.post(asked("/steady 4 60", stream=stream), path=MESSAGES)
    run = await server.started()
    if stream:
        assert await connection.head() == 200
        assert (await connection.chunk()).startswith(b"event: message_start\n")
    await connection.leave()
    view = await server.end(run.id)
    assert (view.state, view.stop_cause) == (RunState.CANCELLED, StopCause.DISCONNECT)
    assert processes.read(run.run.pid) is None


async def test_the_same_key_gives_the_same_message_again_and_no_other_run(server):
    key = {"Idempotency-Key": "once"}
    first = await server.fetch(MESSAGES, asked(), headers=key)
    again = await server.fetch(MESSAGES, asked(), headers=key)
    assert again.json == first.json
    assert (again.headers["Idempotent-Replayed"], first.headers.get("Idempotent-Replayed")) == ("true", None)
    assert again.headers["X-Run-Id"] == first.headers["X-Run-Id"]


async def test_a_run_tells_that_it_came_by_this_api(server):
    reply = await server.fetch(MESSAGES, asked())
    run = (await server.fetch(f"/api/v1/runs/{reply.headers['X-Run-Id']}")).json
    assert (run["dialect"], run["backend"], run.get("session_id")) == ("anthropic", "demo", None)


async def test_a_thousand_pieces_reach_the_client_each_as_an_event_of_its_own(server):
    told, _ = await streamed(server, "/burst 1000")
    assert told.deltas == ["word "] * 1000
    assert told.message["usage"]["output_tokens"] == 1000


async def test_what_has_no_effect_is_named(server):
    tools = [{"name": "look", "input_schema": {"type": "object"}}]
    fields = {"temperature": 0.5, "top_k": None, "tools": tools, "tool_choice": {"type": "auto"}, "novel": 1}
    reply = await server.fetch(MESSAGES, asked(**fields, output_config={"effort": "high"}))
    named = reply.headers["X-Ignored-Params"].split(", ")
    assert sorted(named) == ["novel", "output_config", "temperature", "tools"]


async def test_a_dry_run_answers_with_the_command_and_starts_nothing(server):
    reply = await server.fetch(MESSAGES, asked("hello", dry_run=True))
    assert reply.json["content"][0]["text"].endswith("democli")
    assert (server.supervisor.journal.length, "X-Run-Id" in reply.headers) == (0, False)


@pytest.mark.parametrize("path", [MESSAGES, COUNT])
@pytest.mark.parametrize(
    ("fields", "slug", "place"),
    [
        ({"messages": []}, "invalid-request", "/messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "invalid-request", "/messages/0/role"),
        ({"messages": [{"role": "system", "content": "x"}]}, "invalid-request", "/messages"),
        ({"model": ""}, "invalid-request", "/model"),
        ({"mcp_servers": [{"url": "https://example.com"}]}, "unsupported-parameter", "/mcp_servers"),
    ],
)
async def test_what_is_wrong_is_refused_by_its_place_and_starts_nothing(server, path, fields, slug, place):
    reply = await server.fetch(path, asked() | fields)
    assert (reply.status, reply.json["type"]) == (400, BASE + slug)
    assert reply.json["error"]["type"] == "invalid_request_error"
    assert [fault["path"] for fault in reply.json["errors"]] == [place]
    assert server.supervisor.journal.length == 0


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "100", None])
async def test_a_message_needs_a_bound_of_its_tokens(server, wrong):
    reply = await server.fetch(MESSAGES, asked(max_tokens=wrong))
    assert (reply.status, reply.json["errors"][0]["path"]) == (400, "/max_tokens")


async def test_a_model_that_no_argument_could_hold_is_a_fault_of_the_request(server):
    reply = await server.fetch(MESSAGES, asked(model="demo\0"))
    assert (reply.status, [fault["path"] for fault in reply.json["errors"]]) == (400, ["/model"])


async def test_tokens_are_counted_by_the_estimate_and_no_run_is_started(server):
    body = {"model": "demo", "messages": [{"role": "user", "content": "hello world"}], "system": "Be brief."}
    reply = await server.fetch(COUNT, body)
    assert reply.json == {"input_tokens": counting.tokens("hello world" + "Be brief.")}
    assert reply.headers["X-Token-Count"] == "estimate"
    assert server.supervisor.journal.length == 0
