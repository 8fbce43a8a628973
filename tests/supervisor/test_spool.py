"""The files of run logs: read little more than once, for their owner, swept, deleted, and a disk that refuses."""

import asyncio
import errno
import io
import os

import pytest

from clinvk.clock import SystemClock
from clinvk.store.spool import Spool
from clinvk.supervisor.log import LAG_CEILING, EventLog
from tests.supervisor.logs import LABELS, everything, fill


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


async def written(file):
    """Everything that was appended has been dealt with."""
    async with asyncio.timeout(20):
        while file.lag:
            await asyncio.sleep(0)


def refuse_to_be_deleted(path):
    """What stands where the file of a run should: a folder cannot be unlinked."""
    path.mkdir()
    os.utime(path, (1000, 1000))


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
