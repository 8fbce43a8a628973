"""Whatever was acknowledged outlives the server, at whatever instant that is killed."""

import json
import os
import queue
import random
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import chain

import pytest

from tests.e2e.clients import KINDS, NDJSON, Client, Heard, work
from tests.e2e.conftest import DEADLINE, SOAK, Served

pytestmark = pytest.mark.e2e

ROUNDS = 200 if SOAK else 5
ENDED = {"completed", "failed", "cancelled"}
INSTANTS = (
    ("sent POST", 12),  # nothing is answered yet
    ("answer POST", 12),
    ("line", 400),  # amid what runs say
    ("sent DELETE", 3),
    ("answer DELETE", 3),
)
"""When a server is killed: after so many such moments at most, and a little later."""


def spin(rounds):
    for _ in range(rounds):
        pass


def killed_at_work(served, seed):
    """What clients had heard when the server was killed."""
    chance = random.Random(seed)
    moments = queue.SimpleQueue()
    clients = [Client(served.port, f"{seed}-{kind.__name__}", moments) for kind in KINDS]
    kind, most = INSTANTS[seed % len(INSTANTS)]
    with ThreadPoolExecutor(len(clients)) as threads:
        working = [threads.submit(work, *pair) for pair in zip(clients, KINDS, strict=True)]
        try:
            wait_for(moments, kind, chance.randint(1, most))
            spin(chance.randrange(chance.choice((1, 20_000, 1_000_000))))
        finally:  # it is what ends the clients
            os.kill(served.pid, signal.SIGKILL)
        heard = [client.result(DEADLINE) for client in working]
    served.guardian.wait(DEADLINE)
    return heard


def wait_for(moments, kind, count):
    while count:
        count -= moments.get(timeout=DEADLINE) == kind


class Witness:
    """Holds a server to what clients of its predecessors have heard."""

    def __init__(self, served):
        self.served = served

    def get(self, path):
        return self.served.json("GET", f"/api/v1/{path}")

    def status(self, path):
        return self.served.call("GET", f"/api/v1/{path}").status

    def check(self, heard: Heard):
        assert self.get("runs?live=true")["total"] == 0
        self.check_sessions(heard)
        gone = set(chain(*heard.deleting.values()))  # or going
        for run, state in heard.runs.items():
            if run not in gone:
                self.check_run(run, state, heard)
        for group, count in heard.groups.items():
            runs = self.get(f"runs?group_id={group}")["runs"]
            assert count in {0, len(runs)}, (group, runs)
            assert {run["state"] for run in runs} <= ENDED
        for key, (path, body, answer) in heard.keys.items():
            self.check_key(key, path, body, answer)

    def check_sessions(self, heard):
        for session, turns in heard.sessions.items():
            status = self.status(f"sessions/{session}")
            if session in heard.deleted:
                assert status == 404, session
                assert {self.status(f"runs/{run}") for run in heard.deleting[session]} == {404}
            elif session not in heard.deleting or status == 200:
                told = self.get(f"sessions/{session}")
                assert (told["id"], told["status"] in {"completed", "error"}) == (session, True), told
                assert turns <= told["turn_count"] <= turns + 1

    def check_run(self, run, state, heard):
        told = self.served.call("GET", f"/api/v1/runs/{run}")
        seen = json.loads(told.read())
        assert (told.status, seen["id"], seen["state"] in ENDED) == (200, run, True), (run, seen)
        assert state in {None, seen["state"]}, (state, seen)
        if state is None and seen["state"] == "failed":
            assert seen["error"]["code"] in {"interrupted", "backend_failed"}, seen  # the latter is of /fail
        self.check_events(run, seen, heard.lines.get(run, []))

    def check_events(self, run, seen, received):
        """Without a gap or a double, with one end; as they were received, up to what was not yet on disk."""
        replayed = self.served.call("GET", f"/api/v1/runs/{run}/events", Accept=NDJSON)
        lines = replayed.read().splitlines(keepends=True)
        assert replayed.status == 200, (run, seen, lines)
        events = [json.loads(line) for line in lines]
        assert [event["seq"] for event in events] == list(range(len(events))), run
        cut_short = [event["type"] for event in events[-2:]] == ["notice", "run.finished"]
        assert len(events) == seen["events"] or (cut_short and len(events) < seen["events"])
        assert [event["seq"] for event in events if event["type"] == "run.finished"] == [len(events) - 1], run
        assert events[-1]["state"] == seen["state"]
        agree = 0
        while agree < min(len(lines), len(received)) and lines[agree] == received[agree]:
            agree += 1
        made_anew = 2 if cut_short else 1  # the end, and a notice where more was not on disk
        assert agree in {len(received), len(events) - made_anew}, (run, agree)

    def check_key(self, key, path, body, answer):
        """A whole answer is told again; what broke off has one answer too, whatever it is."""
        told = [self.served.call("POST", path, body, **{"Idempotency-Key": key}) for _ in range(2)]
        first, again = [(each.status, said(each)) for each in told]
        assert first == again
        if answer is not None:
            assert first == (200, answer)
            assert "Idempotent-Replayed" in told[0].headers
        assert first[0] in {200, 409}, first

    def check_totals(self):
        """As many as are counted are there."""
        for name in ("sessions", "runs"):
            page = self.get(f"{name}?limit=200")
            total, found = page["total"], [one["id"] for one in page[name]]
            while cursor := page.get("next_cursor"):
                page = self.get(f"{name}?limit=200&cursor={cursor}")
                found += [one["id"] for one in page[name]]
            assert total == len(found) == len(set(found)), name


def said(answer):
    """The bytes of an answer; of a problem its sentence, for each request has an id of its own."""
    told = answer.read()
    return told if answer.status == 200 else json.loads(told)["detail"]


@pytest.mark.timeout(ROUNDS * 30)
def test_whatever_was_acknowledged_outlives_sigkill_at_any_instant(tmp_path):
    known: list[Heard] = []
    for seed in range(ROUNDS + 1):
        served = Served(tmp_path)
        try:
            witness = Witness(served)
            last = seed == ROUNDS
            for heard in known if last else known[-len(KINDS) :]:
                witness.check(heard)
            if last or seed % 10 == 3:
                witness.check_totals()
            if not last:
                known += killed_at_work(served, seed)
        finally:
            served.end()
    assert any(heard.runs for heard in known)
    counts = [
        f"{sum(len(getattr(heard, name)) for heard in known)} {name}"
        for name in ("sessions", "deleted", "runs", "groups", "keys")
    ]
    print(f"{ROUNDS} kills, {', '.join(counts)}, none lost")
