"""Whatever is written and read, in whatever order: every reader gets every entry once, whole, in its place."""

import asyncio
import shutil
import tempfile
from pathlib import Path

import orjson
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.strategies import floats, integers, sampled_from, text

from clinvk.clock import SystemClock
from clinvk.domain.events import Notice, TextDelta
from clinvk.store.spool import Spool
from clinvk.supervisor import log as module
from clinvk.supervisor.log import EventLog
from tests.conftest import DEADLINE

TAIL = 4
"""Entries in memory: so few that nearly all is read from the disk."""


class Walk(RuleBasedStateMachine):
    """A log that is written and read at random. `said` is what was, as it has to be read."""

    def __init__(self):
        super().__init__()
        self.limits = pytest.MonkeyPatch()
        self.limits.setattr(module, "TAIL_ENTRIES", TAIL)
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.runner.run(self.begin())
        self.said = []
        self.closed = False
        self.readers = {}

    async def begin(self):
        self.spool = Spool(self.folder / "runs")
        self.log = EventLog(SystemClock(), {"run_id": "run_1"}, self.spool.open("run_1"))

    def do(self, work):
        async def bounded():
            async with asyncio.timeout(DEADLINE):
                return await work

        return self.runner.run(bounded())

    def note(self, event):
        self.said.append(event.text if isinstance(event, TextDelta) else event.message)

    async def write(self, events, together):
        for event in events:
            (self.log.add if together else self.log.append)(event)
            self.note(event)
        self.log.publish()

    @precondition(lambda self: not self.closed)
    @rule(words=text(max_size=9), count=integers(1, 12), together=sampled_from([True, False]))
    def speak(self, words, count, together):
        events = [TextDelta("1", f"{words}{number}") for number in range(count)]
        self.do(self.write(events, together))

    @precondition(lambda self: not self.closed)
    @rule(words=text(max_size=9))
    def remark(self, words):
        self.do(self.write([Notice(words)], together=False))

    @precondition(lambda self: not self.closed)
    @rule()
    def write_down(self):
        async def settled():
            self.log._spool.flush()
            await self.spool._written(())

        self.do(settled())

    @rule(place=floats(0, 1), limit=integers(1, 400))
    def read_a_piece(self, place, limit):
        since = int(place * len(self.said))
        entries = self.do(self.log.read(since, limit))
        assert [entry.seq for entry in entries] == list(range(since, since + len(entries)))
        assert [words(entry) for entry in entries] == self.said[since : since + len(entries)]
        assert bool(entries) == (since < len(self.said))

    @rule(reader=integers(0, 2))
    def go_on_reading(self, reader):
        """Each reader at a place of its own, up to what is there."""

        async def up_to_date():
            while len(heard) < len(self.said):
                heard.extend(await self.log.read(len(heard), 100))

        heard = self.readers.setdefault(reader, [])
        self.do(up_to_date())
        assert [words(entry) for entry in heard] == self.said

    @precondition(lambda self: not self.closed)
    @rule()
    def end(self):
        async def close():
            self.log.close()

        self.do(close())
        self.closed = True

    @invariant()
    def counts(self):
        assert self.log.length == len(self.said)

    def teardown(self):
        async def all_of_it():
            self.log.close()
            return [entry async for batch in self.log.follow() for entry in batch]

        try:
            entries = self.do(all_of_it())
            assert [entry.seq for entry in entries] == list(range(len(self.said)))
            assert [words(entry) for entry in entries] == self.said
            self.do(self.spool.close())
        finally:
            self.limits.undo()
            self.runner.close()
            shutil.rmtree(self.folder)


def words(entry):
    told = orjson.loads(entry.line)
    assert (told["seq"], told["type"], told["run_id"]) == (entry.seq, entry.type, "run_1")
    return told.get("text", told.get("message"))


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=20, stateful_step_count=20)
