"""The run log: numbered, replayed the same as it was seen live, bounded in memory."""

import asyncio
import errno
import io
import json
import os
import threading

import pytest

from clinvk.clock import SystemClock
from clinvk.domain.events import Notice, RunFinished, TextDelta, UsageReported
from clinvk.domain.run import RunState
from clinvk.domain.usage import Usage
from clinvk.store.spool import Spool
from clinvk.supervisor.child import Child
from clinvk.supervisor.log import LAG_CEILING, TAIL_BYTES, TAIL_ENTRIES, EventLog
from tests.conftest import DEADLINE
from tests.supervisor.logs import everything, fill

LABELS = {"run_id": "run_1", "backend": "fake"}


@pytest.fixture
async def spool(tmp_path):
    spool = Spool(tmp_path / "runs")
    yield spool
    await spool.close()


@pytest.fixture
async def log(spool):
    return EventLog(SystemClock(), LABELS, spool.open("run_1"))


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


class Counted:
    """A file, and how many bytes were read of it."""

    def __init__(self, path):
        self.read = 0
        self._path = path

    def open(self, mode):
        counted = self

        class Raw(io.FileIO):
            def readinto(self, buffer):
                size = super().readinto(buffer)
                counted.read += size
                return size

        return io.BufferedReader(Raw(self._path, mode))


@pytest.mark.parametrize("reopened", [False, True])
@pytest.mark.parametrize("sizes", [[60 << 10], [100], [1, 70_000, 20_000, 5, 31_000]])
async def test_readers_that_lag_read_the_disk_little_more_than_once_each(spool, sizes, reopened):
    limit, readers = 32 << 10, 3
    file = spool.open("run_1")
    lines = [b"%d %s\n" % (number, b"x" * sizes[number % len(sizes)]) for number in range(6_000_000 // max(sizes))]
    for line in lines:
        file.append(line)
    file.finish()
    await written(file)
    if reopened:
        file = await spool.reopen("run_1")
    disk = file._path = Counted(file._path)
    found = [[] for _ in range(readers)]
    places = [len(lines) // 7 * number for number in range(readers)]
    while any(place < len(lines) for place in places):
        for number, place in enumerate(places):
            batch = await file.read(place, limit)
            found[number] += batch
            places[number] += len(batch)
    assert found == [lines[len(lines) // 7 * number :] for number in range(readers)]
    assert disk.read < 2.5 * sum(len(line) for batch in found for line in batch)


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


async def test_spool_files_are_for_their_owner_only(log, spool):
    fill(log, 1)
    log.close()
    await spool.close()
    assert oct((spool.folder / "run_1.ndjson").stat().st_mode)[-3:] == "600"
    assert oct(spool.folder.stat().st_mode)[-3:] == "700"


async def test_old_files_are_swept_and_new_ones_stay(tmp_path):
    (tmp_path / "old.ndjson").touch()
    os.utime(tmp_path / "old.ndjson", (1000, 1000))
    (tmp_path / "new.ndjson").touch()
    spool = Spool(tmp_path)
    spool.sweep(before=2000)
    await spool.close()
    assert [path.name for path in tmp_path.iterdir()] == ["new.ndjson"]


async def test_a_folder_that_cannot_be_made_is_an_error_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Spool(tmp_path / "file" / "runs")


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


async def written(file):
    """Everything that was appended has been dealt with."""
    async with asyncio.timeout(20):
        while file.lag:
            await asyncio.sleep(0)


def refuse_to_be_deleted(path):
    """What stands where the file of a run should: a folder cannot be unlinked."""
    path.mkdir()
    os.utime(path, (1000, 1000))


async def test_a_sweep_that_the_disk_refuses_costs_that_file_only(tmp_path, caplog):
    for name in ("a", "z"):
        (tmp_path / f"{name}.ndjson").touch()
        os.utime(tmp_path / f"{name}.ndjson", (1000, 1000))
    refuse_to_be_deleted(tmp_path / "m.ndjson")
    spool = Spool(tmp_path)
    spool.sweep(before=2000)
    file = spool.open("run_1")
    file.append(b"word\n")
    await written(file)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.ndjson", "run_1.ndjson"]
    assert caplog.messages == [f"{tmp_path}/m.ndjson could not be deleted: Is a directory"]
    await spool.close()


async def test_a_file_that_cannot_be_deleted_is_told_and_the_others_are_written(spool, caplog):
    refuse_to_be_deleted(spool.folder / "run_0.ndjson")
    refused = EventLog(SystemClock(), LABELS, spool.open("run_0"))
    refused.discard()
    await spool.delete(["run_0"])
    log = EventLog(SystemClock(), LABELS, spool.open("run_1"))
    fill(log, 1, "x" * (LAG_CEILING + 1))
    await written(log._spool)
    assert not log.congested
    assert caplog.messages == [f"{spool.folder}/run_0.ndjson could not be deleted: Is a directory"] * 2


async def test_what_is_deleted_is_gone_once_that_returns_whatever_was_still_to_be_written(spool):
    for name in ("run_1", "run_2", "run_3"):
        log = EventLog(SystemClock(), LABELS, spool.open(name))
        fill(log, 1000)
        log.close()
    await spool.delete(["run_1", "run_3", "run_unknown"])
    assert [path.name for path in spool.folder.iterdir()] == ["run_2.ndjson"]


async def test_a_mistake_of_ours_costs_one_file_and_not_the_thread(spool, caplog, monkeypatch):
    log, other = (EventLog(SystemClock(), LABELS, spool.open(name)) for name in ("run_1", "run_2"))
    monkeypatch.setattr(log._spool, "_on_disk_write", lambda batch: 1 / 0)
    for one in (log, other):
        fill(one, 1, "x" * (LAG_CEILING + 1))
        await written(one._spool)
    assert log._spool.broken
    assert not other._spool.broken
    assert [record.exc_info[0] for record in caplog.records if record.exc_info] == [ZeroDivisionError]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_a_thread_that_has_ended(spool):
    """Neither who had something to be written, nor who comes later, nor who wants something deleted."""
    early, late = (EventLog(SystemClock(), LABELS, spool.open(name)) for name in ("run_1", "run_2"))

    def end(gone):
        assert early._spool.lag
        raise SystemExit

    fill(early, 1)
    spool._writer.submit(end)
    early.close()
    (spool.folder / "run_3.ndjson").touch()
    await spool.delete(["run_3"])
    fill(late, 1, "x" * (LAG_CEILING + 1))
    for log in (early, late):
        await written(log._spool)
        log.close()
        assert str(log._spool.broken) == "the thread that writes has ended"
        assert len(await everything(log)) == 1
    assert not (spool.folder / "run_3.ndjson").exists()


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


async def test_behind_half_a_line_nothing_is_written_though_the_disk_takes_it_again(log, spool, monkeypatch):
    fill(log, 1)
    log._spool.flush()
    async with asyncio.timeout(20):
        while not log._spool.written:
            await asyncio.sleep(0)
    write = log._spool._on_disk_write

    def half(batch):
        write(batch[: len(batch) // 2])
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    monkeypatch.setattr(log._spool, "_on_disk_write", half)
    fill(log, 1)
    log._spool.flush()
    fill(log, 1)  # the disk's refusal is not known yet
    log._spool._writer.submit(lambda _: monkeypatch.undo())
    log.close()
    await spool.close()
    again = Spool(spool.folder)
    file = await again.reopen("run_1")
    await again.close()
    assert file.written == 1
