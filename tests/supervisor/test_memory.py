"""What a run may hold in memory: runs that hold too much, of which nothing is left. Always real processes."""

import asyncio

import pytest

from clinvk import processes
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor import memory
from clinvk.supervisor.cgroup import Cgroup
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.memory import MemoryWatch
from tests.supervisor.grouping import houses, told, wanted

MIB = 1 << 20
MOST = 64 * MIB
SENTENCE = f"The run held more than {MOST} bytes of memory (server.max_run_memory_bytes)"


@pytest.fixture
async def bounded(new_stage):
    return new_stage(Limits(memory_bytes=MOST))


def is_of_memory(judgement):
    told_ = (judgement.state, judgement.error.code, judgement.error.message)
    return told_ == (RunState.FAILED, ErrorCode.MEMORY, SENTENCE)


@pytest.mark.parametrize("fault", ["eat", "eat-below"])
async def test_a_run_that_holds_too_much_fails_and_nothing_is_left(bounded, fault):
    run = await bounded.start(f"{fault} {2 * MOST}")
    assert is_of_memory(await run.end())
    (stopping,) = run.said(events.RunStopping)
    assert (stopping.cause, stopping.detail) == (StopCause.MEMORY, SENTENCE)
    assert run.handle.run.exit.signal == "SIGKILL"  # nobody is asked, who could go on meanwhile
    assert processes.read(run.handle.run.pid) is None
    await bounded.all_gone()


async def test_one_that_holds_less_is_let_be_and_so_is_another(bounded):
    one, greedy = await bounded.start(f"eat {MOST // 4}"), await bounded.start(f"eat {2 * MOST}")
    assert is_of_memory(await greedy.end())
    await one.first(events.TextDelta)
    await bounded.supervisor._memory.look()
    assert one.handle.run.stop is None


async def test_what_several_hold_together_counts_once(bounded):
    run = await bounded.start(f"share {MOST // 2}")
    await run.first(events.TextDelta)
    rows = bounded.supervisor._descendants.look()[run.handle.run.id]
    assert sum(row.memory for row in rows) > MOST
    await bounded.supervisor._memory.look()
    assert run.handle.run.stop is None


async def test_without_a_bound_nobody_looks(stage):
    run = await stage.start(f"eat {2 * MOST}")
    await run.first(events.TextDelta)
    assert not stage.supervisor._memory._wanted.is_set()
    await stage.supervisor.adjust(Limits(memory_bytes=MOST))
    assert is_of_memory(await run.end()), "a bound that is set meanwhile holds for it too"
    assert not stage.supervisor._memory._wanted.is_set(), "and nobody looks when there is nobody"


async def test_a_run_that_was_stopped_before_stays_stopped(bounded):
    run = await bounded.start(f"eat {2 * MOST}")
    run.handle.stop(Stop(StopCause.CLIENT))
    assert (await run.end()).state is RunState.CANCELLED


@wanted
async def test_the_kernels_kill_is_told_as_what_it_was(bounded, monkeypatch):
    monkeypatch.setattr(Cgroup, "was_short", property(lambda group: group.most == MOST))
    judgement = await (await bounded.start("die SIGKILL")).end()
    assert is_of_memory(judgement)


@wanted
async def test_a_turn_that_was_over_before_is_as_good_as_any(bounded, monkeypatch):
    monkeypatch.setattr(Cgroup, "was_short", property(lambda _: True))
    monkeypatch.setattr(memory, "LOOK_SECS", 3600.0)  # a look before it is over would strike it, and be right
    assert (await (await bounded.start("none")).end()).state is RunState.COMPLETED


async def test_a_group_that_was_short_is_struck_by_a_look(tmp_path):
    group, struck = houses(tmp_path / "group"), []
    watch = MemoryWatch(Descendants(), MOST)
    watch.begin("run_1", group, struck.append)
    await watch.look()
    assert struck == []
    (tmp_path / "group" / "memory.events.local").write_text("oom 1\n")
    await watch.look()
    assert struck == [SENTENCE]
    assert watch.end("run_1") == SENTENCE


async def test_the_kernel_hears_of_a_bound_that_changes(tmp_path):
    group = houses(tmp_path / "group")
    watch = MemoryWatch(Descendants(), 0)
    watch.begin("run_1", group, print)
    assert told(tmp_path / "group")[0] == "max"
    watch.adjust(MOST)
    while group.most != MOST:
        await asyncio.sleep(0)
    with group._lock:  # it is written
        assert told(tmp_path / "group")[0] == str(MOST)
    watch.end("run_1")
