"""Processes as a reader sees them. Blocks for a moment: not for the loop's thread."""

from typing import Final

from clinvk import processes
from clinvk.processes import TICKS, Process
from clinvk.views import ProcessView

_COMMAND_CHARS: Final = 200


def of(rows: list[Process]) -> tuple[ProcessView, ...]:
    """`rows` in their order, without those that have gone meanwhile."""
    now = processes.now()
    seen = ((row, processes.command(row.pid)) for row in rows)
    return tuple(_view(row, command, now) for row, command in seen if command)


def _view(row: Process, command: str, now: float) -> ProcessView:
    return ProcessView(
        pid=row.pid,
        ppid=row.ppid,
        command=shown(command),
        state=row.state,
        memory_bytes=row.memory,
        cpu_secs=round(row.ticks / TICKS, 2),
        age_secs=round(max(0.0, (now - row.started) / TICKS), 2),
    )


def shown(command: str) -> str:
    """The beginning of a command, on one line: what would move a cursor is spelled out."""
    head = "".join(each if each.isprintable() else ascii(each)[1:-1] for each in command[:_COMMAND_CHARS])
    is_whole = len(command) <= _COMMAND_CHARS and len(head) <= _COMMAND_CHARS
    return head if is_whole else head[: _COMMAND_CHARS - 1] + "…"
