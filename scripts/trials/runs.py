"""Ends of a run on a server that goes on."""

import os
import signal
from collections.abc import Callable

from family import Family
from server import ANTHROPIC, OPENAI, Server, Stream
from trial import QUIET, Row, Trial, kept, stopped_at, whole

PART = "ends of a run"
PID = r"pid \d+"
_ASKED = [{"role": "user", "content": "/children"}]
_CHAT = {"model": "demo", "stream": True, "max_tokens": 1000, "messages": _ASKED}


def leader(stream: Stream) -> int:
    """The CLI's own pid, as the run's stream told it."""
    return int(stream.until(r'"type":"run.started".*?"pid":(\d+)')[0])


def on_cue(model: str, pids: int = 1, number: int = signal.SIGUSR1) -> Callable[[Server], Trial]:
    """A CLI that does something when it gets a signal, once it has told so many pids."""

    def trial(server: Server) -> Trial:
        stream = server.stream("go", model)
        stream.until(PID, pids)
        family = Family(server.below())
        family.cause()
        os.kill(leader(stream), number)
        return whole(server, stream, family, stream.end())

    return trial


def cancelled(prompt: str, model: str | None = None, pids: int = 0) -> Callable[[Server], Trial]:
    """Cancelled by the API, by another connection than its own."""

    def trial(server: Server) -> Trial:
        stream = server.stream(prompt, model)
        stream.until(PID if pids else '"run.started"', max(1, pids))
        family = Family(server.below())
        family.cause()
        server.cancel(stream.run_id)
        return whole(server, stream, family, stream.end())

    return trial


def stopped(prompt: str, model: str | None = None, pids: int = 0, **fields: float) -> Callable[[Server], Trial]:
    """Stopped by the server itself: the time is counted from its own word in the run's log."""

    def trial(server: Server) -> Trial:
        stream = server.stream(prompt, model, **fields)
        stream.until(PID if pids else '"run.started"', max(1, pids))
        family = Family(server.below())
        client = stream.end()
        family.cause(stopped_at(server, stream.run_id))
        return whole(server, stream, family, client)

    return trial


def left(start: Callable[[Server], Stream]) -> Callable[[Server], Trial]:
    """The client is gone in the middle of its stream."""

    def trial(server: Server) -> Trial:
        stream = start(server)
        stream.until(PID, 4)
        family = Family(server.below())
        family.cause()
        stream.close()
        gone, seconds = family.gone(server.below)
        server.settle()
        cause = server.run(stream.run_id).get("stop_cause")
        return Trial(gone, seconds, f"nothing: it is gone (stop cause {cause})", kept(server, stream))

    return trial


def _native(server: Server) -> Stream:
    return server.stream("/children")


def _openai(server: Server) -> Stream:
    return Stream(server, OPENAI, _CHAT)


def _anthropic(server: Server) -> Stream:
    return Stream(server, ANTHROPIC, _CHAT)


def with_clock(name: str, seconds: float) -> dict[str, object]:
    return {**QUIET, "backends": {"demo": {name: seconds}}}


_FOUR = (
    "four tools: a plain one, one in a session of its own, one deaf to TERM, one that forked twice and has an "
    "empty environment"
)
ROWS = [
    Row(
        "run-answers",
        PART,
        "it answers",
        "the turn ends, and its process has to end too",
        on_cue("runaway cue answer"),
    ),
    Row("run-fails", PART, "its CLI tells a failure", "the turn ends with an error", on_cue("runaway cue fail")),
    Row(
        "cli-exits", PART, "its CLI crashes", "exit code 9 in the middle of the answer", on_cue("runaway cue exit")
    ),
    Row(
        "cli-quits", PART, "its CLI ends without a result", "exit code 0 in the middle", on_cue("runaway cue quit")
    ),
    Row(
        "cli-killed",
        PART,
        "its CLI is killed",
        "SIGKILL to the CLI, from outside",
        on_cue("runaway cue answer", number=signal.SIGKILL),
    ),
    Row("tools-answer", PART, "it answers and leaves tools", _FOUR, on_cue("runaway tools answer", 4)),
    Row("tools-exit", PART, "its CLI crashes and leaves tools", "the same four", on_cue("runaway tools exit", 4)),
    Row(
        "tools-killed",
        PART,
        "its CLI is killed and leaves tools",
        "the same four",
        on_cue("runaway tools answer", 4, signal.SIGKILL),
    ),
    Row(
        "cancel",
        PART,
        "cancelled by the API",
        "with the four tools of `/children`",
        cancelled("/children", pids=4),
    ),
    Row(
        "cancel-stopped",
        PART,
        "cancelled while its CLI is stopped",
        "the CLI sent SIGSTOP to itself",
        cancelled("go", "fakecli stopped", 1),
    ),
    Row(
        "cancel-unwilling",
        PART,
        "cancelled, its CLI hangs at the start",
        "it says nothing, reads nothing, and is deaf to TERM",
        cancelled("go", "runaway unwilling"),
    ),
    Row(
        "timeout-total",
        PART,
        "its total time is up",
        "`timeout_secs` of 0.7 s, `/children`",
        stopped("/children", pids=4, timeout_secs=0.7),
    ),
    Row(
        "timeout-first-output",
        PART,
        "no first output in time",
        "a CLI that hangs at its start; the clock at 0.3 s",
        stopped("go", "runaway unwilling"),
        settings=with_clock("first_output_timeout_secs", 0.3),
    ),
    Row(
        "timeout-idle",
        PART,
        "silence in the middle",
        "`/children` says its pids and no more; the clock at 0.3 s",
        stopped("/children", pids=4),
        settings=with_clock("idle_timeout_secs", 0.3),
    ),
    Row(
        "client-native",
        PART,
        "its client is gone (native)",
        "the connection is closed in the middle of the stream",
        left(_native),
    ),
    Row("client-openai", PART, "its client is gone (OpenAI)", "the same", left(_openai)),
    Row("client-anthropic", PART, "its client is gone (Anthropic)", "the same", left(_anthropic)),
    Row(
        "output-limit",
        PART,
        "it writes 1 GB",
        "stopped by `server.max_run_output_bytes`: 4 MiB here, 512 by default",
        stopped("go", "runaway gigabyte"),
        settings={**QUIET, "server": {"max_run_output_bytes": 4 << 20}},
    ),
]
