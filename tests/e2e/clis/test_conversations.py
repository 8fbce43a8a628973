"""Going on with a conversation of the real CLIs: over a supervisor of our own, as sessions will."""

import os

import pytest

from clinvk.backends.registry import default_registry
from clinvk.clock import SystemClock
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode
from clinvk.domain.run import RunState
from clinvk.supervisor.supervisor import Limits, Supervisor
from tests import clis
from tests.conftest import Stage

UNKNOWN = "01a1fbf0-0000-7000-8000-000000000000"


@pytest.fixture
async def real(stub, tmp_path, monkeypatch):
    """A stage whose backends are the real ones."""
    for name in [name for name in os.environ if name != "PATH"]:
        monkeypatch.delenv(name)
    for name, value in clis.environment(tmp_path, f"http://127.0.0.1:{stub.port}").items():
        monkeypatch.setenv(name, value)
    numbers = iter(range(1000))
    supervisor = Supervisor(default_registry(), Limits(), SystemClock(), lambda kind: f"{kind}_{next(numbers)}")
    await supervisor.probe.look()
    stage = Stage(supervisor, tmp_path)
    yield stage
    await stage.all_gone()


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
    (entry,) = [entry for entry in stub.log() if f"who am I ({backend})" in (entry["prompt"] or "")]
    body = stub.send("GET", f"/__stub/request/{entry['seq']}").body.decode()
    assert f"my name is Nemo ({backend})" in body


async def test_a_turns_usage_is_its_own_and_not_the_conversations(real, backend):
    first = await turn(real, backend, "one", ephemeral=False)
    second = await turn(real, backend, "two", ephemeral=False, resume=first.handle.run.backend_session_id)
    usage = [run.handle.run.usage for run in (first, second)]
    assert usage[0].output_tokens == usage[1].output_tokens > 0
    assert usage[1].input_tokens < 1.5 * usage[0].input_tokens


async def test_a_conversation_that_is_not_there_fails_before_anything_is_asked(real, stub, backend):
    run = await turn(real, backend, f"lost ({backend})", ephemeral=False, resume=UNKNOWN)
    assert run.handle.run.error.code is ErrorCode.RESUME_FAILED
    assert not [entry for entry in stub.log() if f"lost ({backend})" in (entry["prompt"] or "")]


async def test_or_is_begun_anew_where_that_is_wanted(real, backend):
    run = await turn(real, backend, "lost and found", ephemeral=False, resume=UNKNOWN, fresh_if_lost=True)
    assert (run.handle.run.state, run.text) == (RunState.COMPLETED, "you said: lost and found")
    assert run.said(events.Notice)[0].message.startswith("A new conversation is begun.")
    assert run.handle.run.backend_session_id not in (None, UNKNOWN)
