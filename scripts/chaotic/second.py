"""The second start on the same home: whatever was acknowledged is still there, and can be told again."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import httpx
from disturbing import HARD, Disturber
from plan import Plan
from server import Server
from told import Run, Told

_TRAIL: Final = 1.0
"""Seconds that the spool may trail its readers by: 0.2, and then the disk and a busy machine."""
_WRITTEN: Final = 0.5
"""Seconds after which all that a run has said is on disk."""
_ENDED: Final = ("completed", "failed", "cancelled")
TRUNCATED: Final = "truncated: "
RECOUNTS: Final = {
    "session_totals": "SELECT backend, status, count(*) FROM sessions GROUP BY 1, 2",
    "run_totals": "SELECT backend, state, count(*), sum(log_bytes) FROM runs GROUP BY 1, 2",
    "session_run_totals": (
        "SELECT session_id, backend, state, count(*) FROM runs WHERE session_id IS NOT NULL GROUP BY 1, 2, 3"
    ),
}
"""What the totals that the store keeps must be."""


class Second:
    """Asks the second server for what clients of the first were told."""

    def __init__(self, server: Server, plan: Plan, told: Told, disturber: Disturber) -> None:
        self._plan = plan
        self._told = told
        self._disturber = disturber
        self._http = httpx.Client(
            base_url=f"http://127.0.0.1:{server.port}",
            headers=server.headers,
            timeout=25,
            trust_env=False,
            verify=False,
        )

    def faults(self) -> Iterator[str]:
        """Everything that is not as it was told."""
        try:
            yield from self._faults()
        except httpx.TransportError as error:
            yield f"the second server does not answer: {error!r} to {error.request.url.path}"

    def _faults(self) -> Iterator[str]:
        with self._http:
            live = self._http.get("/api/v1/runs?live=true").json()["runs"]
            yield from (f"{run['id']} is {run['state']} after the second start" for run in live)
            for run in self._told.runs.values():
                yield from self._run(run)
            yield from self._sessions()
            yield from self._keys()
            yield from self._next_turn()

    def _run(self, run: Run) -> Iterator[str]:
        lossy = self._is_lossy(run)
        answer = self._http.get(f"/api/v1/runs/{run.id}")
        if answer.status_code != 200:
            if not lossy and run.session not in self._told.deleting:
                yield f"{run.id} is gone: {answer.status_code}"
            return
        if answer.json()["state"] not in _ENDED:
            yield f"{run.id} is {answer.json()['state']}"
        told = self._http.get(f"/api/v1/runs/{run.id}/events", headers={"Accept": "application/x-ndjson"}).content
        try:
            events = [json.loads(line) for line in told.split(b"\n") if line.strip()]
        except ValueError as error:
            yield f"the events of {run.id} cannot be read: {error}: {told[:1000]!r}"
            return
        yield from whole(run.id, events, allow_gap=lossy)
        if self._plan.settings["content"] and not lossy:
            yield from self._same(run, events)

    def _same(self, run: Run, events: list[Any]) -> Iterator[str]:
        """What was seen is what is told again; only of a server that was killed some may be lost, the newest."""
        kept = len(events)
        if events and _is_burial(events):
            kept -= 2 if str(events[-2].get("message", "")).startswith(TRUNCATED) else 1
        for number, seen in sorted(run.events.items()):
            if number < kept and seen != events[number]:
                yield f"event {number} of {run.id} was {seen}, and is {events[number]}"
            if number >= kept and not self._may_be_lost(seen):
                yield f"event {number} of {run.id} was seen, and is lost: {seen}; there are {kept}"

    def _may_be_lost(self, event: Any) -> bool:
        at = datetime.fromisoformat(event["at"]).timestamp()
        return self._plan.end["kind"] in HARD and at > self._disturber.ended_wall - _TRAIL

    def _is_lossy(self, run: Run) -> bool:
        """Whether the disk, or the lack of descriptors, may have kept it from being kept: not if it was over."""
        return any(
            run.at <= one.to + _TRAIL and one.since <= run.ended + _WRITTEN
            for one in self._disturber.done
            if one.kind in {"full disk", "few files"}
        )

    def _sessions(self) -> Iterator[str]:
        for session in self._told.sessions:
            status = self._http.get(f"/api/v1/sessions/{session}").status_code
            expected = {200, 404} if session in self._told.deleting else {200}
            if session in self._told.deleted:
                expected = {404}
            if status not in expected:
                yield f"{session} is {status} after the second start, not {expected}"

    def _keys(self) -> Iterator[str]:
        """The same key and request once more is the same run."""
        for key, (body, run, _) in self._told.keys.items():
            answer = self._http.post("/api/v1/prompt", json=body, headers={"Idempotency-Key": key})
            if answer.status_code == 409 and "answer-not-kept" in answer.text:
                continue
            named = answer.headers.get("X-Run-Id")
            if named != run and not self._is_lossy(self._told.runs[run]):
                yield f"{key} was {run}, and is {named} ({answer.status_code})"

    def _next_turn(self) -> Iterator[str]:
        """A session takes its next turn."""
        left = [one for one in self._told.sessions if one not in self._told.deleting]
        for session in left[-1:]:
            asked = {"backend": self._backend(session), "prompt": "/big 40", "session_id": session}
            answer = self._http.post("/api/v1/prompt", json=asked)
            if answer.status_code != 200:
                yield f"{session} takes no turn: {answer.text[:300]}"

    def _backend(self, session: str) -> str:
        return str(self._http.get(f"/api/v1/sessions/{session}").json().get("backend", "demo"))


def whole(run_id: str, events: list[Any], *, allow_gap: bool = False) -> Iterator[str]:
    """What is wrong with a replay: numbers from 0 on, one end, which is the last."""
    numbers = [event["seq"] for event in events]
    ends = [number for number, event in enumerate(events) if event["type"] == "run.finished"]
    if numbers != list(range(len(events))) and not (allow_gap and TRUNCATED in str(events[:1])):
        yield f"the events of {run_id} are {numbers[:40]}…"
    if ends != [len(events) - 1]:
        yield f"{run_id} ends at {ends} of {len(events)} events"


def _is_burial(events: list[Any]) -> bool:
    """Whether its end was written by the second server."""
    return TRUNCATED in str(events[-2:])


def store(file: Path) -> Iterator[str]:
    """What is wrong with the file of a store that was closed."""
    if not file.exists():
        yield "there is no store"
        return
    with contextlib.closing(sqlite3.connect(file)) as db:
        found = db.execute("PRAGMA integrity_check").fetchall()
        if found != [("ok",)]:
            yield f"the store is damaged: {found[:5]}"
        for table, recount in RECOUNTS.items():
            kept, counted = sorted(db.execute(f"SELECT * FROM {table}")), sorted(db.execute(recount))
            if kept != counted:
                yield f"{table} are {kept}, and should be {counted}"
        for id_, state in db.execute("SELECT id, state FROM runs"):
            if state not in _ENDED:
                yield f"{id_} is kept as {state}"
