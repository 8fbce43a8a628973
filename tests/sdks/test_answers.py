"""What users of the official SDKs get to see of an answer, however they ask for it."""

import pytest

from tests.sdks.bench import Ask, surfaces
from tests.sdks.scenarios import ANSWER, ANSWERED, ENDS, THOUGHT, WORDS

PREFIX = {"chat": "chatcmpl-", "messages": "msg_", "responses": "resp_"}
HELLO = Ask("/burst 3")


@pytest.fixture(params=ANSWERED)
def scenario(request):
    return ANSWERED[request.param]


@pytest.mark.parametrize("way", ["create", "stream", "helper"])
def test_every_way_of_asking_gives_the_same_answer(surface, scenario, way):
    seen = surface.ask(way, scenario.ask)
    assert "error" not in seen, seen
    assert (seen["text"], seen["finish"]) == (scenario.text, scenario.finish[surface.api])
    if way == "create":
        assert seen["usage"] == list(scenario.usage)
    else:
        assert "".join(seen["pieces"]) == scenario.text
        assert len([piece for piece in seen["pieces"] if piece]) > 1


def test_an_answer_tells_who_it_is(surface):
    seen = surface.ask("create", HELLO)
    assert seen["id"].startswith(PREFIX[surface.api])
    assert seen["model"] == "demo"
    assert seen["request_id"].startswith("req_")


@pytest.mark.parametrize("surface", surfaces("chat"), indirect=True)
def test_every_chunk_has_a_choice_unless_the_usage_is_asked_for(surface):
    """The loop that everybody writes reads `chunk.choices[0]`."""
    plain = surface.ask("stream", HELLO)
    asked = surface.ask("stream", Ask("/burst 3", more={"chat": {"stream_options": {"include_usage": True}}}))
    assert (plain["bare"], plain["usage"]) == (0, None)
    assert (asked["bare"], asked["usage"]) == (1, [2, 3])


def test_a_stream_is_one_answer_and_ends_with_what_was_used(surface):
    more = {"chat": {"stream_options": {"include_usage": True}}}
    seen = surface.ask("stream", Ask("/burst 3", more=more))
    assert (seen["ids"], seen["usage"]) == (1, [2, 3])
    if surface.api == "responses":
        assert (seen["last"], seen["counts"]) == ("response.completed", True)


WITHOUT_EFFECT = {
    "chat": {"temperature": 0.5, "seed": 7},
    "messages": {"metadata": {"user_id": "somebody"}},
    "responses": {"temperature": 0.5, "store": False},
}


def test_the_headers_name_the_run_the_request_and_what_had_no_effect(surface, served):
    seen = surface.ask("raw", Ask("/burst 3", more=WITHOUT_EFFECT))
    headers = seen["headers"]
    run = served.json("GET", f"/api/v1/runs/{headers['x-run-id']}")
    assert (run["state"], run["request_id"]) == ("completed", headers["x-request-id"])
    assert headers["request-id"] == headers["x-request-id"] == seen["request_id"]
    assert set(headers["x-ignored-params"].split(", ")) == set(WITHOUT_EFFECT[surface.api])


def test_a_conversation_reaches_the_backend_whole(surface, served):
    ask = Ask("/burst 3", system="be brief", history=(("user", "apples?"), ("assistant", "pears!")))
    headers = surface.ask("raw", ask)["headers"]
    run = served.json("GET", f"/api/v1/runs/{headers['x-run-id']}")["request_as_curl"]
    told = [run.index(text) for text in ("=== user", "apples?", "=== assistant", "pears!", "/burst 3", "be brief")]
    assert told == sorted(told)


STOP = {"chat": {"stop": ["backend,"]}, "messages": {"stop_sequences": ["backend,"]}}


@pytest.mark.parametrize("way", ["create", "stream", "helper"])
@pytest.mark.parametrize("surface", surfaces("chat", "messages"), indirect=True)
def test_a_stop_sequence_cuts_the_answer(surface, way):
    seen = surface.ask(way, Ask("hello", more=STOP))
    finish = {"chat": "stop", "messages": "stop_sequence"}
    assert (seen["text"], seen["finish"]) == ("This is clinvk's demo ", finish[surface.api])


THINKING = {
    "chat": {"reasoning_effort": "high"},
    "messages": {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 2048},
    "responses": {"reasoning": {"summary": "auto"}},
}
BLOCKS = {"chat": ["text"], "messages": ["text"], "responses": ["message"]}
WITH_THOUGHTS = {"chat": ["text"], "messages": ["thinking", "text"], "responses": ["reasoning", "message"]}


@pytest.mark.parametrize(("more", "blocks"), [({}, BLOCKS), (THINKING, WITH_THOUGHTS)], ids=["not", "asked for"])
def test_thoughts_are_shown_only_if_they_are_asked_for(surface, more, blocks):
    """Of a chat completion no SDK shows them: there they are not part of the API."""
    seen = surface.ask("create", Ask("/think peace", more=more))
    assert (seen["text"], seen["blocks"]) == (THOUGHT, blocks[surface.api])


@pytest.mark.parametrize("surface", surfaces("messages"), indirect=True)
def test_thoughts_are_streamed_in_a_block_of_their_own(surface):
    seen = surface.ask("stream", Ask("/think peace", more=THINKING))
    assert (seen["text"], seen["blocks"]) == (THOUGHT, ["thinking", "text"])


def test_the_base_url_with_v1_does_as_well(surface, served):
    """Anthropic's SDKs put a `/v1` of their own behind it."""
    vendor = surface.client.split("-")[0]
    seen = surface.ask("create", HELLO, base_url=f"http://127.0.0.1:{served.port}/{vendor}/v1")
    assert (seen["text"], seen["finish"]) == (WORDS, ENDS[surface.api])


def test_the_models_are_listed(client):
    assert client.ask("models") == {"ids": ["claude", "codex", "gemini", "demo"]}


@pytest.mark.parametrize("name", ["demo", "codex:gpt-5", "anthropic/claude-sonnet-4-5", "ft:gpt-5:us@1"])
def test_a_model_is_found_by_a_name_with_any_sign(client, name):
    assert client.ask("model", {"id": name}) == {"id": name}


def test_a_model_that_no_rule_knows_is_not_found(client):
    error = client.ask("model", {"id": "of/nobody"})["error"]
    assert (error["class"], error["status"]) == ("NotFoundError", 404)
    assert "of/nobody" in error["message"]


@pytest.mark.parametrize("surface", surfaces("messages"), indirect=True)
def test_tokens_are_estimated(surface):
    body = {"model": "demo", "messages": [{"role": "user", "content": ANSWER}]}
    assert surface.program.ask("count", body) == {"count": 30}
