"""The whole program with the real CLIs behind it, and the model stub behind them."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import pytest

from clinvk import processes
from tests import clis, ndjson
from tests.e2e.conftest import DEADLINE, Served, configure
from tests.modelstub import client
from tests.modelstub.client import Client

PATIENCE = 120.0
"""Seconds that a run may take on a machine that does much else."""
ALONE: Final = MappingProxyType({"pool": {"enabled": False}})
"""Settings with which each run has a child of its own, and nobody waits."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder runs real CLIs; without them it is skipped, and counted as such."""
    here = Path(__file__).parent
    for item in items:
        if here in item.path.parents:
            item.add_marker(pytest.mark.clis)
            item.add_marker(pytest.mark.timeout(240))
            if not clis.installed():
                item.add_marker(pytest.mark.skip(reason="the CLIs are not there: scripts/install-clis"))


@dataclass
class World:
    """A server whose CLIs ask the stub."""

    served: Served
    stub: Client
    home: Path

    def __post_init__(self) -> None:
        self.served.patience = PATIENCE

    def ask(self, backend: str, prompt: str, **fields: Any) -> Any:
        """One prompt, answered whole."""
        answer = self.served.prompt(prompt, **self.fields(backend, fields))
        assert "exit_code" in answer, answer
        return answer

    def stream(self, backend: str, prompt: str, **fields: Any) -> Any:
        """One prompt, its events still to be read."""
        return self.served.stream(prompt, **self.fields(backend, fields))

    def events(self, backend: str, prompt: str, **fields: Any) -> list[Any]:
        """One prompt, all its events."""
        return list(ndjson.events(self.stream(backend, prompt, **fields)))

    def run(self, run_id: str) -> Any:
        return self.served.json("GET", f"/api/v1/runs/{run_id}")

    def fields(self, backend: str, fields: dict[str, Any]) -> dict[str, Any]:
        model = clis.MODELS[backend]
        return {"backend": backend, "timeout_secs": PATIENCE} | ({"model": model} if model else {}) | fields

    def requests(self, prompt: str) -> list[Any]:
        """What the stub was asked with that prompt in it: entries of its log."""
        return self.stub.asked(prompt)

    def body(self, entry: Any) -> str:
        """The request behind a log entry, whole."""
        return self.stub.body(entry)

    def go_on(self, entry: Any) -> None:
        """Have the stub say one more piece of an answer that it says `[[step=1]]` by step."""
        self.stub.go_on(entry)

    def family(self) -> list[processes.Process]:
        """Every process of the CLIs: those below the server."""
        return [row for row in self.served.family() if row.pid != self.served.pid and row.alive]

    def nothing_left(self) -> None:
        """See every process of the CLIs end within the deadline, and every slot free.

        A run keeps its slot until what its CLI leaves on the disk is gone too, which is after its processes.
        """
        until = time.monotonic() + DEADLINE
        while self.family() or self.served.json("GET", "/health")["runs"]["live"]:
            assert time.monotonic() < until, self.family()


@pytest.fixture(scope="session")
def stub() -> Iterator[Client]:
    with client.running() as running:
        yield running


@pytest.fixture(scope="session")
def serve(stub: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., World]]:
    """Starts servers: `serve(key=None)` for one where nobody is logged in. One of a kind, kept for the session."""
    worlds: dict[tuple[str | None, str | None, bool], World] = {}

    def start(key: str | None = clis.KEY, url: str | None = None, *, loose: bool = False) -> World:
        kind = (key, url, loose)
        if kind not in worlds:
            home = tmp_path_factory.mktemp("home")
            more = clis.environment(home, url or f"http://127.0.0.1:{stub.port}", key)
            more |= clis.loosen(home) if loose else {}
            worlds[kind] = World(Served(configure(home, **ALONE), more=more), stub, home)
        return worlds[kind]

    yield start
    for world in worlds.values():
        world.served.end()


@pytest.fixture
def world(serve: Callable[..., World]) -> Iterator[World]:
    """The usual server, with one child a run; after each test nothing of its runs is left."""
    usual = serve()
    yield usual
    usual.nothing_left()


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """A folder with one file in it."""
    (tmp_path / "README.md").write_text("read me\n")
    return tmp_path


@pytest.fixture(params=clis.NAMES)
def backend(request: pytest.FixtureRequest) -> str:
    """Each of the CLIs in turn."""
    return str(request.param)
