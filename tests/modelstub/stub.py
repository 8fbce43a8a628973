"""The stub: which request is answered how, and what is remembered of it."""

import asyncio
import re
import time
from collections import Counter, defaultdict, deque
from typing import Any, Final, TypeVar

from tests.modelstub import anthropic, chat, gemini, openai
from tests.modelstub.answering import Dialect, Turn
from tests.modelstub.ask import Ask
from tests.modelstub.refusal import Refusal
from tests.modelstub.wire import Connection, HangUp, Request, Whole

KEPT: Final = 2000
PROMPT_CHARS: Final = 120

Entry = dict[str, Any]
Found = TypeVar("Found")


_DIALECTS: Final[dict[str, Dialect]] = {
    r"/v1/messages": anthropic,
    r"/v1/responses": openai,
    r"/v1/chat/completions": chat,
    r"/v1(?:beta|alpha)?/models/[^/:]+:(?:streamG|g)enerateContent": gemini,
}
_COUNTERS: Final = {
    r"/v1/messages/count_tokens": "input_tokens",
    r"/v1(?:beta|alpha)?/models/[^/:]+:countTokens": "totalTokens",
}
_MODELS: Final = {"object": "list", "data": [{"id": "stub-model", "object": "model"}], "models": []}
_NO_WEBSOCKET: Final = Whole(426, {"error": {"message": "the stub has no WebSocket"}}, (("upgrade", "none"),))


class Stub:
    """Answers every connection, and keeps the newest requests."""

    def __init__(self) -> None:
        self._entries: deque[tuple[Entry, bytes]] = deque(maxlen=KEPT)
        self._asked: Counter[str] = Counter()
        self._go: defaultdict[str, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(0))
        self._count = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, to its end."""
        connection = Connection(reader, writer)
        try:
            while True:
                await self._one(connection, await connection.request())
        except HangUp:
            connection.reset()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # the client has left
        finally:
            connection.close()

    async def _one(self, connection: Connection, request: Request) -> None:
        if request.path.startswith("/__stub/"):
            await connection.whole(self._control(request))
            return
        entry = self._note(request)
        dialect = _find(_DIALECTS, request.path)
        if dialect is None or request.method != "POST":
            answer = self._aside(request)
            entry["error"] = None if answer.status == 200 else str(answer.status)
            await connection.whole(answer)
            return
        try:
            ask = dialect.read(request)
        except (ValueError, TypeError, AttributeError, KeyError) as fault:
            entry["error"] = "unreadable"
            await connection.whole(dialect.refuse(Refusal(400, f"the stub cannot read this: {fault!r}")))
            return
        entry |= _summary(ask)
        refusal, error = self._trouble(ask, request.key)
        entry["error"] = str(refusal.status) if refusal else error or None
        if refusal:
            await connection.whole(dialect.refuse(refusal))
        else:
            await Turn(dialect, ask, entry["seq"], connection, self._go[str(entry["seq"])]).perform(error)
        self._go.pop(str(entry["seq"]), None)
        entry["done"] = time.monotonic()

    def _note(self, request: Request) -> Entry:
        self._count += 1
        agent = request.headers.get("user-agent", "")
        place = {"method": request.method, "path": request.target, "agent": agent, "bytes": len(request.body)}
        entry: Entry = {"seq": self._count, "t": time.monotonic(), **place}
        self._entries.append((entry, request.body))
        return entry

    def _aside(self, request: Request) -> Whole:
        """The answer to what asks no model."""
        counter = _find(_COUNTERS, request.path)
        match request.method:
            case "POST" if counter:
                return Whole(200, {counter: max(1, len(request.body) // 4)})
            case "GET" if request.path == "/v1/models":
                return Whole(200, _MODELS)
            case "GET" if request.path == "/v1/responses":
                return _NO_WEBSOCKET  # codex tries one first, and falls back at once after this
        return Whole(404, {"error": {"message": f"the stub has no {request.method} {request.path}"}})

    def _trouble(self, ask: Ask, key: str) -> tuple[Refusal | None, str]:
        """Why this ask is refused, if it is; else the error it meets another way, if any."""
        wanted = ask.directives
        if "bad" in key:
            return Refusal(401, "stub: invalid API key", bad_key=True), ""
        if "no-such" in ask.model:
            return Refusal(404, f"model: {ask.model}"), ""
        if not (wanted.error or wanted.usage_limit is not None) or self._spared(ask):
            return None, ""
        if wanted.usage_limit is not None:
            return Refusal(429, "stub: the usage limit has been reached", resets_in=wanted.usage_limit), ""
        if not wanted.error.isdigit():
            return None, wanted.error
        status = int(wanted.error)
        wait = wanted.retry_after if status == 429 else None
        return Refusal(status, f"stub error {status}", retry_after=wait), ""

    def _spared(self, ask: Ask) -> bool:
        """Whether this prompt has met its error as often as it was to."""
        self._asked[ask.prompt] += 1
        return ask.directives.times is not None and self._asked[ask.prompt] > ask.directives.times

    def _control(self, request: Request) -> Whole:
        number = request.path.rpartition("/")[2]
        match request.method, request.path:
            case "GET", "/__stub/log":
                since = int(request.query.get("since", "0"))
                return Whole(200, [entry for entry, _ in self._entries if entry["seq"] > since])
            case "POST", "/__stub/reset":
                self._entries.clear()
                self._asked.clear()
                return Whole(200, {"seq": self._count})
            case "POST", path if path == f"/__stub/go/{number}":
                self._go[number].release()
                return Whole(200, {})
            case "GET", path if path == f"/__stub/request/{number}":
                for entry, body in self._entries:
                    if str(entry["seq"]) == number:
                        return Whole(200, body)
        return Whole(404, {"error": {"message": f"the stub has no {request.method} {request.path}"}})


def _find(table: dict[str, Found], path: str) -> Found | None:
    return next((found for pattern, found in table.items() if re.fullmatch(pattern, path)), None)


def _summary(ask: Ask) -> Entry:
    return {
        "model": ask.model,
        "stream": ask.stream,
        "prompt": ask.prompt[:PROMPT_CHARS],
        "turns": ask.turns,
        "results": len(ask.conversation.results),
        "tools": len(ask.offered),
    }
