"""Going on with a conversation of the real CLIs: over a supervisor of our own, as sessions will."""

import os

import pytest

from clinvk.backends.registry import default_registry
from clinvk.clock import SystemClock
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode
from clinvk.domain.run import RunState
from clinvk.domain.spec import ApprovalMode, SandboxMode
from clinvk.store.store import Store
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.supervisor import Supervisor
from tests import clis
from tests.conftest import Stage, close
from tests.e2e.clis import stored

UNKNOWN = "01a1fbf0-0000-7000-8000-000000000000"


@pytest.fixture
async def real(stub, tmp_path, monkeypatch):
    """A stage whose backends are the real ones."""
    for name in [name for name in os.environ if name != "PATH"]:
        monkeypatch.delenv(name)
    for name, value in clis.environment(tmp_path, f"http://127.0.0.1:{stub.port}").items():
        monkeypatch.setenv(name, value)
    numbers = iter(range(1000))
    keeping = Keeping(store=await Store.open(tmp_path / "clinvk"))  # without it nothing may be kept
    supervisor = Supervisor(
        default_registry(), Limits(), SystemClock(), lambda kind: f"{kind}_{next(numbers)}", keeping=keeping
    )
    await supervisor.probe.look()
    stage = Stage(supervisor, tmp_path)
    yield stage
    await stage.all_gone()
    await close(keeping)


async def turn(real, backend, prompt, **spec):
    run = await real.start("", prompt, backend=backend, **{"model": clis.MODELS[backend], **spec})
    await run.handle.finished
    return run


async def test_a_second_run_goes_on_where_the_first_ended(real, stub, backend):
    first = await turn(real, backend, f"my name is Nemo ({backend})", ephemeral=False)
    conversation = first.handle.run.backend_session_id
    second = await turn(real, backend, f"who am I ({backend})", ephemeral=False, resume=conversation)
    assert second.handle.run.error is None
    assert second.text == f"you said: who am I ({backend})"
    assert second.handle.run.backend_session_id == conversation
    (entry,) = stub.asked(f"who am I ({backend})")
    body = stub.body(entry)
    assert f"my name is Nemo ({backend})" in body


async def test_a_conversation_is_forgotten_by_its_cli_wherever_that_lives_and_others_are_not(
    real, backend, tmp_path, monkeypatch
):
    move(backend, tmp_path, monkeypatch)
    # What a tool says at such length is put into a file of its own by claude.
    tool = "[[tool=shell cmd=seq%201%2050000]]"
    allowed = {"approval_mode": ApprovalMode.NONE, "sandbox_mode": SandboxMode.FULL}
    first = await turn(real, backend, f"nautilus {tool}", ephemeral=False, **allowed)
    other = await turn(real, backend, "argonaut", ephemeral=False)
    gone, kept = (run.handle.run.backend_session_id for run in (first, other))
    await real.supervisor.pool.settled(gone)
    assert [path for path in stored.holding(tmp_path, "nautilus") if gone[:8] in path.name]

    pool, cli = real.supervisor.pool, real.supervisor.registry.get(backend)
    assert (await pool.forget(cli, gone)).left == ()
    assert stored.rows(tmp_path, gone, "nautilus") == []
    assert stored.named(tmp_path, gone) == []
    assert stored.holding(tmp_path, "nautilus") == []

    again = await turn(real, backend, "who am I", ephemeral=False, resume=kept)
    assert again.handle.run.error is None
    lost = await turn(real, backend, "who am I", ephemeral=False, resume=gone)
    assert lost.handle.run.error.code is ErrorCode.RESUME_FAILED
    assert (await pool.forget(cli, gone)).left == (), "what is gone is no fault"


def move(backend, home, monkeypatch):
    """Have the CLI keep its files elsewhere, as its users can."""
    variable, folder, inside = MOVED[backend]
    monkeypatch.setenv(variable, str(home / "moved"))
    (home / folder).mkdir(exist_ok=True)
    (home / "moved" / inside).parent.mkdir(exist_ok=True)
    (home / folder).rename(home / "moved" / inside)


MOVED = {
    "claude": ("CLAUDE_CONFIG_DIR", ".claude", ""),
    "codex": ("CODEX_HOME", ".codex", ""),
    "gemini": ("GEMINI_CLI_HOME", ".gemini", ".gemini"),
}
"""The variable, the folder that it stands for, and where that is in the one it names."""


async def test_a_turns_usage_is_its_own_and_not_the_conversations(real, backend):
    first = await turn(real, backend, "one", ephemeral=False)
    second = await turn(real, backend, "two", ephemeral=False, resume=first.handle.run.backend_session_id)
    usage = [run.handle.run.usage for run in (first, second)]
    assert usage[0].output_tokens == usage[1].output_tokens > 0
    assert usage[1].input_tokens < 1.5 * usage[0].input_tokens


async def test_a_conversation_that_is_not_there_fails_before_anything_is_asked(real, stub, backend):
    run = await turn(real, backend, f"lost ({backend})", ephemeral=False, resume=UNKNOWN)
    assert run.handle.run.error.code is ErrorCode.RESUME_FAILED
    assert not stub.asked(f"lost ({backend})")


async def test_or_is_begun_anew_where_that_is_wanted(real, backend):
    run = await turn(real, backend, "lost and found", ephemeral=False, resume=UNKNOWN, fresh_if_lost=True)
    assert (run.handle.run.state, run.text) == (RunState.COMPLETED, "you said: lost and found")
    assert run.said(events.Notice)[0].message.startswith("A new conversation is begun.")
    assert run.handle.run.backend_session_id not in (None, UNKNOWN)
