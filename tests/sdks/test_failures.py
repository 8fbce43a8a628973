"""What users of the official SDKs get to see of a failure, and how often it is tried."""

from dataclasses import replace

import pytest

from tests.sdks.bench import Ask
from tests.sdks.scenarios import CRASHED, REFUSED

MID_STREAM = {
    "openai": ("APIError", None),
    "openai-older": ("APIError", None),
    "openai-node": ("APIError", None),
    "anthropic": ("APIStatusError", 200),
    "anthropic-older": ("APIStatusError", 200),
    "anthropic-node": ("APIError", None),
}
"""What is raised where the status is out already, and the status that it has."""


@pytest.fixture(params=REFUSED)
def failing(request):
    return REFUSED[request.param]


@pytest.mark.parametrize("way", ["create", "stream", "helper"])
def test_a_failure_has_the_class_the_words_and_the_place_that_sdks_show(surface, failing, runs, way):
    ask = replace(failing.ask, prompt=f"{failing.ask.prompt} {runs.mark}")
    error = surface.ask(way, ask)["error"]
    assert (error["class"], error["status"]) == (failing.raises, failing.status)
    assert failing.says in error["message"]
    assert error["request_id"].startswith("req_")
    if surface.api == "messages":
        assert error["type"] == failing.kind
    else:
        expected = (failing.type, failing.code, failing.param.get(surface.api))
        assert (error["type"], error["code"], error["param"]) == expected
    assert len(runs.named()) == failing.runs  # SDKs try again what they may


@pytest.mark.parametrize("way", ["stream", "helper"])
def test_a_failure_in_the_middle_of_a_stream_is_raised(surface, runs, way):
    seen = surface.ask(way, Ask(f"/crash {runs.mark}"))
    if surface.api == "responses":
        assert_failed(seen, way)
    else:
        error = seen["error"]
        assert (error["class"], error["status"]) == MID_STREAM[surface.client]
        assert CRASHED in error["message"]
    assert len(runs.named()) == 1


def assert_failed(seen, way):
    """There it is the last event, and the state of the answer. Python's helper knows no answer but a whole one."""
    if "error" in seen:
        assert (way, seen["error"]["class"]) == ("helper", "RuntimeError")
        assert "response.completed" in seen["error"]["message"]
        return
    assert seen["finish"] == "failed"
    if way == "stream":
        assert seen["last"] == "response.failed"
        assert CRASHED in seen["failure"]["message"]


def test_what_is_not_served_is_not_found_and_the_message_says_what_is(client):
    error = client.ask("elsewhere")["error"]
    assert (error["class"], error["status"]) == ("NotFoundError", 404)
    assert "/openapi.json" in error["message"]
    assert ("/v1/chat/completions" in error["message"]) == client.name.startswith("openai")
