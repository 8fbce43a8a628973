"""GET /api/v1/backends: what is installed, what is not, and why."""

import os
from dataclasses import asdict

import pytest

from clinvk import __version__
from clinvk.api import backends
from clinvk.backends.base import Capabilities, Executable
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.registry import Registry
from clinvk.supervisor import pool
from clinvk.supervisor.limits import BackendOptions, Limits, PoolLimits
from clinvk.supervisor.probe import Probe
from tests.api.client import DEADLINE
from tests.api.conftest import QUICK
from tests.api.keyed import until

CURE = "npm install -g a-cli"


class SomeBackend(DemoBackend):
    """One whose CLI has to be installed."""

    def __init__(self, name):
        self.name = name
        self.executable = Executable(f"{name}-cli", (), r"cli (\S+)", ("1.0", "2.0"), CURE)


@pytest.fixture(autouse=True)
def patience(monkeypatch):
    """Whoever is asked for its version has time to start."""
    monkeypatch.setattr(backends, "_LOOK_SECS", DEADLINE)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder on PATH."""
    place = tmp_path / "bin"
    place.mkdir()
    monkeypatch.setenv("PATH", os.pathsep.join([str(place), os.environ["PATH"]]))
    monkeypatch.setenv("HOME", str(tmp_path))
    return place


@pytest.fixture
def with_backends(new_server):
    """A server that has these backends, and some of them disabled."""

    async def make(names, disabled=(), limits=None):
        server = await new_server(limits=limits)
        supervisor = server.supervisor
        registry = Registry([DemoBackend(), *map(SomeBackend, names)], disabled)
        supervisor.registry = registry
        supervisor.probe = Probe(registry, {}, supervisor._descendants)
        return server

    return make


def install(place, name, says):
    program = place / f"{name}-cli"
    program.write_text(f"#!/bin/sh\n{says}\n")
    program.chmod(0o755)
    return str(program)


async def listed(server):
    """The backends told, by name, in their order."""
    reply = await server.fetch("/api/v1/backends")  # which holds it against the schema
    assert reply.status == 200
    return {one["name"]: one for one in reply.json["backends"]}


async def test_the_demo_needs_nothing(server):
    told = (await listed(server))["demo"]
    assert told == {
        "name": "demo",
        "available": True,
        "enabled": True,
        "version": __version__,
        "models": [],
        "capabilities": {**asdict(DemoBackend.traits.capabilities), "stream": True, "warm": False},
        "live": 0,
        "limit": 8,
        "idle": 0,
        "idle_memory_bytes": 0,
    }


async def test_an_installed_cli_is_told_with_version_and_path(with_backends, place):
    path = install(place, "codex", "echo cli 1.5.0")
    told = (await listed(await with_backends(["codex"])))["codex"]
    assert (told["available"], told["version"], told["path"]) == (True, "1.5.0", path)
    assert "reason" not in told


async def test_what_is_not_installed_is_told_with_the_cure_and_found_once_it_is(with_backends, place):
    server = await with_backends(["claude"])
    told = (await listed(server))["claude"]
    assert (told["available"], told["enabled"]) == (False, True)
    assert told["reason"] == f"claude is not installed ({CURE})"
    assert not {"version", "path"} & set(told)
    install(place, "claude", "echo cli 1.5.0")
    assert (await listed(server))["claude"]["available"] is True


async def test_a_version_that_nobody_has_tried_is_available_and_told(with_backends, place):
    install(place, "gemini", "echo cli 9.0.0")
    told = (await listed(await with_backends(["gemini"])))["gemini"]
    assert (told["available"], told["version"]) == (True, "9.0.0")
    assert told["reason"].startswith("gemini is in a version that nobody has tried")


async def test_a_disabled_one_is_listed_and_left_alone(with_backends, place):
    install(place, "claude", f"touch '{place}/asked'; echo cli 1.5.0")
    told = (await listed(await with_backends(["claude"], ["claude"])))["claude"]
    assert (told["available"], told["enabled"]) == (False, False)
    assert told["reason"] == "claude is disabled (backends.claude.enabled)"
    assert not (place / "asked").exists()


async def test_the_great_three_come_first(with_backends, place):
    server = await with_backends(["zeta", "gemini", "alpha", "claude", "codex"], ["codex", "zeta"])
    assert list(await listed(server)) == ["claude", "codex", "gemini", "alpha", "demo", "zeta"]


async def test_limits_and_live_runs_are_told(new_server):
    limits = Limits(max_concurrent_runs=3, backends={"demo": BackendOptions(max_concurrent=2)})
    server = await new_server(limits=limits)
    await server.prompt("/hang", detach=True)
    await server.started()
    told = (await listed(server))["demo"]
    assert (told["live"], told["limit"]) == (1, 2)


async def test_the_servers_limit_goes_before_that_of_a_backend(new_server):
    limits = Limits(max_concurrent_runs=3, backends={"demo": BackendOptions(max_concurrent=9)})
    assert (await listed(await new_server(limits=limits)))["demo"]["limit"] == 3


async def test_capabilities_are_those_of_the_backend(with_backends, place):
    server = await with_backends(["claude"])
    claude = server.supervisor.registry.get("claude")
    able = Capabilities(resume=True, system_prompt=True, images=True)
    claude.traits = type(claude.traits)(claude.traits.stop, claude.traits.retire, able)
    told = (await listed(server))["claude"]["capabilities"]
    assert told == {"stream": True, "resume": True, "system_prompt": True, "images": True, "warm": False}


async def test_processes_that_wait_are_told(new_server, monkeypatch):
    monkeypatch.setattr(pool, "LOOK_SECS", 3600.0)  # what they hold is another number at each look
    server = await new_server(limits=Limits(pool=PoolLimits(children=3)))
    await server.prompt(QUICK, ephemeral=True)
    await until(lambda: server.supervisor.pool.idle("demo").children == 1)
    await server.supervisor.pool.look_after()
    told = (await listed(server))["demo"]
    assert (told["idle"], told["capabilities"]["warm"]) == (1, True)
    assert told["idle_memory_bytes"] == server.supervisor.pool.idle("demo").memory_bytes > 1 << 20


async def test_a_cli_that_does_not_answer_holds_nobody_for_long(with_backends, place, monkeypatch):
    monkeypatch.setattr(backends, "_LOOK_SECS", 0.1)
    install(place, "claude", "exec tail -f /dev/null")
    told = (await listed(await with_backends(["claude"])))["claude"]
    assert (told["available"], told["reason"]) == (False, "claude is still being looked for")
