"""The official SDKs before the real CLIs: what their users get from a model, by way of clinvk."""

from collections.abc import Callable, Iterator

import pytest

from tests import clis
from tests.sdks import bench
from tests.sdks.scenarios import ENDS

pytestmark = [
    pytest.mark.sdks,
    pytest.mark.skipif(not bench.installed(), reason="the SDKs are not there: scripts/install-sdks"),
]
SURFACES = [
    ("openai", "chat"),
    ("openai", "responses"),
    ("openai-node", "chat"),
    ("anthropic", "messages"),
    ("anthropic-node", "messages"),
]


@pytest.fixture(scope="module")
def program(serve, tmp_path_factory) -> Iterator[Callable[[str], bench.Program]]:
    with bench.programs(serve().served.port, tmp_path_factory.mktemp("clients")) as get:
        yield get


@pytest.fixture(params=SURFACES, ids=" ".join)
def surface(request, program):
    client, api = request.param
    return bench.Surface(client, api, program(client))


def ask(backend, prompt, **fields):
    return bench.Ask(prompt, model=clis.MODELS[backend] or backend, **fields)


@pytest.mark.parametrize("surface", [each for each in SURFACES if "-" not in each[0]], ids=" ".join, indirect=True)
def test_an_answer_of_a_cli_is_an_answer_of_the_api(world, backend, surface):
    seen = surface.ask("create", ask(backend, f"hello {backend}"))
    assert "error" not in seen, seen
    assert (seen["text"], seen["finish"]) == (f"you said: hello {backend}", ENDS[surface.api])
    assert seen["usage"][0] > seen["usage"][1] > 0


def test_text_streams_as_the_model_says_it(world, backend, surface):
    prompt = f"slowly {surface.client} {backend}"
    asked = ask(backend, f"{prompt} [[deltas=6]]", system="Always answer as Captain Nemo would.")
    seen = surface.ask("stream", asked)
    assert "error" not in seen, seen
    assert seen["text"].startswith("you said: ")
    assert (prompt in seen["text"], seen["finish"]) == (True, ENDS[surface.api])
    assert len(seen["pieces"]) > 3
    assert any("Captain Nemo" in world.body(entry) for entry in world.requests(prompt))
