"""What is told of the processes of a child: what they take, and each of them."""

import asyncio
import os
import sys
import threading
from pathlib import Path

import pytest

from clinvk import processes
from clinvk.domain import events
from clinvk.domain.run import Stop, StopCause
from clinvk.processes import TICKS, Process
from clinvk.supervisor import descendants, inspection
from clinvk.supervisor.descendants import Descendants
from clinvk.views import Resources

DEADLINE = 20.0
ME = os.getpid()


def row(pid, ticks, memory=1000, started=0):
    return Process(pid, 1, pid, pid, "S", started, ticks, memory)


@pytest.fixture
def family():
    """Descendants with one child, this process itself."""
    found = Descendants()
    found.enrol("me", ME)
    return found


def test_a_row_tells_what_the_kernel_tells():
    read = processes.read(ME)
    used = sum(os.times()[:2])
    told = Path("/proc/self/status").read_text().splitlines()
    (resident,) = [line.split()[1] for line in told if line.startswith("VmRSS")]
    assert abs(read.ticks / TICKS - used) < 1
    assert abs(read.memory - (int(resident) << 10)) < 64 << 20
    assert 0 <= processes.now() - read.started < 86400 * TICKS


def test_a_command_is_its_arguments(tmp_path):
    told = Path(f"/proc/{ME}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    assert processes.command(ME) == " ".join(told)[: len(processes.command(ME))]
    assert processes.command(2**22 + 1) == ""


def test_the_share_of_the_cpu_is_that_since_the_look_before(family, monkeypatch):
    child = family._families["me"]
    child.looked = 1000.0
    child.measure([row(1, ticks=50), row(2, ticks=10, memory=500)], 1200.0)
    assert family.usage("me") == Resources(2, 1500, 0.3)
    child.measure([row(1, ticks=150), row(2, ticks=10)], 1300.0)
    assert family.usage("me").cpu == 1.0
    child.measure([row(1, ticks=150), row(3, ticks=25)], 1400.0)  # one has gone, one has come
    assert family.usage("me").cpu == 0.25
    child.measure([row(1, ticks=7, started=99)], 1500.0)  # its number is another's now
    assert family.usage("me") == Resources(1, 1000, 0.07)
    child.measure([], 1500.0)
    assert family.usage("me") == Resources(0, 0, 0.0)


def test_a_child_that_is_forgotten_takes_nothing(family):
    family._measure({"me": [row(1, ticks=1)]})
    assert family.usage("me")
    family.forget("me")
    assert family.usage("me") is None


async def test_a_child_is_measured_by_and_by(stage, monkeypatch):
    monkeypatch.setattr(descendants, "LOOK_SECS", 0.001)
    watch = asyncio.get_running_loop().create_task(stage.supervisor._descendants.keep_looking())
    run = await stage.start("then-silent")
    await run.first(events.TextDelta)
    async with asyncio.timeout(DEADLINE):  # an early look sees a child that has loaded nothing yet
        while (usage := run.handle.runner.usage) is None or usage.memory_bytes < 1 << 20:
            await asyncio.sleep(0)
    assert usage.processes == 1
    run.handle.stop(Stop(StopCause.CLIENT))
    await run.end()
    assert run.handle.runner.usage is None
    watch.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watch


async def test_what_a_live_child_has_written_to_stderr_is_told(stage):
    run = await stage.start("then-silent")
    await run.first(events.TextDelta)
    await asyncio.to_thread(Path(f"/proc/{run.handle.run.pid}/fd/2").write_text, "said so far\n")
    async with asyncio.timeout(DEADLINE):
        while not (seen := await run.handle.runner.inspect()).stderr_tail:
            await asyncio.sleep(0)
    assert seen.stderr_tail == "said so far\n"
    assert [process.pid for process in seen.processes] == [run.handle.run.pid]
    assert seen.processes[0].command.startswith(sys.executable)


async def test_a_child_that_goes_while_it_is_looked_at_shows_nothing(stage, monkeypatch):
    run = await stage.start("then-silent")
    await run.first(events.TextDelta)
    table, over = processes.table, threading.Event()

    def late():
        rows = table()
        if threading.current_thread() is not threading.main_thread():
            assert over.wait(DEADLINE)
        return rows

    monkeypatch.setattr(processes, "table", late)
    look = asyncio.get_running_loop().create_task(run.handle.runner.inspect())
    await asyncio.sleep(0)
    run.handle.stop(Stop(StopCause.CLIENT))
    await run.end()
    over.set()
    assert (await look).processes == ()


@pytest.mark.parametrize(
    ("command", "shown"),
    [
        ("sleep 5", "sleep 5"),
        ("sh -c a\nb\x1b[2J\x9b", r"sh -c a\nb\x1b[2J\x9b"),
        ("é " + "x" * 198, "é " + "x" * 198),
        ("x" * 201, "x" * 199 + "…"),
        ("\n" * 200, r"\n" * 99 + "\\…"),
        ("", ""),
    ],
)
def test_a_command_is_shown_on_one_short_line(command, shown):
    assert inspection.shown(command) == shown
    assert len(shown) <= 200
