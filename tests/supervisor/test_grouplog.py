"""The log of a group: every entry of every run, in the order they came, numbered anew."""

import asyncio
import itertools
import json
import random

import pytest

from clinvk.clock import SystemClock
from clinvk.domain.events import Entry, TextDelta
from clinvk.store.spool import Spool
from clinvk.supervisor.grouplog import GroupLog
from clinvk.supervisor.log import TAIL_ENTRIES, EventLog

END = "group.finished"


class Told:
    """A group of some runs that speak when they are told to, and what they said."""

    def __init__(self, runs, spool=None):
        self.group = GroupLog()
        self.logs = []
        self.said = []
        for number in range(runs):
            hear, attach = self.group.expect()
            file = spool.open(f"run_{number}") if spool else None
            log = EventLog(SystemClock(), {"run_id": f"run_{number}"}, file)
            log.observe(hear)
            attach(log)
            self.logs.append(log)

    def say(self, run, size=1):
        entry = self.logs[run].append(TextDelta("1", "x" * size))
        self.said.append((f"run_{run}", entry.seq))

    def finish(self):
        self.group.finish(Entry(self.group.length, END, b'{"type":"group.finished"}\n'))


async def read_all(group, since=0):
    """Every entry from number `since` on, read in as many batches as it takes."""
    found = []
    while batch := await group.read(since):
        found += batch
        since = batch[-1].seq + 1
    return found


def spoken(entries):
    lines = [json.loads(entry.line) for entry in entries]
    return [(line["run_id"], line["seq"]) for line in lines if "run_id" in line]


@pytest.mark.parametrize("seed", range(5))
async def test_entries_come_in_the_order_they_were_said_from_wherever_one_begins(seed):
    chance = random.Random(seed)
    told = Told(4)
    for _ in range(300):
        told.say(chance.choice([0, 0, 0, 1, 2, 3]), chance.choice([1, 400]))
    for since in range(0, 301, 7):
        entries = await read_all(told.group, since)
        assert [entry.seq for entry in entries] == list(range(since, 300))
        assert spoken(entries) == told.said[since:]
    assert await told.group.read(300) == []


async def test_the_last_entry_is_the_groups_own_and_closes_it():
    told = Told(2)
    told.say(0)
    told.say(1)
    assert not told.group.closed
    told.finish()
    assert told.group.closed
    for since in range(3):
        entries = await read_all(told.group, since)
        assert [entry.seq for entry in entries] == list(range(since, 3))
        assert entries[-1].type == END
    assert await told.group.read(3) == []


async def test_a_group_whose_runs_never_began_has_only_its_end():
    told = Told(0)
    assert await told.group.read(0) == []
    told.finish()
    assert [entry.type for entry in await told.group.read(0)] == [END]


async def test_a_reader_is_woken_by_every_run_and_by_the_end():
    told = Told(2)
    for speak in (lambda: told.say(0), lambda: told.say(1), told.finish):
        changed = told.group.changed()
        assert not changed.done()
        speak()
        assert changed.done()


async def test_what_the_memory_let_go_of_is_read_from_the_disk(tmp_path):
    spool = Spool(tmp_path)
    told = Told(2, spool)
    for number in range(4 * TAIL_ENTRIES):
        told.say(number % 2)
        if number % 1000 == 0:
            await asyncio.sleep(0)
    for log in told.logs:
        log.close()
    told.finish()
    entries = await read_all(told.group)
    assert [entry.seq for entry in entries] == list(range(4 * TAIL_ENTRIES + 1))
    assert spoken(entries) == told.said
    await spool.close()


async def test_what_was_kept_nowhere_is_a_notice_and_what_follows_keeps_its_number():
    told = Told(2)
    for _ in range(3 * TAIL_ENTRIES):
        told.say(0)
    told.say(1)
    told.finish()
    entries = await read_all(told.group)
    seqs = [entry.seq for entry in entries]
    assert seqs == list(range(seqs[0], 3 * TAIL_ENTRIES + 2))
    assert seqs[0] > 0
    assert entries[0].type == "notice"
    assert b"were not kept" in entries[0].line


async def test_a_batch_is_bounded_and_turns_share_one():
    told = Told(3)
    for run in itertools.islice(itertools.cycle(range(3)), 3000):
        told.say(run, 1000)
    batch = await told.group.read(0)
    assert 200 < len(batch) < 500
    for run in range(3):
        told.say(run)
    assert len(await told.group.read(3000)) == 3


async def test_an_entry_that_no_memory_holds_is_taken_and_breaks_nothing():
    told, taken = Told(1), []
    told.group.changed(taken.extend)
    told.say(0, size=3 << 20)
    told.say(0)
    assert [(entry.seq, len(entry.line) > 3 << 20) for entry in taken] == [(0, True)]
    assert told.group.length == 2
