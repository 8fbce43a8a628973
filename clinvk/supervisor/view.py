"""Runs and sessions as readers see them."""

from dataclasses import dataclass, replace
from typing import Final

import msgspec

from clinvk.clock import rfc3339
from clinvk.domain.errors import RunError
from clinvk.domain.run import Run, RunState
from clinvk.domain.session import Session
from clinvk.views import CommandView, Resources, RunView, SessionView

_PREVIEW_CHARS: Final = 80
_LABELS: Final = ("run_id", "session_id", "backend", "group_id", "task", "step")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is not the run's own: its place in the queue, how its child was started, what the processes take, and
    until when (seconds since the epoch) those that it left may live on.
    """

    queue_position: int | None = None
    command: CommandView | None = None
    resources: Resources | None = None
    lingers_until: float | None = None


def of(run: Run, events: int, now: float, around: Surroundings = Surroundings()) -> RunView:
    """`run` at the time `now` (seconds since the epoch), its log `events` entries long."""
    admitted = run.started_at or run.finished_at or now
    return RunView(
        id=run.id,
        state=run.state,
        dialect=run.spec.origin.dialect,
        backend=run.spec.backend,
        model=run.spec.model,
        session_id=run.spec.session_id,
        continuation=run.continuation,
        created_at=rfc3339(run.created_at),
        started_at=_time(run.started_at),
        finished_at=_time(run.finished_at),
        queued_ms=_ms(run.created_at, admitted) or 0,
        queue_position=around.queue_position if run.state is RunState.QUEUED else None,
        first_output_ms=_ms(run.created_at, run.first_output_at),
        duration_ms=_ms(run.created_at, run.finished_at),
        lingers_until=_time(around.lingers_until),
        start=run.start,
        client=run.spec.origin.client,
        key_label=run.spec.origin.key_label,
        request_id=run.spec.origin.request_id,
        group_id=run.spec.origin.group_id,
        task=run.spec.origin.task,
        step=run.spec.origin.step,
        prompt_preview=preview(run.spec.prompt),
        metadata=run.spec.metadata,
        pid=run.pid if run.exit is None and not run.state.ended else None,  # it may go on with others
        stop_cause=run.stop.cause if run.stop else None,
        exit=run.exit,
        error=run.error,
        notices=run.notices,
        token_usage=run.usage,
        output_chars=run.output_chars,
        events=events,
        resources=around.resources,
        command=around.command,
    )


def of_session(session: Session) -> SessionView:
    """`session`, its times in words."""
    return SessionView(
        id=session.id,
        backend=session.backend,
        created_at=rfc3339(session.created_at),
        last_used=rfc3339(session.last_used),
        working_dir=session.workdir,
        model=session.model,
        title=session.title,
        initial_prompt=session.initial_prompt,
        status=session.status,
        turn_count=session.turn_count,
        token_usage=session.usage,
        tags=session.tags,
        backend_session_id=session.backend_session_id,
        metadata=session.metadata,
    )


def interrupted(seen: RunView, heard: float, created_at: float, error: RunError) -> RunView:
    """A run whose server died, last heard of at the time `heard`. `created_at` is what `seen` says in words."""
    duration_ms = max(0, round((heard - created_at) * 1000))
    return replace(
        seen,
        state=RunState.FAILED,
        finished_at=rfc3339(heard),
        queued_ms=seen.queued_ms if seen.started_at else duration_ms,
        duration_ms=duration_ms,
        queue_position=None,
        pid=None,
        resources=None,
        error=error,
    )


def labels(seen: RunView) -> dict[str, str | int]:
    """What stands in each event of a run."""
    return _labelled(seen.id, seen.session_id, seen.backend, seen.group_id, seen.task, seen.step)


def labels_of(run: Run) -> dict[str, str | int]:
    """The same, of one that begins."""
    spec, origin = run.spec, run.spec.origin
    return _labelled(run.id, spec.session_id, spec.backend, origin.group_id, origin.task, origin.step)


def kept(seen: RunView) -> bytes:
    """A view as it is stored."""
    return msgspec.json.encode(seen)


def read(stored: bytes) -> RunView:
    """A view that was stored."""
    return msgspec.json.decode(stored, type=RunView)


def preview(prompt: str) -> str:
    """The beginning of a prompt on one line."""
    line = " ".join(prompt[: 4 * _PREVIEW_CHARS].split())
    return line if len(line) <= _PREVIEW_CHARS else line[: _PREVIEW_CHARS - 1] + "…"


def _labelled(*values: str | int | None) -> dict[str, str | int]:
    return {name: value for name, value in zip(_LABELS, values, strict=True) if value is not None}


def _time(wall: float | None) -> str | None:
    return None if wall is None else rfc3339(wall)


def _ms(start: float, end: float | None) -> int | None:
    return None if end is None else max(0, round((end - start) * 1000))
