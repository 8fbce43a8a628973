"""What runs said, damaged on disk: told up to there, with one end; and no run stays unended for it."""

import json

import pytest

from clinvk.domain import events
from clinvk.domain.run import RunState
from tests.supervisor.kept import taken

DAMAGES = {
    "garbage at the end": lambda data: data + b"\xff\xfe no event \x00\n",
    "zeros at the end": lambda data: data + bytes(4096),
    "garbage in between": lambda data: garbled(data, 2),
    "another number": lambda data: data.replace(b'"seq":2,', b'"seq":7,'),
    "a line twice": lambda data: data + data.splitlines(keepends=True)[-1],
    "a line is missing": lambda data: b"".join(cut_out(data, 1)),
    "cut in a line": lambda data: data[:-9],
    "nothing but garbage": lambda data: bytes(reversed(data)),
    "empty": lambda data: b"",
    "a stamp that is none": lambda data: data.replace(b'"at":"2', b'"at":"-'),
    "a body that is none": lambda data: b"".join(
        line[:-30] + b"\x00" * 28 + b"}\n" for line in data.splitlines(keepends=True)
    ),
}

UNSEEN = {"zeros at the end", "cut in a line", "empty", "a stamp that is none", "a body that is none"}
"""What is no worse than half a line, or stands where nobody looks."""


def garbled(data, number):
    lines = data.splitlines(keepends=True)
    lines[number] = b"\x00\x01\x02\n"
    return b"".join(lines)


def cut_out(data, number):
    lines = data.splitlines(keepends=True)
    return lines[:number] + lines[number + 1 :]


async def everything(log):
    """All of a closed log."""
    return [entry async for batch in log.follow() for entry in batch]


def check(before, entries):
    """Whole entries of before, in their order, then how it ended."""
    assert [entry.seq for entry in entries] == list(range(len(entries)))
    assert [entry.type for entry in entries].count("run.finished") == 1
    assert entries[-1].type == "run.finished"
    told = [entry.type for entry in entries[:-1]]
    kept = told[:-1] if told and told[-1] == "notice" else told
    assert kept == [json.loads(line)["type"] for line in before.splitlines()[: len(kept)]]


@pytest.mark.parametrize("damage", ["garbage in between", "a stamp that is none", "a body that is none"])
async def test_of_a_run_that_was_live_when_its_server_died(new_stage, keep, tmp_path, damage):
    dying = await keep()
    stage = new_stage(keeping=dying)
    run = await stage.demo("/hang", ephemeral=False)
    await run.first(events.SessionBound)
    record = await dying.store.run(run.handle.id)
    stored = await dying.store.session(run.handle.run.spec.session_id)
    await stage.all_gone()
    await dying.store.end_run(record, stored)  # as it was in the moment of a SIGKILL
    before = b"".join(entry.line for entry in (await run.handle.log.read())[:4])
    await dying.store.close()
    await dying.spool.close()
    (tmp_path / "home" / "runs" / f"{run.handle.id}.ndjson").write_bytes(DAMAGES[damage](before))
    later = new_stage(keeping=await keep())
    await later.supervisor.open()
    seen = await later.supervisor.history.find(run.handle.id)
    assert (seen.state, seen.error.code) == (RunState.FAILED, "interrupted")
    check(before, await everything(await later.supervisor.history.log(run.handle.id)))
    await later.all_gone()


async def test_of_a_run_that_had_ended(new_stage, keep, tmp_path, caplog):
    first = await keep()
    stage = new_stage(keeping=first)
    run = await taken(stage)
    before = b"".join(entry.line for entry in await everything(run.handle.log))
    await stage.all_gone()
    await first.store.close()
    await first.spool.close()
    later = new_stage(keeping=await keep())
    for damage, done in DAMAGES.items():
        (tmp_path / "home" / "runs" / f"{run.handle.id}.ndjson").write_bytes(done(before))
        caplog.clear()
        for _ in range(2):
            check(before, await everything(await later.supervisor.history.log(run.handle.id)))
        told = any("is damaged" in record.getMessage() for record in caplog.records)
        assert told or damage in UNSEEN, damage
    await later.all_gone()


async def test_an_end_that_alone_was_not_written_yet_is_told_without_a_word_of_loss(new_stage, keep, tmp_path):
    first = await keep()
    stage = new_stage(keeping=first)
    run = await taken(stage)
    lines = [entry.line for entry in await run.handle.log.read()]
    await stage.all_gone()
    await first.store.close()
    await first.spool.close()
    (tmp_path / "home" / "runs" / f"{run.handle.id}.ndjson").write_bytes(b"".join(lines[:-1]))
    later = new_stage(keeping=await keep())
    entries = await everything(await later.supervisor.history.log(run.handle.id))
    assert [entry.line for entry in entries[:-1]] == lines[:-1]
    assert entries[-1].type == "run.finished"
    await later.all_gone()
