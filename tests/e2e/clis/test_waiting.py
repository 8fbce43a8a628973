"""Children of the real CLIs that wait for a next run: who meets them, what they still know, and when they go."""

import contextlib
import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests import clis, ndjson
from tests.e2e.clis import waiting
from tests.e2e.clis.waiting import is_alive
from tests.e2e.conftest import DEADLINE, gone

SETTINGS = {
    "claude": (".claude/settings.json", ".claude/.credentials.json"),
    "codex": (".codex/config.toml", ".codex/auth.json"),
    "gemini": (".gemini/settings.json", ".gemini/oauth_creds.json"),
}
"""Below HOME, where a user's settings are, and the login."""


@pytest.fixture(scope="module")
def pooled(stub, tmp_path_factory):
    world = waiting.start(stub, tmp_path_factory.mktemp("pooled"))
    yield world
    world.served.end()


def body_of(world, prompt):
    """What the provider was sent with that prompt."""
    (entry,) = world.requests(prompt)
    return world.body(entry)


def test_a_new_conversation_meets_a_child_that_waits(pooled, backend):
    pooled.warmed(backend)
    waiting_before = pooled.waiting(backend)
    told = pooled.told(backend, f"who is there ({backend})", ephemeral=True)
    assert (told.start, told.text) == ("warm", f"you said: who is there ({backend})")
    assert told.pid in waiting_before
    assert "warm yourself" not in body_of(pooled, f"who is there ({backend})")


def test_a_session_goes_on_in_its_child_and_without_it(pooled, backend):
    """Its next turn is live; once the child was killed it is resumed, with all that was said; deleted, both go."""
    pooled.warmed(backend)
    first = pooled.kept(backend, f"my name is Nemo, {backend}")
    session = {"session_id": first.session_id}
    second = pooled.told(backend, f"my ship is the Nautilus, {backend}", **session)
    assert (second.start, second.run["continuation"], second.pid) == ("live", "live", first.pid)
    assert f"my name is Nemo, {backend}" in body_of(pooled, f"my ship is the Nautilus, {backend}")

    with contextlib.suppress(ProcessLookupError):  # its turn has left something
        os.kill(second.pid, signal.SIGKILL)
    pooled.gone({second.pid})
    third = pooled.kept(backend, f"who sails her, {backend}", **session)
    assert third.run["continuation"] == "resumed"
    assert third.pid != second.pid
    body = pooled.body(pooled.requests(f"who sails her, {backend}")[-1])  # it may have been asked more than once
    assert f"my name is Nemo, {backend}" in body
    assert f"my ship is the Nautilus, {backend}" in body

    assert pooled.told(backend, f"where is she now, {backend}", **session).start == "live"
    last = pooled.kept(backend, f"farewell, {backend}", **session)
    assert pooled.served.json("DELETE", f"/api/v1/sessions/{first.session_id}")["deleted"]
    assert not is_alive(last.pid)


@pytest.mark.parametrize("which", [0, 1], ids=["settings", "login"])
def test_a_file_that_its_start_has_read_has_changed(pooled, backend, which):
    pooled.warmed(backend)
    file = pooled.home / SETTINGS[backend][which]
    before = file.read_bytes() if file.exists() else None
    file.write_bytes((before or b"{}") + b"\n")
    try:
        told = pooled.told(backend, "anew", ephemeral=True)
        assert told.start == "cold"
    finally:
        file.unlink() if before is None else file.write_bytes(before)


def test_the_child_of_a_cancelled_run_is_not_used_again(pooled, backend):
    pooled.warmed(backend)
    stream = pooled.stream(backend, "begin [[deltas=2 step=1]]", ephemeral=True)
    started = ndjson.until(stream, "run.started")
    assert started["start"] == "warm"
    ndjson.until(stream, "text.delta")
    pooled.served.call("POST", f"/api/v1/runs/{stream.headers['X-Run-Id']}/cancel?wait=20").read()
    assert not is_alive(started["pid"])
    assert pooled.told(backend, "and now", ephemeral=True).pid != started["pid"]


def test_children_that_are_killed_while_they_wait_are_missed_by_nobody(pooled, backend):
    pooled.warmed(backend)
    killed = pooled.waiting(backend)
    assert killed
    for pid in killed:
        with contextlib.suppress(ProcessLookupError):  # it was on its way out
            os.kill(pid, signal.SIGKILL)
    told = pooled.told(backend, f"anybody there ({backend})", ephemeral=True)  # at once
    assert (told.start, told.text) == ("cold", f"you said: anybody there ({backend})")


def test_a_child_that_dies_when_it_is_to_go_on_is_replaced(pooled, backend):
    """It is there when its run begins, and killed before it has read a word of it."""
    pooled.warmed(backend)
    first = pooled.kept(backend, f"remember the squid, {backend}")
    os.kill(first.pid, signal.SIGSTOP)
    stream = pooled.stream(backend, f"which animal ({backend})", session_id=first.session_id)
    assert ndjson.until(stream, "run.started")["pid"] == first.pid
    os.kill(first.pid, signal.SIGKILL)
    finished = list(ndjson.events(stream))[-1]
    assert (finished["state"], finished["continuation"]) == ("completed", "resumed")
    pooled.settled()
    assert f"remember the squid, {backend}" in body_of(pooled, f"which animal ({backend})")


def test_another_environment_of_a_backend_ends_its_children_and_no_others(pooled):
    for backend in ("claude", "codex"):
        pooled.warmed(backend)
    mine, others = pooled.waiting("codex"), pooled.waiting("claude")
    assert mine
    pooled.reload(backends={"codex": {"env": {"SOME": "thing"}}})
    pooled.gone(mine)
    told = pooled.told("claude", "as before", ephemeral=True)
    assert told.start == "warm"
    assert told.pid in others


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_children_that_wait_end_with_the_server(stub, tmp_path, number):
    world = waiting.start(stub, tmp_path)
    for _ in range(waiting.TRIES):
        with ThreadPoolExecutor() as threads:
            list(threads.map(lambda backend: world.events(backend, "hello"), clis.NAMES))
        world.settled()
        if all_wait := all(world.waiting(backend) for backend in clis.NAMES):
            break
    assert all_wait
    family = world.served.family()
    os.kill(world.served.pid, number)
    world.served.guardian.wait(DEADLINE)
    assert gone(family)
    world.served.end()
