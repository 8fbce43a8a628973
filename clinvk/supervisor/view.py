"""A run as readers see it."""

from typing import Final

from clinvk.clock import rfc3339
from clinvk.domain.run import Run, RunState
from clinvk.monitor import CommandView, RunView

_PREVIEW_CHARS: Final = 80


def of(run: Run, events: int, now: float, queue_position: int | None, command: CommandView | None) -> RunView:
    """`run` at the time `now` (seconds since the epoch), its log `events` entries long."""
    admitted = run.started_at or run.finished_at or now
    return RunView(
        id=run.id,
        state=run.state,
        dialect=run.spec.origin.dialect,
        backend=run.spec.backend,
        model=run.spec.model,
        created_at=rfc3339(run.created_at),
        started_at=_time(run.started_at),
        finished_at=_time(run.finished_at),
        queued_ms=_ms(run.created_at, admitted) or 0,
        queue_position=queue_position if run.state is RunState.QUEUED else None,
        first_output_ms=_ms(run.created_at, run.first_output_at),
        duration_ms=_ms(run.created_at, run.finished_at),
        start=run.start,
        client=run.spec.origin.client,
        key_label=run.spec.origin.key_label,
        request_id=run.spec.origin.request_id,
        group_id=run.spec.origin.group_id,
        prompt_preview=preview(run.spec.prompt),
        metadata=run.spec.metadata,
        pid=run.pid if run.exit is None else None,
        stop_cause=run.stop.cause if run.stop else None,
        exit=run.exit,
        error=run.error,
        token_usage=run.usage,
        events=events,
        command=command,
    )


def preview(prompt: str) -> str:
    """The beginning of a prompt on one line."""
    line = " ".join(prompt[: 4 * _PREVIEW_CHARS].split())
    return line if len(line) <= _PREVIEW_CHARS else line[: _PREVIEW_CHARS - 1] + "…"


def _time(wall: float | None) -> str | None:
    return None if wall is None else rfc3339(wall)


def _ms(start: float, end: float | None) -> int | None:
    return None if end is None else max(0, round((end - start) * 1000))
