"""What happened to a run besides its running text, each in a few words. Pure."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from clinvk.domain.events import (
    ApprovalAnswered,
    ApprovalAsked,
    Notice,
    RunFinished,
    RunQueued,
    RunStarted,
    RunStopping,
    SessionBound,
    TextDropped,
    TurnDone,
)
from clinvk.domain.run import RunState
from tui import formats
from tui.look import SYMBOLS
from tui.reading.rows import Kind
from tui.reading.wrapping import one_line, visible

Remark = tuple[str, Kind]
"""One line or more, and what they are."""


class _Failure(msgspec.Struct):
    code: str
    message: str
    retry_after_secs: float | None = None


class _Tokens(msgspec.Struct):
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None


class Happened(msgspec.Struct):
    """What any event but running text may say."""

    at: str
    block: str = ""
    backend_session_id: str = ""
    tool_id: str = ""
    name: str = ""
    input: str = ""
    output: str = ""
    cut: int = 0
    ok: bool = False
    tool: str = ""
    action: str = ""
    paths: list[str] = []
    detail: str = ""
    allowed: bool = False
    by: str = ""
    reason: str = ""
    message: str = ""
    stop_reason: str = ""
    position: int = 0
    pid: int = 0
    start: str = ""
    cause: str = ""
    state: RunState = RunState.RUNNING
    seconds: float = 0.0
    usage: _Tokens | None = None
    error: _Failure | None = None


_decoder: Final = msgspec.json.Decoder(Happened)


def decoded(line: bytes) -> Happened:
    """An event's fields."""
    return _decoder.decode(line)


def _queued(said: Happened) -> Remark | None:
    return f"{SYMBOLS[RunState.QUEUED]} queued" + (f" behind {said.position}" if said.position else ""), Kind.NOTE


_STARTS: Final = {"cold": "a new process", "warm": "a process started ahead", "live": "the session's own process"}


def _started(said: Happened) -> Remark | None:
    how = _STARTS.get(said.start, said.start)
    return f"{SYMBOLS[RunState.RUNNING]} started: {how}, pid {said.pid}", Kind.NOTE


def _bound(said: Happened) -> Remark | None:
    return f"· the backend calls its session {one_line(said.backend_session_id)}", Kind.NOTE


def _stopping(said: Happened) -> Remark | None:
    detail = f": {visible(said.detail)}" if said.detail else ""
    return f"{SYMBOLS[RunState.STOPPING]} asked to end ({said.cause}){detail}", Kind.WARNING


def _noticed(said: Happened) -> Remark | None:
    return f"⚠ {visible(said.message)}", Kind.WARNING


def _asked(said: Happened) -> Remark | None:
    what = one_line(", ".join(said.paths) or said.detail)
    return f"? {one_line(said.tool)} asks leave: {said.action} {what}".rstrip(), Kind.WARNING


def _answered(said: Happened) -> Remark | None:
    word, kind = ("✓ allowed", Kind.NOTE) if said.allowed else ("✗ refused", Kind.WARNING)
    return f"{word} by {one_line(said.by)}: {visible(said.reason)}", kind


def _turned(said: Happened) -> Remark | None:
    if said.stop_reason in ("", "end_turn"):
        return None
    return f"⚠ the model stopped: {one_line(said.stop_reason)}", Kind.WARNING


def _struck(said: Happened) -> Remark | None:  # noqa: ARG001  it says no more
    return "⌫ dropped: the backend tries again, so that this is no part of the answer", Kind.WARNING


def _finished(said: Happened) -> Remark | None:
    used = said.usage or _Tokens()
    told = [f"{SYMBOLS[said.state]} {said.state} in {formats.uptime(said.seconds)}"]
    told += [f"{formats.tokens(used.input_tokens)} in", f"{formats.count(used.output_tokens)} out"]
    told += [f"${used.cost_usd:.4f}"] if used.cost_usd else []
    kind = {RunState.COMPLETED: Kind.GOOD, RunState.FAILED: Kind.BAD}.get(said.state, Kind.WARNING)
    lines = [" · ".join(told)]
    if said.error:
        lines.append(f"{said.error.code}: {visible(said.error.message)}")
        if said.error.retry_after_secs:
            lines.append(f"try again in {formats.uptime(said.error.retry_after_secs)}")
    return "\n".join(lines), kind


REMARKS: Final[Mapping[str, Callable[[Happened], Remark | None]]] = MappingProxyType(
    {
        RunQueued.type: _queued,
        RunStarted.type: _started,
        RunStopping.type: _stopping,
        RunFinished.type: _finished,
        SessionBound.type: _bound,
        Notice.type: _noticed,
        ApprovalAsked.type: _asked,
        ApprovalAnswered.type: _answered,
        TurnDone.type: _turned,
        TextDropped.type: _struck,
    }
)
