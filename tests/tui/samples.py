"""Runs, sessions, backends and events for a console to show, all of one fixed moment."""

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from clinvk.clock import rfc3339
from clinvk.domain.events import Entry
from clinvk.domain.run import RunState, Start
from clinvk.domain.session import SessionStatus
from clinvk.domain.spec import Dialect
from clinvk.domain.usage import Usage
from clinvk.views import BackendView, Capabilities, RunView, SessionView

NOW = 1_772_000_000.0
"""What time it is in every test of the console, so that its screens are the same every time."""


def at(secs_ago: float) -> str:
    """A moment before NOW."""
    return rfc3339(NOW - secs_ago)


def run_id(number: int) -> str:
    """Ids that sort by number, as real ones do by time."""
    return f"run_{number:026d}"


def a_run(number: int, state: RunState = RunState.RUNNING, age: float = 12.0, **said: Any) -> RunView:
    """One run, taken `age` seconds ago."""
    began = state is not RunState.QUEUED
    first = RunView(
        id=run_id(number),
        state=state,
        dialect=Dialect.NATIVE,
        backend="demo",
        created_at=at(age),
        started_at=at(age - 0.1) if began else None,
        finished_at=at(0) if state.ended else None,
        queued_ms=100,
        first_output_ms=350 if began else None,
        duration_ms=round(age * 1000) if state.ended else None,
        start=Start.COLD if began else None,
        client="127.0.0.1",
        prompt_preview=f"prompt number {number}",
        metadata={},
        pid=4000 + number if began and not state.ended else None,
        token_usage=Usage(1200, 340) if state.ended else Usage(),
        output_chars=1200 if began else 0,
        events=20,
    )
    return replace(first, **said)


def a_session(number: int, **said: Any) -> SessionView:
    """One session, last used `number` minutes ago."""
    first = SessionView(
        id=f"ses_{number:026d}",
        backend="demo",
        created_at=at(number * 60 + 600),
        last_used=at(number * 60),
        working_dir="/home/ada/engine",
        title=f"talk number {number}",
        initial_prompt=f"talk number {number}",
        status=SessionStatus.COMPLETED,
        turn_count=number + 1,
        token_usage=Usage(1000, 200),
        tags=(),
        metadata={},
    )
    return replace(first, **said)


def a_backend(name: str, **said: Any) -> BackendView:
    """One backend that is there."""
    able = Capabilities(stream=True, resume=True, system_prompt=True, images=False, warm=True)
    first = BackendView(
        name=name, available=True, enabled=True, version="1.2.3", path=f"/usr/bin/{name}", models=(),
        capabilities=able, live=0, limit=8,
    )  # fmt: skip
    return replace(first, **said)


def some_runs() -> Iterable[RunView]:
    """One of each kind, as a busy afternoon has them."""
    states = list(RunState)
    return [a_run(number, state, age=10.0 * number + 5) for number, state in enumerate(states)]


def entries(*events: dict[str, Any], run: str = "", first: int = 0) -> list[Entry]:
    lines = [
        {"type": event["type"], "seq": seq, "at": at(0), "run_id": run, **event}
        for seq, event in enumerate(events, first)
    ]
    return [Entry(line["seq"], line["type"], json.dumps(line).encode() + b"\n") for line in lines]
