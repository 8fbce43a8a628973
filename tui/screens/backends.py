"""The backends screen: which CLIs are there, what they can do, and how it goes with them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from clinvk.domain.run import RunState
from clinvk.views import BackendView, RunView
from tui import formats
from tui.lists.filters import Field, Vocabulary
from tui.screens.listed import FILTER, FILTER_OFF, SORT, TURN, ListScreen
from tui.widgets.columns import Cell, Column, Sight

_LOOK_SECS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Backend:
    """One backend, with what the listed runs tell of it."""

    view: BackendView
    failed: int
    last_failure: RunView | None

    @property
    def state(self) -> str:
        if not self.view.enabled:
            return "off"
        return "available" if self.view.available else "missing"


class BackendsScreen(ListScreen[Backend]):
    """Few rows, looked at again and again."""

    TITLE = "Backends"
    INTRODUCTION = "The CLIs that clinvk runs. Failed are those of the runs that are listed."
    NOUN = ("backend", "backends")
    HINT = "words  state:available,missing,off  can:images  -not"
    SORTED_BY = "name"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "its runs", tooltip="Show the runs of the backend"),
        FILTER,
        SORT,
        Binding("y", "copy_id", "copy path", tooltip="Copy the path of the CLI"),
        FILTER_OFF,
        TURN,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, Backend] = {}
        self._loaded = False

    def on_mount(self) -> None:
        super().on_mount()
        self.poll(_LOOK_SECS, self._read)

    def columns(self) -> Sequence[Column[Backend]]:
        return _COLUMNS

    def vocabulary(self) -> Vocabulary[Backend]:
        return _VOCABULARY

    def rows(self) -> Mapping[str, Backend]:
        return self._known

    def signs(self) -> list[tuple[str, str]]:
        return [
            ("✓ available", "its CLI is there"),
            ("✗ missing", "its CLI is not there"),
            ("⊘ off", "switched off"),
        ]

    def why_empty(self) -> Sequence[Cell]:
        if not self._loaded:
            return (("Looking for the backends…", self.look.muted),)
        return (("No backends: the configuration has none.", self.look.strong),)

    def detail(self) -> Cell:
        if self.current is None:
            return "", None
        trouble, view = _trouble(self.current, self.sight()), self.current.view
        return trouble if trouble[0] else (f"{view.path or ''}  {', '.join(view.models)}", self.look.muted)

    def action_open(self) -> None:
        if self.current:
            name = self.current.view.name
            alone = not any(name in other and name != other for other in self._known)
            self.show_runs(f"backend:{name}" if alone else f'backend:"{name}"')

    def action_copy_id(self) -> None:
        if self.current:
            path = self.current.view.path
            self.console.copy(path or self.current.view.name, "the path" if path else "the name")

    async def _read(self) -> None:
        views = await self.monitor.backends()
        failed: Counter[str] = Counter()
        last: dict[str, RunView] = {}
        for run in self.board.runs.values():
            if run.state is RunState.FAILED:
                failed[run.backend] += 1
                if run.backend not in last or run.id > last[run.backend].id:
                    last[run.backend] = run
        fresh = {view.name: Backend(view, failed[view.name], last.get(view.name)) for view in views}
        self._known = {name: row if (old := self._known.get(name)) != row else old for name, row in fresh.items()}
        self._loaded = True
        self.changed()


def _text(row: Backend) -> str:
    view = row.view
    error = row.last_failure.error if row.last_failure else None
    said = (view.name, view.version, view.path, view.reason, *view.models, error.message if error else None)
    return "\n".join(filter(None, said))


def _able(view: BackendView) -> list[str]:
    able = view.capabilities
    names = (
        ("stream", able.stream),
        ("resume", able.resume),
        ("system", able.system_prompt),
        ("images", able.images),
    )
    return [name for name, can in names if can]


def _state(row: Backend, sight: Sight) -> Cell:
    look = sight.look
    symbol, style = {"available": ("✓", look.good), "missing": ("✗", look.bad), "off": ("⊘", look.muted)}[
        row.state
    ]
    return f"{symbol} {row.state}", style


def _busy(row: Backend, sight: Sight) -> Cell:
    return f"{row.view.live}/{row.view.limit}", sight.look.accent if row.view.live else sight.look.muted


def _idle(row: Backend, sight: Sight) -> Cell:
    view = row.view
    if not view.idle:
        return ("0" if view.capabilities.warm else "off"), sight.look.muted
    return f"{view.idle}  {formats.size(view.idle_memory_bytes)}", None


def _failed(row: Backend, sight: Sight) -> Cell:
    return (f"✗ {row.failed}", sight.look.bad) if row.failed else ("0", sight.look.muted)


def _trouble(row: Backend, sight: Sight) -> Cell:
    """Why it is not there; else how its newest failed run ended."""
    if row.view.reason:
        return row.view.reason, sight.look.warning
    run = row.last_failure
    if run is None:
        return "", None
    said = run.error.message if run.error else "no reason is told"
    return (
        f"{formats.age(sight.now - formats.seconds(run.finished_at or run.created_at))} ago: {said}",
        sight.look.bad,
    )


def _muted(text: str | None, sight: Sight) -> Cell:
    return text or "", sight.look.muted


_VOCABULARY: Final[Vocabulary[Backend]] = Vocabulary(
    _text,
    {
        "state": Field(lambda row: (row.state,), ("available", "missing", "off")),
        "can": Field(lambda row: _able(row.view), ("stream", "resume", "system", "images")),
    },
)
_COLUMNS: Final[Sequence[Column[Backend]]] = (
    Column(title="name", width=8, cell=lambda row, _: (row.view.name, None), rank=lambda row: row.view.name),
    Column(title="state", width=11, cell=_state, rank=lambda row: row.state),
    Column(
        title="version",
        width=8,
        cell=lambda row, _: (row.view.version or "", None),
        rank=lambda row: row.view.version,
    ),
    Column(title="live", width=5, cell=_busy, rank=lambda row: row.view.live, descending=True, right=True),
    Column(
        title="idle", width=9, cell=_idle, rank=lambda row: row.view.idle, descending=True, right=True, priority=1
    ),
    Column(title="failed", width=6, cell=_failed, rank=lambda row: row.failed, descending=True, right=True),
    Column(title="trouble", width=24, cell=_trouble, flexible=True),
    Column(title="can", width=27, cell=lambda row, sight: _muted(" ".join(_able(row.view)), sight), priority=2),
    Column(
        title="models", width=30, cell=lambda row, sight: _muted(", ".join(row.view.models), sight), priority=4
    ),
    Column(title="path", width=24, cell=lambda row, sight: _muted(row.view.path, sight), priority=3),
)
