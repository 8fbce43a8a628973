"""Clients put a base URL and a path together in every way."""

import pytest

from clinvk.api import paths

MESSAGES = "/anthropic/v1/messages"
CHAT = "/openai/v1/chat/completions"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("/", "/"),
        ("//", "/"),
        ("/health/", "/health"),
        ("//api//v1/runs//", "/api/v1/runs"),
        ("/anthropic/messages", MESSAGES),
        ("/anthropic/v1/messages", MESSAGES),
        ("/anthropic/v1/v1/messages", MESSAGES),
        ("/anthropic/v1//v1/messages/", MESSAGES),
        ("/anthropic//v1/messages", MESSAGES),
        ("/anthropic/v1/v1/messages/count_tokens", f"{MESSAGES}/count_tokens"),
        ("/anthropic/models/claude", "/anthropic/v1/models/claude"),
        ("/anthropic/v1/v1/models/v1/models", "/anthropic/v1/models/v1/models"),
        ("/anthropic/v1/v1/v1/messages", "/anthropic/v1/v1/v1/messages"),
        ("/anthropic/v1/messages-x", "/anthropic/v1/messages-x"),
        ("/openai/chat/completions", CHAT),
        ("/openai/v1/chat/completions", CHAT),
        ("/openai/v1/models/openai/models", "/openai/v1/models/openai/models"),
        ("/openai/responses/", "/openai/v1/responses"),
        ("/api/v1/anthropic/messages", "/api/v1/anthropic/messages"),
    ],
)
def test_every_path_means_one(sent, meant):
    assert paths.canonical(sent) == meant


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/openai/v1/embeddings", "/openai serves /openai/v1/models, "),
        ("/anthropic/v1/messages/batches", "/anthropic serves /anthropic/v1/models, "),
        ("/api/v1/nothing", "nothing: see /openapi.json"),
    ],
)
def test_a_path_that_is_none_says_what_is_there(path, told):
    assert paths.nothing_at(path).startswith(f"There is nothing at {path}: ")
    assert told in paths.nothing_at(path)
    assert paths.nothing_at(path).endswith("see /openapi.json")
