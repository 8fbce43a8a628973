"""The columns of the list of runs, and what can be said of a run in a filter. Pure."""

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from clinvk.domain.run import RunState, Start
from clinvk.domain.spec import Dialect
from clinvk.views import RunView
from tui import formats
from tui.lists.filters import Field, Vocabulary
from tui.lists.listing import Rank
from tui.look import SYMBOLS
from tui.widgets.columns import Cell, Column, Sight

MARK: Final = "✱"
_NOTHING: Final[Cell] = ("", None)
_LIVE_FIRST: Final = 1e12
"""More than any time in seconds: what is live comes before all that has ended."""


def run_vocabulary(marked: AbstractSet[str]) -> Vocabulary[RunView]:
    """What a filter can say of a run; `marked` is looked at each time."""

    def states(run: RunView) -> Iterable[str]:
        lingers = ("lingering",) if run.lingers_until else ()
        return run.state, "ended" if run.state.ended else "live", *lingers

    def is_(run: RunView) -> Iterable[str]:
        return ("marked",) if run.id in marked else ()

    return Vocabulary(
        _text,
        {
            "state": Field(states, ("live", "ended", "lingering", *RunState)),
            "backend": Field(lambda run: (run.backend,)),
            "model": Field(lambda run: (run.model or "",)),
            "key": Field(lambda run: (run.key_label or "",)),
            "session": Field(lambda run: (run.session_id or "",)),
            "start": Field(lambda run: (run.start,) if run.start else (), tuple(Start)),
            "dialect": Field(lambda run: (run.dialect,), tuple(Dialect)),
            "is": Field(is_, ("marked",)),
        },
    )


def _text(run: RunView) -> str:
    error = (run.error.code, run.error.message) if run.error else ()
    said = (run.id, run.prompt_preview, run.model, run.backend, run.session_id, run.client, run.key_label, *error)
    return "\n".join(filter(None, said))


def _mark(run: RunView, sight: Sight) -> Cell:
    return (MARK, sight.look.accent) if run.id in sight.marked else _NOTHING


def _state(run: RunView, sight: Sight) -> Cell:
    word = run.state.value
    if run.state is RunState.QUEUED and run.queue_position is not None:
        word = f"{word} {run.queue_position + 1}"
    return f"{SYMBOLS[run.state]} {word}", sight.look.accent if run.lingers_until else sight.look.state(run.state)


def _age(run: RunView, sight: Sight) -> Cell:
    return formats.age(sight.now - formats.seconds(run.created_at)), sight.look.muted


def _prompt(run: RunView, _: Sight) -> Cell:
    return run.prompt_preview, None


def _start(run: RunView, sight: Sight) -> Cell:
    return run.start or "", sight.look.muted


def _first(run: RunView, _: Sight) -> Cell:
    return (formats.duration(run.first_output_ms / 1000), None) if run.first_output_ms is not None else _NOTHING


def _tokens(run: RunView, _: Sight) -> Cell:
    usage = run.token_usage
    if not usage.input_tokens and not usage.output_tokens:
        return _NOTHING
    return f"{formats.count(usage.input_tokens)}→{formats.count(usage.output_tokens)}", None


def _rate(run: RunView, sight: Sight) -> Cell:
    speed = formats.tokens_per_second(run, sight.now)
    if speed is None:
        return _NOTHING
    number, guessed = speed
    shown = f"{number:.1f}" if number < 9.95 else formats.count(round(number))
    return (f"~{shown}", sight.look.muted) if guessed else (shown, None)


def _time(run: RunView, sight: Sight) -> Cell:
    if run.duration_ms is not None:
        return formats.duration(run.duration_ms / 1000), None
    return formats.age(sight.now - formats.seconds(run.created_at)), sight.look.accent


def _who(run: RunView, sight: Sight) -> Cell:
    return f"{run.client} {run.key_label or ''}".strip(), sight.look.muted


def _memory(run: RunView, _: Sight) -> Cell:
    return (formats.size(run.resources.memory_bytes), None) if run.resources else _NOTHING


def _cpu(run: RunView, _: Sight) -> Cell:
    return (formats.percent(run.resources.cpu), None) if run.resources else _NOTHING


def _by_age(run: RunView) -> Rank:
    return formats.seconds(run.created_at) + (0 if run.state.ended else _LIVE_FIRST)


def run_columns(now: Callable[[], float]) -> Sequence[Column[RunView]]:
    """As they stand, from left to right. `now` is the server's time: live runs are sorted as of then."""

    def by_rate(run: RunView) -> Rank:
        speed = formats.tokens_per_second(run, now())
        return speed[0] if speed else None

    def by_time(run: RunView) -> Rank:
        ended = run.duration_ms
        return ended / 1000 if ended is not None else now() - formats.seconds(run.created_at)

    return (
        Column(title="", width=1, cell=_mark),
        Column(title="state", width=11, cell=_state, rank=lambda run: list(RunState).index(run.state)),
        Column(title="age", width=4, cell=_age, rank=_by_age, descending=True, right=True),
        Column(title="backend", width=7, cell=lambda run, _: (run.backend, None), rank=lambda run: run.backend),
        Column(title="model", width=14, cell=_model, rank=lambda run: run.model, priority=2),
        Column(title="prompt", width=28, cell=_prompt, rank=lambda run: run.prompt_preview.lower(), flexible=True),
        Column(title="start", width=5, cell=_start, rank=lambda run: run.start, priority=6),
        Column(title="first", width=5, cell=_first, rank=lambda run: run.first_output_ms, right=True, priority=4),
        Column(title="tokens", width=9, cell=_tokens, rank=_by_tokens, descending=True, right=True, priority=3),
        Column(title="tok/s", width=5, cell=_rate, rank=by_rate, descending=True, right=True, priority=1),
        Column(title="time", width=5, cell=_time, rank=by_time, descending=True, right=True),
        Column(title="mem", width=5, cell=_memory, rank=_by_memory, descending=True, right=True, priority=5),
        Column(title="cpu", width=5, cell=_cpu, rank=_by_cpu, descending=True, right=True, priority=7),
        Column(title="session", width=9, cell=_session, rank=lambda run: run.session_id, priority=8),
        Column(title="API", width=9, cell=_dialect, rank=lambda run: run.dialect, priority=10),
        Column(title="client, key", width=18, cell=_who, rank=_by_who, priority=9),
        Column(title="id", width=30, cell=_id, rank=lambda run: run.id, descending=True, priority=11),
    )


def _model(run: RunView, sight: Sight) -> Cell:
    return run.model or "", sight.look.muted


def _session(run: RunView, sight: Sight) -> Cell:
    return f"…{run.session_id[-8:]}" if run.session_id else "", sight.look.muted


def _dialect(run: RunView, sight: Sight) -> Cell:
    return run.dialect.value, sight.look.muted


def _id(run: RunView, sight: Sight) -> Cell:
    return run.id, sight.look.muted


def _by_tokens(run: RunView) -> Rank:
    return run.token_usage.input_tokens + run.token_usage.output_tokens or None


def _by_memory(run: RunView) -> Rank:
    return run.resources.memory_bytes if run.resources else None


def _by_cpu(run: RunView) -> Rank:
    return run.resources.cpu if run.resources else None


def _by_who(run: RunView) -> Rank:
    return f"{run.client} {run.key_label or ''}"
