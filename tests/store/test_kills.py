"""Whatever was acknowledged is there after SIGKILL at any instant, and nothing is half there."""

import contextlib
import json
import os
import random
import select
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from clinvk.store import runs, sessions
from clinvk.store.database import Database
from tests.store.doomed import WORKERS, run_of, session_of
from tests.store.records import DEADLINE, check_totals

HOMES = 20
KILLS = 12  # of each home: 240 in all


class Nursery:
    """Processes that work on a store, one at a time."""

    def __init__(self):
        program = Path(__file__).with_name("doomed.py")
        self._process = subprocess.Popen(
            [sys.executable, str(program)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )
        self._told = b""
        self.pid = 0

    def start(self, home, seed):
        self._process.stdin.write(json.dumps([str(home), seed]).encode() + b"\n")
        kind, self.pid = self.line()
        assert kind == "pid"

    def line(self):
        """The next line that was told, within the deadline."""
        while b"\n" not in self._told:
            ready, _, _ = select.select([self._process.stdout], [], [], DEADLINE)
            assert ready, "nothing is told any more"
            piece = os.read(self._process.stdout.fileno(), 1 << 16)
            assert piece, "the nursery is gone"
            self._told += piece
        line, _, self._told = self._told.partition(b"\n")
        return json.loads(line)

    def kill(self):
        """Kill the process; what it told that was not read yet."""
        os.kill(self.pid, signal.SIGKILL)
        lines = []
        while (line := self.line())[0] != "dead":
            lines.append(line)
        self.pid = 0
        assert line[1] == -signal.SIGKILL
        return lines

    def close(self):
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        self._process.stdin.close()
        self._process.stdout.close()
        assert self._process.wait(DEADLINE) == 0


@pytest.fixture
def nursery():
    nursery = Nursery()
    yield nursery
    nursery.close()


class Memory:
    """What must be there: of each worker what was acknowledged, and what it was about to do."""

    def __init__(self):
        self.sure = [{} for _ in range(WORKERS)]
        self.trying = [None] * WORKERS
        self.acknowledged = 0

    def hear(self, line):
        kind, worker, *words = line
        if kind == "try":
            self.trying[worker] = words
            return
        assert kind == "ack"
        self.sure[worker] = after(self.sure[worker], self.trying[worker])
        self.trying[worker] = None
        self.acknowledged += 1

    def check(self, db):
        """Each worker's sessions and runs are as acknowledged, or with the whole of the one next step."""
        for worker in range(WORKERS):
            found, sure, trying = read(db, worker), self.sure[worker], self.trying[worker]
            assert found == sure or (trying and found == after(sure, trying)), (worker, trying)
            self.sure[worker], self.trying[worker] = found, None


def after(state, step):
    """A worker's sessions after a step of its."""
    kind, id_, *words = step
    state = {key: (version, dict(of_session), marked) for key, (version, of_session, marked) in state.items()}
    match kind:
        case "add":
            state[id_] = (words[1], {words[0]: 0}, False)
        case "begin":
            state[id_] = (words[1], state[id_][1] | {words[0]: 0}, False)
        case "end":
            state[id_] = (words[1], state[id_][1] | {words[0]: words[1]}, False)
        case "mark":
            state[id_] = (*state[id_][:2], True)
        case "remove":
            del state[id_]
    return state


def read(db, worker):
    """A worker's sessions as they are in the file; every field has to be that of its version."""
    found = {}
    for table, marked in (("sessions", False), ("doomed_sessions", True)):
        rows = db.execute(f"SELECT {sessions._COLUMNS} FROM {table} WHERE id GLOB 'ses_{worker}_*'")
        for session in map(sessions._session, rows):
            assert session == session_of(session.id, session.turn_count)
            assert session.id not in found
            found[session.id] = (session.turn_count, {}, marked)
    for row in db.execute(f"{runs._SELECT} WHERE id GLOB 'run_{worker}_*'"):
        run = runs._record(row)
        assert run == run_of(run.id, run.session_id, run.log_bytes)
        found[run.session_id][1][run.id] = run.log_bytes
    return found


@contextlib.contextmanager
def as_left(home):
    """The file with its log, read and left as they are: the next process has to recover them once more."""
    with closing(sqlite3.connect(f"file:{home}/clinvk.db?mode=ro", uri=True)) as db:
        yield db


@contextlib.contextmanager
def as_a_server(home):
    with closing(Database(home)) as database:
        yield database.connection


def spin(rounds):
    for _ in range(rounds):
        pass


def kill_once(nursery, memory, home, seed):
    """Let a process work, kill it after so many lines and a moment, and look at what is there."""
    chance = random.Random(seed)
    nursery.start(home, seed)
    for _ in range(chance.choice((0, 0, 1, 2, 40, 300)) and chance.randrange(300)):
        memory.hear(nursery.line())
    spin(chance.randrange(chance.choice((1, 2_000, 60_000))))
    for line in nursery.kill():
        memory.hear(line)


@pytest.mark.parametrize("number", range(HOMES))
def test_what_was_acknowledged_survives_sigkill_and_nothing_is_half_there(tmp_path, nursery, number):
    memory = Memory()
    for round_ in range(KILLS):
        kill_once(nursery, memory, tmp_path, number * KILLS + round_)
        if not memory.acknowledged and round_ % 2:
            continue  # it may not even have made the file: the next one has to finish that
        with (as_left if round_ % 2 else as_a_server)(tmp_path) as db:
            memory.check(db)
            check_totals(db)
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert memory.acknowledged
