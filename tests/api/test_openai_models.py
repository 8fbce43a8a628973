"""GET /openai/v1/models and one of them."""

import pytest

from clinvk.api.dialects.models import Models, Offer
from clinvk.backends.registry import default_registry

MODELS = "/openai/v1/models"
BACKENDS = ("claude", "codex", "gemini", "demo")
OFFERS = {"claude": Offer(("opus",), {"fast": "haiku", "my-*": "*"}), "codex": Offer(("gpt-6",))}


@pytest.fixture
async def server(new_server):
    server = await new_server(registry=default_registry(["codex"]))
    server.services.models = Models(BACKENDS, "demo", OFFERS)
    return server


def entry(name):
    return {"id": name, "object": "model", "created": 1704067200, "owned_by": "clinvoker"}


async def test_the_list_has_the_enabled_backends_with_their_models_and_aliases(server):
    reply = await server.fetch(MODELS)
    names = ["claude", "gemini", "demo", "opus", "fast"]
    assert (reply.status, reply.json) == (200, {"object": "list", "data": [entry(name) for name in names]})


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("demo", "demo"), ("opus", "opus"), ("fast", "fast"), ("my-own", "my-own"),
        ("claude-sonnet-4-5", "claude-sonnet-4-5"), ("claude:opus", "claude:opus"),
        ("anthropic/claude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("anthropic%2Fclaude-sonnet-4-5", "anthropic/claude-sonnet-4-5"),
        ("a/b/gemini@1%20x", "a/b/gemini@1 x"), ("cl%C3%A4ude-gemini", "cläude-gemini"),
    ],
)  # fmt: skip
async def test_every_name_that_a_rule_knows_is_a_model_listed_or_not(server, path, name):
    reply = await server.fetch(f"{MODELS}/{path}")
    assert (reply.status, reply.json) == (200, entry(name))


@pytest.mark.parametrize(
    ("name", "why"),
    [("llama3", "a request for it is given to 'demo'"), ("gpt-6", "its backend 'codex' is not enabled")],
)
async def test_a_name_that_cannot_be_had_is_404_in_the_form_of_the_sdks(server, name, why):
    reply = await server.fetch(f"{MODELS}/{name}")
    told = f"There is no model '{name}': {why}. GET /openai/v1/models lists names"
    error = {"message": told, "type": "invalid_request_error", "param": None, "code": "model_not_found"}
    assert (reply.status, reply.json["type"]) == (404, "https://api.clinvk.dev/errors/model-not-found")
    assert reply.json["error"] == error


async def test_clients_that_look_at_their_base_url_find_something(server):
    for method in ("GET", "HEAD"):
        assert (await server.fetch("/openai/v1", method=method)).status == 200
    assert (await server.fetch("/openai/v1/")).json["name"] == "clinvk"


async def test_base_urls_without_their_v1_mean_the_same(server):
    assert (await server.fetch("/openai/models")).json == (await server.fetch(MODELS)).json
    assert (await server.fetch("/openai/models/demo")).json == entry("demo")
