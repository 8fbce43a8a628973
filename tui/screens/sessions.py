"""The sessions screen: what is remembered, newest use first."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from functools import partial
from typing import ClassVar, Final

from textual.binding import Binding, BindingType

from clinvk.domain.paging import SessionQuery
from clinvk.domain.session import SessionStatus
from clinvk.views import SessionView
from tui import formats
from tui.dialogs import Choice, Question
from tui.lists.filters import Field, Vocabulary
from tui.screens.listed import COPY_ID, FILTER, FILTER_OFF, SORT, TURN, ListScreen
from tui.widgets.cells import clean
from tui.widgets.columns import Cell, Column, Sight

KEPT_SESSIONS: Final = 10_000
"""Sessions that are listed; more are a matter for the API."""
_PAGE: Final = 200
_LOOK_SECS: Final = 2.0
_BREATH_SECS: Final = 0.02
"""Between two pages: they have time, and HTTP has not."""
_SYMBOLS: Final = {
    SessionStatus.ACTIVE: "●",
    SessionStatus.COMPLETED: "✓",
    SessionStatus.ERROR: "✗",
    SessionStatus.PAUSED: "◐",
}


class SessionsScreen(ListScreen[SessionView]):
    """Loaded page by page; the newest page is looked at again and again, since what is used is in it."""

    TITLE = "Sessions"
    INTRODUCTION = (
        "Every conversation that is kept, the one used last first. A prompt with its id goes on with it."
    )
    NOUN = ("session", "sessions")
    HINT = "words  status:active,completed,error  backend:  model:  dir:  -not"
    SORTED_BY = "used"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "its runs", tooltip="Show the runs of the session"),
        FILTER,
        Binding("d,delete", "delete", "delete", tooltip="Delete the session, after a question"),
        SORT,
        COPY_ID,
        Binding("u", "copy_curl", "copy curl", tooltip="Copy a curl command that goes on with the session"),
        FILTER_OFF,
        TURN,
    ]

    def __init__(self) -> None:
        super().__init__()
        self._known: dict[str, SessionView] = {}
        self._next: str | None = None
        self._loaded = False

    def on_mount(self) -> None:
        super().on_mount()
        self.poll(_LOOK_SECS, self._read)

    def columns(self) -> Sequence[Column[SessionView]]:
        return _COLUMNS

    def vocabulary(self) -> Vocabulary[SessionView]:
        return _VOCABULARY

    def rows(self) -> Mapping[str, SessionView]:
        return self._known

    def signs(self) -> list[tuple[str, str]]:
        meanings = (
            "its turn is under way",
            "its last turn completed",
            "its last turn failed or was stopped",
            "paused",
        )
        return list(zip(_SYMBOLS.values(), meanings, strict=True))

    def why_empty(self) -> Sequence[Cell]:
        if not self._loaded:
            return (("Reading the sessions…", self.look.muted),)
        return (
            ("No sessions yet.", self.look.strong),
            ("Every prompt begins one, unless it says ephemeral or the backend cannot resume.", self.look.muted),
        )

    def detail(self) -> Cell:
        return self.current.working_dir if self.current else "", self.look.muted

    def action_open(self) -> None:
        if self.current:
            self.show_runs(f"session:{self.current.id}")

    def action_copy_curl(self) -> None:
        session, status = self.current, self.board.status
        if session and status:
            body = json.dumps({"backend": session.backend, "session_id": session.id, "prompt": "And then?"})
            command = f"curl {status.address}/api/v1/prompt -H 'Content-Type: application/json' -d '{body}'"
            self.console.copy(command, "a curl command that goes on with the session")

    def action_delete(self) -> None:
        session = self.current
        if session:
            title = clean(session.title or session.id)
            question = f"{title}\n\nThe session, its {_turns(session)} and the CLI's own copy: none comes back."
            asked = Question("Delete the session", question, _DELETING)
            self.app.push_screen(asked, lambda sure: self.do(partial(self._delete, session)) if sure else None)

    async def _delete(self, session: SessionView) -> None:
        left = await self.monitor.delete_session(session.id)
        self._known = {key: known for key, known in self._known.items() if key != session.id}
        self.changed()
        self.beat()
        for sentence in left:
            self.tell(sentence)

    async def _read(self) -> None:
        """The page used last, then as many older ones as are not here yet."""
        page = await self.monitor.sessions(SessionQuery(limit=_PAGE))
        if not self._loaded or page.total < len(self._known):  # some were deleted elsewhere: which, is not told
            self._known, self._next = {}, page.next_cursor
        self._take(page.sessions)
        self._loaded = True
        while self._next and len(self._known) < min(page.total, KEPT_SESSIONS):
            older = await self.monitor.sessions(SessionQuery(limit=_PAGE, cursor=self._next))
            self._take(older.sessions)
            self._next = older.next_cursor
            await asyncio.sleep(_BREATH_SECS)

    def _take(self, sessions: Sequence[SessionView]) -> None:
        for session in sessions:
            if self._known.get(session.id) != session:
                self._known[session.id] = session
        self.changed()


def _text(session: SessionView) -> str:
    said = (session.id, session.title, session.initial_prompt, session.model, session.backend, session.working_dir)
    return "\n".join(filter(None, (*said, *session.tags)))


def _status(session: SessionView, sight: Sight) -> Cell:
    look = sight.look
    styles = {
        SessionStatus.ACTIVE: look.accent,
        SessionStatus.COMPLETED: look.good,
        SessionStatus.ERROR: look.bad,
        SessionStatus.PAUSED: look.warning,
    }
    return f"{_SYMBOLS[session.status]} {session.status}", styles[session.status]


def _ago(rfc3339: str, sight: Sight) -> Cell:
    return formats.age(sight.now - formats.seconds(rfc3339)), sight.look.muted


def _tokens(session: SessionView, _: Sight) -> Cell:
    usage = session.token_usage
    return f"{formats.count(usage.input_tokens)}→{formats.count(usage.output_tokens)}", None


def _title(session: SessionView, sight: Sight) -> Cell:
    title = session.title or session.initial_prompt
    return (title, None) if title else ("(what was said is not kept)", sight.look.muted)


def _by_tokens(session: SessionView) -> float:
    return session.token_usage.input_tokens + session.token_usage.output_tokens


_VOCABULARY: Final[Vocabulary[SessionView]] = Vocabulary(
    _text,
    {
        "status": Field(lambda session: (session.status,), tuple(SessionStatus)),
        "backend": Field(lambda session: (session.backend,)),
        "model": Field(lambda session: (session.model or "",)),
        "dir": Field(lambda session: (session.working_dir,)),
        "tag": Field(lambda session: session.tags),
    },
)
_COLUMNS: Final[Sequence[Column[SessionView]]] = (
    Column(title="status", width=11, cell=_status, rank=lambda row: row.status),
    Column(
        title="used",
        width=5,
        cell=lambda row, sight: _ago(row.last_used, sight),
        right=True,
        rank=lambda row: formats.seconds(row.last_used),
        descending=True,
    ),
    Column(title="backend", width=7, cell=lambda row, _: (row.backend, None), rank=lambda row: row.backend),
    Column(
        title="model",
        width=14,
        cell=lambda row, sight: (row.model or "", sight.look.muted),
        rank=lambda row: row.model,
        priority=3,
    ),
    Column(title="title", width=24, cell=_title, rank=lambda row: row.title, flexible=True),
    Column(
        title="turns",
        width=6,
        cell=lambda row, _: (str(row.turn_count), None),
        right=True,
        rank=lambda row: row.turn_count,
        descending=True,
    ),
    Column(title="tokens", width=9, cell=_tokens, right=True, rank=_by_tokens, descending=True, priority=1),
    Column(
        title="begun",
        width=6,
        cell=lambda row, sight: _ago(row.created_at, sight),
        right=True,
        rank=lambda row: formats.seconds(row.created_at),
        descending=True,
        priority=4,
    ),
    Column(
        title="folder",
        width=24,
        cell=lambda row, sight: (row.working_dir, sight.look.muted),
        rank=lambda row: row.working_dir,
        priority=2,
    ),
    Column(
        title="id",
        width=30,
        cell=lambda row, sight: (row.id, sight.look.muted),
        rank=lambda row: row.id,
        priority=5,
    ),
)
_DELETING: Final = (
    Choice("n", "Keep it", "nothing happens", value=False),
    Choice("y", "Delete it", "for good", value=True),
)


def _turns(session: SessionView) -> str:
    return "turn" if session.turn_count == 1 else f"{session.turn_count} turns"
