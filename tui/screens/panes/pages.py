"""What is told of a run on a page: its request, how it was started and judged, stderr, its processes. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from clinvk.domain.run import RunState
from clinvk.views import ProcessView, RunView
from tui import formats
from tui.look import SYMBOLS
from tui.reading.rows import Kind, Line, line
from tui.reading.wrapping import one_line

_NAME_WIDTH: Final = 14
_STATES: Final[Mapping[str, str]] = MappingProxyType(
    {"R": "runs", "S": "sleeps", "D": "waits", "T": "stopped", "t": "traced", "Z": "ended", "I": "idle"}
)


def request_page(run: RunView) -> list[Line]:
    """As a command for a shell."""
    if run.request_as_curl:
        return [line(run.request_as_curl)]
    return [
        line("The request is not kept.", Kind.WARNING),
        line("It is, for new runs, where the server keeps content: session.store_content is true.", Kind.NOTE),
    ]


def explain_page(run: RunView) -> list[Line]:
    """How the run was started, what it waited for, and how its end was judged."""
    return [*_judged(run), line(""), *_times(run), line(""), *_command(run), *_request(run)]


def stderr_page(text: str, *, live: bool) -> list[Line]:
    """The end of what the CLI wrote there."""
    if not text.strip():
        return [line("It has written nothing to stderr" + (" so far." if live else "."), Kind.NOTE)]
    return [line(text.replace("\r\n", "\n").rstrip("\n"))]


def processes_page(run: RunView, processes: Sequence[ProcessView]) -> list[Line]:
    """The tree, parents before their children."""
    if run.state.ended and not run.lingers_until:
        return [line("The run has ended, and its processes with it.", Kind.NOTE)]
    if not processes:
        return [line("It has no process at the moment.", Kind.NOTE)]
    title = f"{'pid':>7}  {'state':<8}{'memory':>7}{'CPU':>9}{'age':>6}  command"
    return [line(title, Kind.TITLE), *(_process(each, depth) for each, depth in tree(processes))]


def tree(processes: Sequence[ProcessView]) -> Iterable[tuple[ProcessView, int]]:
    """Each process, and how many of its ancestors are here."""
    depths: dict[int, int] = {}
    for each in processes:
        depths[each.pid] = depths[each.ppid] + 1 if each.ppid in depths else 0
        yield each, depths[each.pid]


def _process(of: ProcessView, depth: int) -> Line:
    state = _STATES.get(of.state, of.state)
    cpu = f"{of.cpu_secs:.1f}s"
    head = f"{of.pid:>7}  {state:<8}{formats.size(of.memory_bytes):>7}{cpu:>9}{formats.duration(of.age_secs):>6}  "
    branch = "  " * (depth - 1) + "└─ " if depth else ""
    text = f"{head}{branch}{one_line(of.command)}"
    return line(text, Kind.TEXT, (7, len(head) + len(branch), "muted"), hang=len(head) + len(branch))


def _judged(run: RunView) -> list[Line]:
    ends = {RunState.COMPLETED: Kind.GOOD, RunState.FAILED: Kind.BAD, RunState.CANCELLED: Kind.WARNING}
    lines = [line("How it stands", Kind.TITLE)]
    lines.append(_named("state", f"{SYMBOLS[run.state]} {run.state}", ends.get(run.state, Kind.TEXT)))
    if run.error:
        lines.append(_named("error", f"{run.error.code}: {run.error.message}", Kind.BAD))
        if run.error.retry_after_secs:
            lines.append(_named("try again in", formats.uptime(run.error.retry_after_secs)))
    lines += [_named("stopped by", run.stop_cause)] if run.stop_cause else []
    lines.append(_named("exit", _exit(run)))
    lines += [_named("notice", notice, Kind.WARNING) for notice in run.notices]
    return lines


def _exit(run: RunView) -> str:
    if run.exit is None:
        return "not seen: the process is not awaited, or serves on" if run.state.ended else "it has not ended"
    return f"signal {run.exit.signal}" if run.exit.signal else f"code {run.exit.code}"


def _times(run: RunView) -> list[Line]:
    lines = [line("Times", Kind.TITLE), _named("taken", run.created_at)]
    lines += (
        [_named("started", f"{run.started_at}  after {run.queued_ms} ms in the queue")] if run.started_at else []
    )
    lines += [_named("first output", f"after {run.first_output_ms} ms")] if run.first_output_ms is not None else []
    lines += [_named("ended", f"{run.finished_at}  after {run.duration_ms} ms")] if run.finished_at else []
    lines += [_named("lingers until", f"{run.lingers_until}  what it left ends then")] if run.lingers_until else []
    lines += [_named("start", run.start)] if run.start else []
    lines += [_named("session", f"{run.session_id}  {run.continuation or 'first turn'}")] if run.session_id else []
    return lines


def _command(run: RunView) -> list[Line]:
    command = run.command
    if command is None:
        return [line("Command", Kind.TITLE), line("How it was started is not known, or not any more.", Kind.NOTE)]
    lines = [line("Command", Kind.TITLE)]
    lines += [_named("argv" if not number else "", word) for number, word in enumerate(command.argv)]
    lines += [_named("directory", command.cwd), _named("CLI version", command.version or "not known")]
    lines += [_named("pid", str(run.pid))] if run.pid else []
    names = ", ".join(command.env_names) or "none"
    return [*lines, _named("environment", f"{names}  (names only: values are never shown)")]


def _request(run: RunView) -> list[Line]:
    lines = [line(""), line("Asked by", Kind.TITLE), _named("client", run.client)]
    lines += [_named("API key", run.key_label)] if run.key_label else []
    lines += [_named("request", run.request_id)] if run.request_id else []
    lines += [_named("group", _member(run))] if run.group_id else []
    return [*lines, *(_named(name, value) for name, value in sorted(run.metadata.items()))]


def _member(run: RunView) -> str:
    place = f"  task {run.task}" if run.task is not None else f"  step {run.step}" if run.step is not None else ""
    return f"{run.group_id}{place}"


def _named(name: str, value: str, kind: Kind = Kind.TEXT) -> Line:
    return line(f"{one_line(name):<{_NAME_WIDTH}}{value}", kind, (0, _NAME_WIDTH, "muted"), hang=_NAME_WIDTH)
