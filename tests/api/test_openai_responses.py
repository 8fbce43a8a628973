"""POST /openai/v1/responses, on a real server over the demo backend."""

import asyncio

import pytest

from clinvk.api.dialects.models import Models
from clinvk.api.idempotency import HEADER, REPLAYED
from clinvk.api.problems import BASE
from tests.api import responses_grammar as grammar
from tests.api.conftest import QUICK

RESPONSES = "/openai/v1/responses"


@pytest.fixture
async def server(server):
    server.services.models = Models(server.supervisor.registry.names(), "demo")
    return server


def asked(said=QUICK, **fields):
    return {"model": "demo", "input": said, **fields}


async def streamed(server, said, **fields):
    """A whole stream, checked by its grammar and its schema; and the head that it had."""
    connection = await server.post(asked(said, stream=True, **fields), path=RESPONSES)
    reply = await connection.reply()
    assert (reply.status, reply.headers["Content-Type"]) == (200, "text/event-stream; charset=utf-8")
    for event in grammar.events(reply.body):
        assert server.faults("openai/response-event", event) == []
    return grammar.read(reply.body), reply.headers


async def test_a_prompt_is_answered_whole_under_the_id_of_its_run(server):
    reply = await server.fetch(RESPONSES, asked(model="demo", temperature=0.2, x=1))
    told = reply.json
    assert reply.status == 200
    assert told["id"] == "resp_" + reply.headers["X-Run-Id"].removeprefix("run_")
    assert (told["model"], told["status"]) == ("demo", "completed")
    assert [item["content"][0]["text"] for item in told["output"]] == ["the d"]
    assert told["usage"]["total_tokens"] == 4
    assert reply.headers["X-Ignored-Params"] == "temperature, x"


async def test_a_stream_adds_up_to_the_response_that_a_whole_answer_would_be(server):
    told, headers = await streamed(server, QUICK, instructions="Be brief.")
    whole = (await server.fetch(RESPONSES, asked(instructions="Be brief."))).json
    assert told.response["id"] == "resp_" + headers["X-Run-Id"].removeprefix("run_")
    assert _without_ids(told.response) == _without_ids(whole)


def _without_ids(response):
    output = [{**item, "id": ""} for item in response["output"]]
    return {**response, "id": "", "created_at": 0, "output": output}


async def test_reasoning_is_streamed_if_a_summary_is_asked_for_and_only_then(server):
    thoughtful, plain = await asyncio.gather(
        streamed(server, "/think", reasoning={"summary": "auto"}), streamed(server, "/think")
    )
    assert [item["type"] for item in thoughtful[0].items] == ["reasoning", "message"]
    assert "".join(thoughtful[0].thoughts).startswith("The demo backend pretends to think")
    assert [item["type"] for item in plain[0].items] == ["message"]
    assert thoughtful[0].text == plain[0].text


@pytest.mark.parametrize("stream", [False, True])
async def test_a_failure_before_the_first_word_is_a_problem_with_its_status(server, stream):
    reply = await server.fetch(RESPONSES, asked("/usage-limit", stream=stream))
    assert (reply.status, reply.json["type"]) == (429, BASE + "usage-limit")
    assert reply.json["error"]["type"] == "insufficient_quota"
    assert reply.headers["x-should-retry"] == "false"


async def test_a_failure_in_the_middle_of_a_stream_is_its_last_event(server):
    told, _ = await streamed(server, "/crash")
    assert told.kinds[-1] == "response.failed"
    assert told.text == "This will not end well"
    assert told.response["error"]["code"] == "server_error"
    assert "crashed" in told.response["error"]["message"]
    assert told.items == []


async def test_a_failure_in_the_middle_of_a_whole_answer_has_its_status(server):
    reply = await server.fetch(RESPONSES, asked("/crash"))
    assert (reply.status, reply.json["error"]["code"]) == (502, "cli_failed")


@pytest.mark.parametrize("stream", [False, True])
async def test_an_earlier_response_is_refused_by_name_and_nothing_is_started(server, stream):
    reply = await server.fetch(RESPONSES, asked(previous_response_id="resp_1", stream=stream))
    assert (reply.status, reply.json["type"]) == (400, BASE + "unsupported-parameter")
    assert reply.json["error"] == {
        "message": "/previous_response_id names an earlier response, and none are kept"
        " (expected the whole conversation in input)",
        "type": "invalid_request_error",
        "param": "previous_response_id",
        "code": "unsupported_parameter",
    }
    assert server.supervisor.journal.length == 0


async def test_a_conversation_reaches_the_agent_as_a_transcript(server):
    said = [
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two"},
        {"role": "user", "content": "3"},
    ]
    reply = await server.fetch(RESPONSES, asked(said, instructions="Be brief."))
    spec = server.supervisor.handle(reply.headers["X-Run-Id"]).run.spec
    assert spec.prompt.endswith("=== user\none\n=== assistant\ntwo\n=== user\n3")
    assert (spec.system_prompt, spec.session_id) == ("Be brief.", None)
    assert (await server.fetch("/api/v1/sessions")).json["total"] == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_dry_run_answers_the_command_and_runs_nothing(server, stream):
    if stream:
        told, headers = await streamed(server, "/hang", dry_run=True)
        text = told.text
    else:
        reply = await server.fetch(RESPONSES, asked("/hang", dry_run=True))
        headers, text = reply.headers, reply.json["output"][0]["content"][0]["text"]
    assert text.endswith("democli")
    assert "X-Run-Id" not in headers
    assert server.supervisor.journal.length == 0


@pytest.mark.parametrize("stream", [False, True])
async def test_the_same_key_gives_the_same_answer_and_no_second_run(server, stream):
    replies = []
    for _ in range(2):
        connection = await server.post(asked(stream=stream), {HEADER: "key-1"}, RESPONSES)
        replies.append(await connection.reply())
    first, again = replies
    assert (again.status, again.headers[REPLAYED], first.headers.get(REPLAYED)) == (200, "true", None)
    assert again.headers["X-Run-Id"] == first.headers["X-Run-Id"]
    if stream:
        assert grammar.read(again.body).response == grammar.read(first.body).response
    else:
        assert again.json == first.json
    assert (await server.fetch("/api/v1/runs")).json["total"] == 1


async def test_a_thousand_words_stream_as_they_were_said(server):
    told, _ = await streamed(server, "/burst 1000")
    assert len(told.text.split()) == 1000
    assert told.response["output"][0]["content"][0]["text"] == told.text
