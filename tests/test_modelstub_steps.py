"""What the stand-in for the model providers says by step, it says when it is asked for more, and not before."""

import json

import pytest

from tests.modelstub.client import deltas, request, running

PIECES = 3


@pytest.mark.parametrize("provider", ["anthropic", "openai", "chat", "gemini"])
def test_nothing_is_said_that_was_not_asked_for(provider):
    path, body = request(provider, f"hi there [[deltas={PIECES} step=1]]", stream=True)
    heard = []
    with running() as stub:
        connection = stub.connect()
        connection.request("POST", path, json.dumps(body))
        for line in connection.getresponse():
            said = deltas(provider, [json.loads(line[6:])]) if line.startswith(b"data: {") else []
            heard += said
            if said and len(heard) < PIECES:  # what follows the last is not waited for
                (entry,) = [entry for entry in stub.log() if entry["path"] == path]
                assert "done" not in entry
                stub.go_on(entry)
        connection.close()
    assert len(heard) == PIECES
