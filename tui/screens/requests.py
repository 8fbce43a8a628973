"""The requests screen: the HTTP log, requests under way included."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from clinvk.views import RequestView
from tui import formats
from tui.lists.filters import Field, Vocabulary
from tui.lists.listing import Rank
from tui.screens.listed import COPY_ID, FILTER, FILTER_OFF, FOLLOW, SORT, TURN, ListScreen
from tui.widgets.columns import Cell, Column, Sight

_LOOK_SECS: Final = 1.0
_NEWEST: Final = 1000
"""As many as a server remembers, or more."""
_LEFT: Final = 499
_OPEN: Final = 1e12
"""More than any time in seconds: what is under way comes before all that was answered."""


class RequestsScreen(ListScreen[RequestView]):
    """The newest first, those under way before them."""

    TITLE = "Requests"
    INTRODUCTION = "What came in by HTTP: what is under way first, then the newest."
    NOUN = ("request", "requests")
    HINT = "words  status:5xx,404,open  method:  path:  key:  run:  -not"
    SORTED_BY = "time"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "its run", tooltip="Open the run that the request began or asked for"),
        FILTER,
        FOLLOW,
        SORT,
        COPY_ID,
        FILTER_OFF,
        TURN,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, RequestView] = {}
        self._newest: str | None = None
        self._loaded = False

    def on_mount(self) -> None:
        super().on_mount()
        self.poll(_LOOK_SECS, self._read)

    def columns(self) -> Sequence[Column[RequestView]]:
        return _COLUMNS

    def vocabulary(self) -> Vocabulary[RequestView]:
        return _VOCABULARY

    def rows(self) -> Mapping[str, RequestView]:
        return self._known

    def newest(self) -> str | None:
        return self._newest

    def signs(self) -> list[tuple[str, str]]:
        return [
            ("● open", "under way: no answer yet, its time so far"),
            ("✓ 200", "answered"),
            ("→ 304", "answered: elsewhere, or as before"),
            ("! 404", "the client's fault"),
            ("⊘ 499", "the client left before the answer"),
            ("✗ 500", "our fault"),
        ]

    def why_empty(self) -> Sequence[Cell]:
        status = self.board.status
        if not self._loaded or status is None:
            return (("Reading the requests…", self.look.muted),)
        return (
            ("No requests yet. Try:", self.look.strong),
            ("", None),
            (f"curl {status.address}/health", self.look.accent),
        )

    def action_open(self) -> None:
        if self.current and self.current.run_id:
            self.open_run(self.current.run_id)
        elif self.current:
            self.tell("This request has no run")

    async def _read(self) -> None:
        found = await self.monitor.requests(_NEWEST)
        self._newest = found[0].id if found else None
        self._known = {new.id: new if (old := self._known.get(new.id)) != new else old for new in found}
        self._loaded = True
        self.changed()


def _text(row: RequestView) -> str:
    said = (row.id, row.method, row.path, row.client, row.key_label, row.run_id, str(row.status or "open"))
    return "\n".join(filter(None, said))


def _clock(row: RequestView, sight: Sight) -> Cell:
    """Local time: who reads it sits before this console."""
    return f"{datetime.fromisoformat(row.at).astimezone():%H:%M:%S}", sight.look.muted


def _status(row: RequestView, sight: Sight) -> Cell:
    look, status = sight.look, row.status
    if status is None:
        return "● open", look.accent
    if status == _LEFT:
        return f"⊘ {status}", look.warning
    symbol, style = {4: ("!", look.warning), 5: ("✗", look.bad), 3: ("→", look.muted)}.get(
        status // 100, ("✓", look.good)
    )
    return f"{symbol} {status}", style


def _statuses(row: RequestView) -> Sequence[str]:
    return ("open",) if row.status is None else (str(row.status), f"{row.status // 100}xx")


def _time(row: RequestView, sight: Sight) -> Cell:
    return formats.duration(row.duration_ms / 1000), sight.look.accent if row.status is None else None


def _by_time(row: RequestView) -> Rank:
    return formats.seconds(row.at) + (_OPEN if row.status is None else 0)


def _who(row: RequestView, sight: Sight) -> Cell:
    return _by_who(row), sight.look.muted


def _by_who(row: RequestView) -> str:
    return f"{row.client} {row.key_label or ''}".strip()


_VOCABULARY: Final[Vocabulary[RequestView]] = Vocabulary(
    _text,
    {
        "status": Field(_statuses),
        "method": Field(lambda row: (row.method,)),
        "path": Field(lambda row: (row.path,)),
        "key": Field(lambda row: (row.key_label or "",)),
        "run": Field(lambda row: (row.run_id or "",)),
    },
)
_COLUMNS: Final[Sequence[Column[RequestView]]] = (
    Column(title="time", width=8, cell=_clock, rank=_by_time, descending=True),
    Column(title="status", width=6, cell=_status, rank=lambda row: row.status),
    Column(title="method", width=7, cell=lambda row, _: (row.method, None), rank=lambda row: row.method),
    Column(title="path", width=24, cell=lambda row, _: (row.path, None), rank=lambda row: row.path, flexible=True),
    Column(title="took", width=5, cell=_time, rank=lambda row: row.duration_ms, descending=True, right=True),
    Column(title="client, key", width=20, cell=_who, rank=_by_who, priority=1),
    Column(
        title="run",
        width=30,
        cell=lambda row, sight: (row.run_id or "", sight.look.muted),
        rank=lambda row: row.run_id,
        descending=True,
        priority=2,
    ),
)
