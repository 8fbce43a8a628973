"""What one conversation was told reaches no other that meets its child, or one that was started beside it.

A is told a secret, in each place where one can be. B asks the CLI for all that it can see. The provider, which is
the stub, is sent nothing of A's in B's name.
"""

import json
import secrets

import pytest

from tests.e2e.clis import waiting
from tests.e2e.conftest import SOAK

TRIALS = 100 if SOAK else 3
FEW = 20 if SOAK else 1
SPARE = 5
"""Some more may fail to have B meet a child that waits: what a turn began is there for long on a busy machine."""
OF_SERVER = "canary-of-the-servers-environment"
TOOL = "[[tool=shell cmd=env;pwd;find%20$TMPDIR%20-type%20f]]"
ANYTHING = {"approval_mode": "none", "sandbox_mode": "full"}

ALLOWED = {"claude": "Bash(touch:*)", "gemini": "run_shell_command(touch)"}
"""What lets an agent touch a file without asking. codex has nothing of the kind."""

TOLD_WITH_THE_TURN = {"codex": ("system_prompt", "model"), "gemini": ("system_prompt",), "claude": ()}
"""Beside the prompt, what two runs on one child may differ in."""


@pytest.fixture(scope="module")
def pooled(stub, tmp_path_factory):
    home = tmp_path_factory.mktemp("canary")
    world = waiting.start(stub, home, {"SECRET_OF_THE_SERVER": OF_SERVER})
    yield world
    world.served.end()


@pytest.fixture
def folders(tmp_path):
    """A's folder and B's."""
    made = tmp_path / "of-a", tmp_path / "of-b"
    for folder in made:
        folder.mkdir()
    return made


def secret_of_a(varying, secret):
    """The fields in which A's secret is, of those that another run on the same child may have otherwise."""
    return dict.fromkeys(varying, secret)


def looks(pooled, backend, trial, **fields):
    """B: what it was started with, and all that the provider was sent meanwhile. Every third uses a tool."""
    before = pooled.asked_so_far()
    tool = TOOL if trial % 3 == 1 else ""
    told = pooled.told(backend, f"what do you see {tool}", ephemeral=True, **fields)
    return told, pooled.bodies(before)


def assert_none(bodies, *words):
    assert bodies
    assert any("what do you see" in body for body in bodies)
    for word in words:
        assert not [body for body in bodies if word in body], word


def until_met(count, one):
    """Do `one`, numbered, until B has met a child that waited that often; it gives how B began."""
    met = 0
    for trial in range(1, 2 * count + SPARE + 1):
        met += one(trial) == "warm"  # else A's has taken all its turns, or has left something
        if met == count:
            return
    raise AssertionError("most of the children may not wait")


@pytest.mark.timeout(120 + TRIALS * 20)
def test_a_secret_stays_with_the_run_that_was_told_it(pooled, backend, folders):
    """B has A's key, so that it may have A's very child."""
    _, mine = folders
    fields = {"workdir": str(mine), **ANYTHING}
    pooled.warmed(backend, **fields)
    shared = []

    def one(trial):
        secret = f"canary-{secrets.token_hex(8)}"
        varying = secret_of_a(TOLD_WITH_THE_TURN[backend], secret)
        told_a = pooled.told(backend, f"my secret is {secret}", ephemeral=True, **fields, **varying)
        told_b, bodies = looks(pooled, backend, trial, **fields)
        assert_none(bodies, secret, OF_SERVER)
        assert secret not in json.dumps([told_b.events, told_b.run])
        shared.append(told_b.pid == told_a.pid)
        return told_b.start

    until_met(TRIALS, one)
    assert sum(shared) == (0 if backend == "claude" else TRIALS), "a child of claude's has one conversation only"


@pytest.mark.timeout(120 + FEW * 60)
def test_whoever_may_do_more_or_is_elsewhere_leaves_nothing_of_that(pooled, backend, folders):
    """A is in another mode and folder; B's child never was A's."""
    theirs, mine = folders
    modes = {"approval_mode": "auto", "sandbox_mode": "workspace"}
    of_a = {"workdir": str(theirs), "system_prompt": "canary-system", **modes}
    of_b = {"workdir": str(mine), **ANYTHING}
    pooled.warmed(backend, **of_b)

    def one(trial):
        secret = f"canary-{secrets.token_hex(8)}"
        told_a = pooled.told(backend, f"my secret is {secret}", ephemeral=True, **of_a)
        told_b, bodies = looks(pooled, backend, trial, **of_b)
        assert told_b.pid != told_a.pid
        assert_none(bodies, secret, OF_SERVER, str(theirs), "canary-system")
        return told_b.start

    until_met(FEW, one)


def test_a_session_keeps_its_secret_from_the_next_conversation(pooled, backend, folders):
    """And its own next turn still knows it."""
    _, mine = folders
    fields = {"workdir": str(mine), **ANYTHING}
    secret = f"canary-{secrets.token_hex(8)}"
    pooled.warmed(backend, **fields)
    session = pooled.kept(backend, f"my secret is {secret}", **fields)
    told_b, bodies = looks(pooled, backend, 1, **fields)
    assert told_b.pid != session.pid
    assert_none(bodies, secret)
    before = pooled.asked_so_far()
    again = pooled.told(backend, "what was it", session_id=session.session_id, **fields)
    assert again.start == "live"
    assert any(secret in body for body in pooled.bodies(before))


@pytest.mark.parametrize("backend", ALLOWED)
def test_a_tool_that_was_allowed_is_not_allowed_to_the_next(pooled, backend, folders):
    _, mine = folders
    made = mine / "made"
    asked = {"workdir": str(mine), "ephemeral": True}
    pooled.reload(backends={backend: {"allowed_tools": [ALLOWED[backend]]}})
    for _ in range(2):  # the second leaves a child that waits, or meets it
        pooled.told(backend, f"may I [[tool=shell cmd=touch%20{made}]]", **asked)
        assert made.exists()
        made.unlink()
    before = pooled.waiting(backend)
    pooled.reload()
    told = pooled.told(backend, f"and now [[tool=shell cmd=touch%20{made}]]", **asked)
    assert not made.exists()
    assert told.pid not in before


def test_an_effort_is_that_of_its_own_conversation(pooled):
    """codex holds it to be that of all turns that follow, in that conversation."""
    pooled.warmed("codex")
    for _ in range(waiting.TRIES):
        efforts, pids = zip(*[effort_of(pooled, *extra) for extra in ((), ("--effort=high",), ())], strict=True)
        assert efforts[0] == efforts[2] != efforts[1]
        if len(set(pids)) == 1:
            return
    raise AssertionError("another child waited each time")


def effort_of(pooled, *extra):
    """How hard codex was told to think, and the pid of the child that was."""
    before = pooled.asked_so_far()
    pid = pooled.told("codex", "how hard do you think", extra=list(extra), ephemeral=True).pid
    (body,) = [body for body in pooled.bodies(before) if "how hard do you think" in body]
    return json.loads(body)["reasoning"], pid
