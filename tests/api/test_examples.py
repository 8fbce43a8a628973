"""The examples of the schemas are promises: each is sent to a real server."""

import pytest

from clinvk.schemas import Schemas

EXAMPLES = Schemas().documents["native/prompt-request"]["examples"]
# Those for the real CLIs are sent where there are some: tests/e2e/clis.
PROMPTS = [body for body in EXAMPLES if body["backend"] == "demo"]


@pytest.mark.parametrize("body", PROMPTS)
async def test_every_example_of_a_prompt_answers_as_documented(server, body):
    reply = await server.fetch("/api/v1/prompt", body)  # which holds the answer against the table
    if body.get("detach"):
        assert (reply.status, reply.headers["X-Run-Id"]) == (202, reply.json["id"])
        return
    assert reply.status == 200
    if body.get("output_format") == "stream-json":
        assert reply.events[-1]["code"] == 0
    elif body.get("dry_run"):
        assert reply.json["dry_run"] is True
    else:
        assert reply.json["exit_code"] == 0


@pytest.mark.parametrize("body", [body for body in PROMPTS if body.get("output_format") == "stream-json"])
async def test_every_example_of_a_stream_can_be_had_as_server_sent_events(server, body):
    reply = await server.fetch("/api/v1/prompt", body, headers={"Accept": "text/event-stream"})
    assert reply.sse[-1].event == "run.finished"


def test_the_examples_show_every_way_to_ask():
    shown = {name for body in EXAMPLES for name in body}
    assert {"output_format", "dry_run", "detach", "metadata", "timeout_secs", "sandbox_mode", "extra"} <= shown
