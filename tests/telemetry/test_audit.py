"""The audit log is what was asked for: a file for nobody else's eyes, whole lines, and none lost unheard."""

import contextlib
import gc
import json
import os
import resource
import stat
from dataclasses import fields
from pathlib import Path

import pytest

from clinvk.clock import SystemClock
from clinvk.telemetry import audit as module
from clinvk.telemetry.audit import NO_AUDIT, Action, Audit, AuditUnavailable, Details, Who

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text("utf-8")
WHO = Who("native", "alice", "127.0.0.1", "req_1")


@pytest.fixture
def path(tmp_path):
    return tmp_path / "audit.jsonl"


@contextlib.asynccontextmanager
async def opened(path):
    audit = Audit(path, SystemClock())
    try:
        yield audit
    finally:
        await audit.close()


def lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def targets(path):
    return [line["target"] for line in lines(path)]


@contextlib.contextmanager
def room_for(amount):
    """No file of this process can be longer than `amount` bytes: as a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (amount, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def descriptors():
    """How many are open; none that only the collection of what others left would close."""
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_a_line_says_when_who_did_what_to_what(path):
    async with opened(path) as audit:
        audit.note(Action.RUN_START, "run_1", WHO, Details(backend="demo", workdir="/w"))
    (line,) = lines(path)
    assert line.pop("at").endswith("Z")
    assert line == {
        "action": "run.start",
        "target": "run_1",
        "via": "native",
        "key": "alice",
        "client": "127.0.0.1",
        "request_id": "req_1",
        "backend": "demo",
        "workdir": "/w",
    }


async def test_nothing_in_a_line_can_end_it(path):
    evil = 'x\n{"action":"run.start"}\r\u2028\x1b[2J"'
    async with opened(path) as audit:
        audit.note(Action.RUN_START, evil, Who("native", client="\udcff"), Details(workdir=evil))
    assert path.read_bytes().count(b"\n") == 1
    assert path.read_bytes().rstrip(b"\n").isascii()
    assert (lines(path)[0]["target"], lines(path)[0]["workdir"]) == (evil, evil)


@pytest.mark.parametrize("mode", [None, 0o644, 0o666])
async def test_the_file_is_for_nobody_else(path, mode):
    if mode is not None:
        path.touch()
        path.chmod(mode)
    async with opened(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_what_was_there_stays(path):
    path.write_text('{"target": "before"}\n')
    async with opened(path) as audit:
        audit.note(Action.SERVER_START, "now", WHO)
    assert targets(path) == ["before", "now"]


async def test_a_log_that_was_moved_is_begun_anew_and_no_line_is_lost(path):
    moved = path.with_suffix(".1")
    async with opened(path) as audit:
        for number in range(50):
            audit.note(Action.RUN_START, f"before {number}", WHO)
        path.rename(moved)
        audit.note(Action.RUN_START, "still before", WHO)
        audit.reopen()
        audit.note(Action.RUN_START, "after", WHO)
    assert targets(moved) == [*(f"before {number}" for number in range(50)), "still before"]
    assert targets(path) == ["after"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def test_a_log_that_cannot_be_begun_anew_goes_on_in_the_old_file(path, caplog):
    moved = path.with_suffix(".1")
    async with opened(path) as audit:
        path.rename(moved)
        path.mkdir()
        audit.reopen()
        audit.note(Action.RUN_START, "after", WHO)
    assert targets(moved) == ["after"]
    (record,) = caplog.records
    assert "goes on in the file that it had" in record.getMessage()


async def test_a_second_server_on_the_same_file_tears_no_line(path):
    async with opened(path) as one, opened(path) as other:
        for number in range(200):
            one.note(Action.RUN_START, f"one {number}", WHO)
            other.note(Action.RUN_START, f"other {number}", WHO)
    assert len(lines(path)) == 400


@pytest.mark.parametrize("kind", ["no folder", "folder", "link", "pipe"])
def test_what_cannot_be_the_log_is_refused_in_a_sentence(path, kind):
    match kind:
        case "no folder":
            path = path / "below" / "audit.jsonl"
        case "folder":
            path.mkdir()
        case "link":
            path.symlink_to(path.with_suffix(".other"))
        case "pipe":
            os.mkfifo(path)
    with pytest.raises(AuditUnavailable, match=f"^The audit log {path} "):
        Audit(path, SystemClock())
    assert not path.with_suffix(".other").exists()


def test_a_pipe_that_somebody_reads_is_no_log_either(path):
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    before = descriptors()
    with pytest.raises(AuditUnavailable, match="is no file"):
        Audit(path, SystemClock())
    assert descriptors() == before
    os.close(reader)


async def test_a_line_that_does_not_fit_on_the_disk_stands_in_the_servers_log(path, caplog):
    audit = Audit(path, SystemClock())
    audit.note(Action.RUN_START, "first", WHO)
    await drained(audit)
    with room_for(path.stat().st_size + 20):
        audit.note(Action.RUN_START, "torn", WHO)
        audit.note(Action.RUN_START, "refused", WHO)
        await drained(audit)
    audit.note(Action.RUN_START, "last", WHO)
    await audit.close()
    said = [record.getMessage() for record in caplog.records]
    assert audit.lost == len(said) == 2
    assert all(record.levelname == "ERROR" for record in caplog.records)
    assert "only a part" in said[0]
    assert '"target": "torn"' in said[0]
    assert "File too large" in said[1]
    assert '"target": "refused"' in said[1]
    whole = [line for line in path.read_text().splitlines() if line.endswith("}")]
    assert [json.loads(line)["target"] for line in whole] == ["first", "last"]


async def drained(audit):
    """Until what was noted is on the disk: a log that is opened anew has written what came before."""
    seen = audit._file
    audit.reopen()
    async with module.asyncio.timeout(20):
        while audit._file == seen:
            await module.asyncio.sleep(0)


async def test_a_line_that_a_server_left_unended_spoils_no_other(path):
    path.write_text('{"target": "torn')
    async with opened(path) as audit:
        audit.note(Action.SERVER_START, "next", WHO)
    assert path.read_text().splitlines()[0] == '{"target": "torn'
    assert json.loads(path.read_text().splitlines()[1])["target"] == "next"


async def test_lines_that_a_disk_does_not_take_in_time_stand_in_the_servers_log(path, caplog, monkeypatch):
    monkeypatch.setattr(module, "_WAITING", 3)
    monkeypatch.setattr(module, "_LAST_SECS", 0.05)
    held, written = module.threading.Event(), module.threading.Event()

    audit = Audit(path, SystemClock())
    really = os.write

    def write(file, data):
        if file == audit._file:  # a disk that does not answer
            held.set()
            written.wait(60)
        return really(file, data)

    monkeypatch.setattr(module.os, "write", write)
    audit.note(Action.RUN_START, "held", WHO)
    held.wait(10)
    for number in range(5):
        audit.note(Action.RUN_START, f"line {number}", WHO)
    assert audit.lost == 2
    await audit.close()
    written.set()
    said = [record.getMessage() for record in caplog.records]
    assert [f"line {number}" in line for number, line in zip([3, 4, 0, 1, 2], said, strict=True)] == [True] * 5
    assert audit.lost == 5


async def test_what_comes_after_the_end_is_told_too(path, caplog):
    audit = Audit(path, SystemClock())
    await audit.close()
    await audit.close()
    audit.reopen()
    audit.note(Action.RUN_STOP, "late", WHO)
    assert '"target": "late"' in caplog.records[0].getMessage()
    assert not audit._thread.is_alive()


async def test_closing_gives_the_descriptor_back(path):
    before = descriptors()
    async with opened(path) as audit:
        audit.reopen()
    assert descriptors() == before


async def test_without_a_log_nobody_is_bothered():
    NO_AUDIT.note(Action.RUN_START, "run_1", WHO)
    NO_AUDIT.reopen()
    await NO_AUDIT.close()
    assert NO_AUDIT.lost == 0


def rows(heading):
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [name for line in section.splitlines() if line.startswith("| `")
            for name in module_names(line.split("|")[1])]  # fmt: skip


def module_names(cell):
    return [name.strip(" `") for name in cell.split(",")]


def test_the_page_lists_every_field_and_every_action():
    told = ["at", "action", "target", *(each.name for each in (*fields(Who), *fields(Details)))]
    assert rows("What a line holds") == told
    assert rows("What is written down") == [action.value for action in Action]
