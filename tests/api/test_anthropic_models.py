"""The names that can be asked for, as the Anthropic API lists them."""

import pytest

from clinvk.api.anthropic import models
from clinvk.api.dialects.models import Models, Offer
from clinvk.api.problems import Kind, Problem

NAMES = [str(number) for number in range(50)]


@pytest.fixture
async def server(server):
    offers = {"claude": Offer(("opus",), {"fast": "haiku", "local-*": "*"})}
    server.services.models = Models(server.supervisor.registry.names(), "demo", offers)
    return server


@pytest.mark.parametrize(
    ("query", "shown", "has_more"),
    [
        ({}, NAMES[:20], True),
        ({"limit": 50}, NAMES, False),
        ({"limit": 49}, NAMES[:49], True),
        ({"after_id": "19", "limit": 2}, ["20", "21"], True),
        ({"after_id": "47"}, ["48", "49"], False),
        ({"after_id": "49"}, [], False),
        ({"before_id": "30", "limit": 2}, ["28", "29"], True),
        ({"before_id": "2"}, ["0", "1"], False),
        ({"before_id": "0"}, [], False),
        ({"after_id": "3", "before_id": "6", "limit": 1}, ["4"], True),
        ({"after_id": "6", "before_id": "3"}, [], False),
    ],
)
def test_a_page_is_what_lies_on_that_side_the_nearest_first_to_be_told(query, shown, has_more):
    told = models.page(NAMES, query)
    assert ([each["id"] for each in told["data"]], told["has_more"]) == (shown, has_more)
    assert (told["first_id"], told["last_id"]) == ((shown[0], shown[-1]) if shown else (None, None))


@pytest.mark.parametrize("field", ["after_id", "before_id"])
def test_a_name_that_is_not_listed_has_no_place(field):
    with pytest.raises(Problem) as refused:
        models.page(NAMES, {field: "50"})
    assert (refused.value.kind, refused.value.faults[0].path) == (Kind.INVALID_REQUEST, f"?{field}")


async def test_who_pages_through_the_list_sees_each_name_once(server):
    seen, query = [], "?limit=2"
    while True:
        told = (await server.fetch(f"/anthropic/v1/models{query}")).json
        seen += [each["id"] for each in told["data"]]
        if not told["has_more"]:
            break
        query = f"?limit=2&after_id={told['last_id']}"
    assert seen == ["claude", "codex", "gemini", "demo", "opus", "fast"]


@pytest.mark.parametrize("limit", ["0", "1001", "all", "-1"])
async def test_a_page_has_bounds(server, limit):
    assert (await server.fetch(f"/anthropic/v1/models?limit={limit}")).status == 400


@pytest.mark.parametrize(
    "name",
    [
        "claude",
        "fast",
        "claude-opus",
        "anthropic/claude-opus",
        "anthropic%2Fclaude-opus",
        "local-x",
        "codex:gpt-5",
    ],
)
async def test_a_name_that_a_rule_knows_is_told_be_it_listed_or_not(server, name):
    told = await server.fetch(f"/anthropic/v1/models/{name}")
    plain = name.replace("%2F", "/")
    assert (told.status, told.json["id"], told.json["display_name"]) == (200, plain, plain)
    assert (told.json["type"], told.json["lifecycle"]) == ("model", "active")


async def test_a_name_that_nobody_knows_is_not_found_and_the_list_is_named(server):
    reply = await server.fetch("/anthropic/v1/models/llama3:8b")
    assert (reply.status, reply.json["error"]["type"]) == (404, "not_found_error")
    assert "llama3:8b" in reply.json["detail"]
    assert "GET /anthropic/v1/models" in reply.json["detail"]


async def test_a_backend_that_is_disabled_offers_nothing(server):
    server.supervisor.registry.disable(["codex"])
    assert (await server.fetch("/anthropic/v1/models/gpt-5")).status == 404
    listed = (await server.fetch("/anthropic/v1/models")).json["data"]
    assert "codex" not in [each["id"] for each in listed]
