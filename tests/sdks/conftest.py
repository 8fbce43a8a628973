"""A live server with the demo backend, and a program on each of the official SDKs before it."""

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ndjson
from tests.e2e.conftest import DEADLINE, Served
from tests.sdks import bench

CONFIG = 'backends: {demo: {aliases: {"gpt-*": "*", "claude-sonnet-*": "*"}}}\n'


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder needs the SDKs; without them it is skipped, and counted as such."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.sdks)
            if not bench.installed():
                item.add_marker(pytest.mark.skip(reason="the SDKs are not there: scripts/install-sdks"))


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server that finds no CLI, wherever it runs. The demo backend answers to names that a tool insists on."""
    home = tmp_path_factory.mktemp("server")
    (home / "clinvk").mkdir()
    (home / "clinvk" / "config.yaml").write_text(CONFIG)
    server = Served(home, more={"PATH": str(home)})
    yield server
    server.end()


@pytest.fixture(scope="session")
def program(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], bench.Program]]:
    """The program on each SDK."""
    with bench.programs(served.port, tmp_path_factory.mktemp("clients")) as get:
        yield get


@pytest.fixture(params=bench.surfaces("chat", "responses", "messages"))
def surface(request: pytest.FixtureRequest, program: Callable[[str], bench.Program]) -> bench.Surface:
    client, api = request.param
    return bench.Surface(client, api, program(client))


@pytest.fixture(params=[bench.grouped(name, name, name) for name in bench.PROGRAMS])
def client(request: pytest.FixtureRequest, program: Callable[[str], bench.Program]) -> bench.Program:
    """Each SDK's program in turn."""
    return program(request.param)


class Runs:
    """The runs of one test, told apart by a word in their prompts."""

    def __init__(self, served: Served) -> None:
        self._served = served
        self.mark = uuid.uuid4().hex

    def named(self) -> list[Any]:
        """Those that the server knows."""
        runs = self._served.json("GET", "/api/v1/runs?limit=200")["runs"]
        return [run for run in runs if self.mark in run["prompt_preview"]]

    def only(self) -> Any:
        """The one run, once it is there, after its end."""
        until = time.monotonic() + DEADLINE
        while not (found := self.named()):
            assert time.monotonic() < until, "no such run"
        (run,) = found
        return self.ended(run["id"])

    def ended(self, run_id: str) -> Any:
        """That run after its end."""
        events = self._served.call("GET", f"/api/v1/runs/{run_id}/events", Accept="application/x-ndjson")
        ndjson.until(events, "run.finished")
        events.close()
        return self._served.json("GET", f"/api/v1/runs/{run_id}")


@pytest.fixture
def runs(served: Served) -> Runs:
    return Runs(served)
