"""A server that asks for keys, as users of the official SDKs meet it."""

import json
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Served
from tests.sdks.bench import Ask

RIGHT = "clv_key-of-the-official-sdks"
PATHS = {"chat": "/openai/v1", "responses": "/openai/v1", "messages": "/anthropic"}


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    home = tmp_path_factory.mktemp("locked")
    server = Served(home, more={"PATH": str(home), "CLINVK_API_KEYS": RIGHT})
    yield server
    server.end()


@pytest.fixture
def there(locked, surface):
    """Options of a client that goes to that server."""
    return {"base_url": f"http://127.0.0.1:{locked.port}{PATHS[surface.api]}"}


@pytest.mark.parametrize("way", ["create", "stream"])
def test_a_wrong_key_is_an_authentication_error_that_says_so_and_is_not_tried_again(surface, there, locked, way):
    before = asked(locked)
    error = surface.ask(way, Ask(), api_key="clv_wrong-key-of-the-sdks", **there)["error"]
    assert (error["class"], error["status"], error["type"]) == ("AuthenticationError", 401, "authentication_error")
    assert "The API key is not known here" in error["message"]
    assert "clv_wrong" not in error["message"]
    assert error["request_id"].startswith("req_")
    assert asked(locked) == before + 1


def asked(locked):
    """How often anybody did, ourselves aside; of those that are under way, too."""
    requests = json.load(locked.call("GET", "/api/v1/requests?limit=1000", **{"X-Api-Key": RIGHT}))["requests"]
    return sum(each["path"] != "/api/v1/requests" for each in requests)


@pytest.mark.parametrize("way", ["create", "stream"])
def test_the_right_key_opens(surface, there, way):
    assert surface.ask(way, Ask("/big 5"), api_key=RIGHT, **there)["text"] == "the d"
