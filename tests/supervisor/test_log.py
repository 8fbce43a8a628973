"""The run log: numbered, replayed the same as it was seen live, bounded in memory."""

import asyncio
import errno
import json
import os
import threading

from clinvk.clock import SystemClock
from clinvk.domain.events import Notice, RunFinished, TextDelta, UsageReported
from clinvk.domain.run import RunState
from clinvk.domain.usage import Usage
from clinvk.supervisor.child import Child
from clinvk.supervisor.log import LAG_CEILING, TAIL_BYTES, TAIL_ENTRIES, EventLog
from tests.conftest import DEADLINE
from tests.supervisor.logs import LABELS, everything, fill


async def test_an_entry_is_one_line_of_json_that_names_its_type_first(log):
    entry = log.append(UsageReported(Usage(1, 2)))
    assert entry.line.startswith(b'{"type":"usage.reported","seq":0,"at":"2')
    assert entry.line.endswith(b"}\n")
    assert json.loads(entry.line)["usage"] == {
        "input_tokens": 1,
        "output_tokens": 2,
        "cached_tokens": 0,
        "cache_write_tokens": 0,
        "reasoning_tokens": 0,
    }
    assert json.loads(entry.line)["run_id"] == "run_1"


async def test_a_replay_equals_what_was_seen_live(log):
    live = asyncio.ensure_future(everything(log))
    fill(log, 20_000)
    log.close()
    seen = await live
    assert [entry.seq for entry in seen] == list(range(20_000))
    assert await everything(log) == seen
    assert await everything(log, 12_345) == seen[12_345:]


async def test_a_reader_that_comes_late_follows_to_the_end(log):
    fill(log, 3 * TAIL_ENTRIES)
    reader = asyncio.ensure_future(everything(log, 5))
    await asyncio.sleep(0)
    fill(log, 10)
    log.close()
    assert [entry.seq for entry in await reader] == list(range(5, 3 * TAIL_ENTRIES + 10))


async def test_memory_holds_a_tail_and_the_disk_the_rest(log):
    for _ in range(40):
        fill(log, 1000, "x" * 100)
        while log.congested:
            await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while (await log.read(0, 1))[0].seq != 0 or len(log._tail) > TAIL_ENTRIES:
            fill(log, 1)
            await asyncio.sleep(0)
    assert log._tail_bytes <= 2 * TAIL_BYTES + 1000


async def test_a_closed_log_gives_its_memory_back(log):
    fill(log, 100)
    log.close()
    assert len(await everything(log)) == 100
    async with asyncio.timeout(20):
        while log._tail:
            await asyncio.sleep(0)
    assert len(await everything(log)) == 100


async def test_a_log_that_outruns_the_disk_says_so_and_when_it_is_over(log):
    relieved = asyncio.Event()
    log.on_relief = relieved.set
    fill(log, 1, "x" * (LAG_CEILING + 1))
    assert log.congested
    async with asyncio.timeout(20):
        await relieved.wait()
    assert not log.congested


async def test_without_a_spool_what_was_dropped_is_told():
    log = EventLog(SystemClock(), LABELS)
    fill(log, 3 * TAIL_ENTRIES)
    log.close()
    entries = await everything(log)
    assert entries[0].type == "notice"
    assert f"truncated: {entries[1].seq} earlier events" in json.loads(entries[0].line)["message"]
    assert entries[0].seq == entries[1].seq - 1
    assert entries[-1].seq == 3 * TAIL_ENTRIES - 1


async def test_a_spool_whose_file_is_gone_leaves_a_short_replay(log, caplog):
    fill(log, 100)
    log.close()
    await everything(log)
    log.discard()
    async with asyncio.timeout(20):
        while log._tail or log._spool._path.exists():
            await asyncio.sleep(0)
        entries = await everything(log)
    assert [entry.type for entry in entries] == ["notice"]
    assert "the spool fails" in caplog.text


async def test_a_disk_that_refuses_does_not_stop_the_run(spool, caplog):
    log = EventLog(SystemClock(), LABELS, spool.open("no/such/folder"))
    fill(log, 3 * TAIL_ENTRIES)
    async with asyncio.timeout(20):
        while not log._spool.broken:
            await asyncio.sleep(0)
    log.append(Notice("the last one"))
    log.close()
    entries = await everything(log)
    assert json.loads(entries[-1].line)["message"] == "the last one"
    assert "the spool fails" in caplog.text


async def test_a_child_waits_while_the_disk_is_behind(stage, monkeypatch):
    """The pipe is paused and resumed, and not a word is lost."""
    monkeypatch.setattr("clinvk.supervisor.log.LAG_CEILING", 300_000)
    pauses, behind = [], threading.Event()
    pause = Child.pause
    monkeypatch.setattr(Child, "pause", lambda child: (pauses.append(child), pause(child), behind.set()))
    stage.supervisor._spool._writer.submit(lambda _: behind.wait(DEADLINE))  # it may be quicker than the child
    run = await stage.demo("/burst 20000")
    await run.end()
    assert pauses
    assert len(run.said(TextDelta)) == 20_000
    replayed = [entry for entry in await everything(run.handle.log) if entry.type == "text.delta"]
    assert len(replayed) == 20_000


async def test_a_file_that_cannot_be_read_just_now_costs_that_replay_alone_and_never_the_end(log, monkeypatch):
    fill(log, 100)
    end = log.append(RunFinished(RunState.COMPLETED, 0, 1.0, Usage()))
    log.close()
    async with asyncio.timeout(20):
        while log._tail:
            await asyncio.sleep(0)

    def unreadable(*_):
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    with monkeypatch.context() as patch:
        patch.setattr(log._spool, "_on_disk_read", unreadable)
        gap, told = await everything(log, 40)
        assert (gap.seq, json.loads(gap.line)["message"]) == (99, "truncated: 60 earlier events were not kept")
        assert told == end
        assert await everything(log, 100) == [end]
    assert [entry.seq for entry in await everything(log)] == list(range(101))
