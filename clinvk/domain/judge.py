"""How a run is judged: one truth table over the stop, the turn's end, and the exit."""

from dataclasses import dataclass
from typing import Final

from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import TurnDone
from clinvk.domain.run import Exit, RunState, Stop, StopCause

_FAILING_STOPS: Final = {
    StopCause.TIMEOUT: ErrorCode.TIMEOUT,
    StopCause.OUTPUT_LIMIT: ErrorCode.OUTPUT_LIMIT,
    StopCause.MEMORY: ErrorCode.MEMORY,
    StopCause.MAX_TURNS: ErrorCode.MAX_TURNS,
}

_STOPPED_BY: Final = {
    StopCause.CLIENT: "The run was cancelled on request",
    StopCause.DISCONNECT: "The run was cancelled because its client left",
    StopCause.CONSOLE: "The run was cancelled from the console",
    StopCause.SHUTDOWN: "The run was cancelled because the server shut down",
    StopCause.GROUP: "The run was cancelled with its group",
    StopCause.TIMEOUT: "The run took too long",
    StopCause.OUTPUT_LIMIT: "The run wrote too much",
    StopCause.MEMORY: "The run used too much memory",
    StopCause.MAX_TURNS: "The run took more turns than allowed",
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state a run ends in, and the error unless it completed."""

    state: RunState
    error: RunError | None = None

    @property
    def code(self) -> int:
        """The native API's `exit_code`: 0 succeeded, 1 failed, -1 stopped."""
        if self.state is RunState.COMPLETED:
            return 0
        return -1 if self.state is RunState.CANCELLED else 1


def judge(stop: Stop | None, done: TurnDone | None, exit_: Exit | None, explained: RunError | None) -> Judgement:
    """Judge at the first of the turn's end and the child's exit.

    A stop that came first decides by its cause; then the turn's own word, whatever the exit code;
    then the exit. `explained` is what the backend made of the exit and its stderr, if anything.
    """
    if stop:
        return _stopped(stop)
    if done:
        return Judgement(RunState.FAILED, done.error) if done.error else Judgement(RunState.COMPLETED)
    if explained:
        return Judgement(RunState.FAILED, explained)
    return Judgement(RunState.FAILED, _unexplained(exit_))


def _stopped(stop: Stop) -> Judgement:
    message = stop.detail or _STOPPED_BY[stop.cause]
    code = _FAILING_STOPS.get(stop.cause)
    if code:
        return Judgement(RunState.FAILED, RunError(code, message))
    return Judgement(RunState.CANCELLED, RunError(ErrorCode.CANCELLED, message))


def _unexplained(exit_: Exit | None) -> RunError:
    if exit_ is None or exit_.clean:
        return RunError(ErrorCode.NO_RESULT, "The CLI ended without giving a result")
    how = f"was ended by {exit_.signal}" if exit_.signal else f"exited with code {exit_.code}"
    last = exit_.last_words
    return RunError(
        ErrorCode.BACKEND_EXITED, f"The CLI {how} before giving a result" + (f": {last}" if last else "")
    )
