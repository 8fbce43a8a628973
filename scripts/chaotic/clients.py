"""The clients: each does its steps one after the other, and writes down what it was told."""

import asyncio
import contextlib
import ssl
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Final, Self

import httpx
from plan import Step
from told import Exchange, Stream, Surprise, Told, slug
from wire import PATIENCE, Cut, Wire

PROMPT = "/api/v1/prompt"
_KEPT_SECS: Final = 0.1
"""How long a connection may be silent and is used again. A server with no room for others closes
such after 0.25 s: a request that is on its way by then is lost to it."""


class Left(Exception):
    """The client has left, as it was to."""


class Client:
    """One client of a server. `told` is common to all of them."""

    def __init__(self, number: int, port: int, headers: dict[str, str], told: Told) -> None:
        self.number = number
        self.told = told
        self.port = port
        self.headers = headers
        self.exchange = Exchange(number, -1, "", "", 0.0)
        self._done = 0
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers=headers,
            timeout=PATIENCE,
            limits=httpx.Limits(keepalive_expiry=_KEPT_SECS),
            trust_env=False,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # not used; the usual one takes long to make
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    @contextlib.asynccontextmanager
    async def step(self, step: Step) -> AsyncIterator[Exchange]:
        """An exchange; whatever ends it is written down."""
        one = self.exchange = Exchange(
            self.number, self._done, step["kind"], step.get("word", ""), time.monotonic()
        )
        self._done += 1
        try:
            yield one
        except Left:
            one.end = "left"
        except (httpx.TimeoutException, TimeoutError) as error:
            one.end, one.detail = "late", repr(error)
        except (httpx.ConnectError, ConnectionRefusedError) as error:
            one.end, one.detail = "refused", repr(error)
        except (httpx.TransportError, Cut, OSError) as error:
            one.end, one.detail = "cut", repr(error)
        except (Surprise, ValueError, KeyError) as error:
            one.end, one.detail = "surprise", repr(error)
        one.ended = time.monotonic()
        self.told.exchanges.append(one)

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response | None:
        """One request that is answered whole; None where the answer is a problem."""
        self.exchange.began = time.monotonic()
        sent = {} if body is None else {"json": body}
        answer = await self._http.request(method, path, **sent, headers=headers)
        self.told.head(answer.headers)
        if isinstance(body, dict) and body.get("session_id") in self.told.sessions:
            # Whatever came of it: a turn that is not told in time is the session's, too.
            self.told.session(body.get("session_id"), answer.headers.get("x-run-id"))
        is_report = "problem" not in answer.headers.get("Content-Type", "")
        if answer.status_code == 503 and path == "/health" and is_report:
            self.exchange.end, self.exchange.detail = "problem", "unhealthy"
            return None
        if answer.status_code >= 400:
            self.exchange.end = "problem"
            self.exchange.detail = slug(answer.status_code, answer.headers, answer.content)
            return None
        self.exchange.end = "answer"
        return answer

    async def prompt(self, body: dict[str, Any], path: str = PROMPT, **headers: str) -> Any:
        """A whole answer of the native API, written down; None where it is a problem."""
        answer = await self.ask("POST", path, body, **headers)
        if answer is None:
            return None
        told = answer.json()
        self.exchange.failed = self.told.answer(told)
        return told

    async def stream(self, path: str, body: dict[str, Any], step: Step, **headers: str) -> None:
        """A stream, read in the manner of the step."""
        await self.read("POST", path, body, step, **headers)

    async def read(self, method: str, path: str, body: Any, step: Step, **headers: str) -> None:
        self.exchange.began = time.monotonic()
        manner = step.get("manner", "read")
        wire = Wire(self.port, self.headers)
        try:
            await wire.open(narrow=manner in {"slow", "stall"})
            await wire.say(wire.request(method, path, body, **headers))
            if manner == "halve":
                wire.end_of_asking()
            await self._hear(wire, step, manner)
        except Cut as error:
            if manner == "halve":  # nobody can tell one who says no more from one who has left
                raise Left from error
            raise
        finally:
            wire.leave()

    async def _hear(self, wire: Wire, step: Step, manner: str) -> None:
        if manner == "drop" and not step["pieces"]:
            raise Left
        await wire.hear()
        self.told.head(wire.head)
        if wire.status >= 400:
            self.exchange.end = "problem"
            self.exchange.detail = slug(wire.status, wire.head, await wire.whole())
            return
        if manner == "stall":
            await asyncio.sleep(step["pieces"] * 0.04)
        last = await self._hear_all(wire, step["pieces"] if manner == "drop" else None, slowly=manner == "slow")
        if not last.has_end and step.get("has_end", True):
            raise Surprise(f"the stream ends with {str(last.last)[:200]}")
        self.exchange.end = "stream"

    async def _hear_all(self, wire: Wire, most: int | None, *, slowly: bool) -> Stream:
        """All events to the end; the client leaves after so many pieces."""
        stream, count = Stream(), 0
        async for piece in wire.pieces():
            for event in stream.feed(piece):
                self._event(event)
            count += 1
            if count == most:
                raise Left
            if slowly and count < 12:
                await asyncio.sleep(0.03)
        return stream

    def _event(self, event: Any) -> None:
        if isinstance(event, dict):
            self.told.event(event)
            if event.get("type") == "run.finished" and event.get("error"):
                self.exchange.failed = event["error"]["message"]
