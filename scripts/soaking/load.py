"""What clients do, good ones and bad: each scenario is one exchange, and knows what it should be answered."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self

import httpx

ANSWER = "/big 400"
ENDLESS = "/hang"
SLOW = "/steady 20 30"
CHAT = {"model": "demo", "max_tokens": 1000, "messages": [{"role": "user", "content": ANSWER}]}
OPENAI, MESSAGES = "/openai/v1/chat/completions", "/anthropic/v1/messages"
LOOKS = ("/health", "/api/v1/runs", "/api/v1/sessions", "/api/v1/status", "/openai/v1/models", "/docs", "/metrics")


class Surprise(Exception):
    """An answer that no client expects."""


class Load:
    """Clients of one server. `done` counts exchanges by their kind, `surprises` answers that should not be."""

    def __init__(self, port: int, key: str) -> None:
        self.done: Counter[str] = Counter()
        self.surprises: Counter[str] = Counter()
        self._http = httpx.AsyncClient(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {key}"},
            timeout=120,
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def warm_up(self) -> None:
        """Each exchange once."""
        for scenario in SCENARIOS:
            await self._once(scenario, random.Random(0))

    async def work(self, ending: float, number: int) -> None:
        """Do one after the other, in an order of this client's own, until the time `ending`."""
        chance = random.Random(number)
        while time.monotonic() < ending:
            await self._once(chance.choices(list(SCENARIOS), list(SCENARIOS.values()))[0], chance)

    async def _once(self, scenario: "Scenario", chance: random.Random) -> None:
        name = scenario.__name__.strip("_")
        try:
            await scenario(self, chance)
        except (Surprise, httpx.HTTPError) as error:
            self.surprises[f"{name}: {type(error).__name__} {error}"] += 1
        self.done[name] += 1

    async def ask(self, method: str, path: str, body: Any = None, *expected: int, **more: Any) -> httpx.Response:
        """One request, answered with one of the statuses `expected`, or with 200."""
        sent = {} if body is None else {"json": body}
        answer = await self._http.request(method, path, **sent, **more)
        expect(answer, expected or (200,))
        return answer

    async def stream(self, path: str, body: dict[str, Any], pieces: int | None = None) -> httpx.Headers:
        """Read a stream to its end, or leave it after so many pieces."""
        async with self._http.stream("POST", path, json=body) as answer:
            expect(answer, (200,))
            seen = 0
            async for _ in answer.aiter_bytes():
                seen += 1
                if pieces is not None and seen >= pieces:
                    break
            return answer.headers


Scenario = Callable[[Load, random.Random], Awaitable[None]]


def expect(answer: httpx.Response, statuses: tuple[int, ...]) -> None:
    """Raises Surprise where the status is none of these."""
    if answer.status_code not in statuses:
        raise Surprise(f"{answer.request.method} {answer.request.url.path}: {answer.status_code}")


async def _session(load: Load, _: random.Random) -> None:
    """Two turns of a session, and its end."""
    first = await load.ask("POST", "/api/v1/prompt", {"backend": "demo", "prompt": ANSWER})
    session = first.json()["session_id"]
    await load.ask("POST", "/api/v1/prompt", {"backend": "demo", "prompt": ANSWER, "session_id": session})
    await load.ask("GET", f"/api/v1/sessions/{session}")
    await load.ask("DELETE", f"/api/v1/sessions/{session}")


async def _native_stream(load: Load, _: random.Random) -> None:
    body = {"backend": "demo", "prompt": ANSWER, "ephemeral": True, "output_format": "stream-json"}
    headers = await load.stream("/api/v1/prompt", body)
    await load.ask("GET", f"/api/v1/runs/{headers['X-Run-Id']}/events", headers={"Accept": "application/x-ndjson"})


async def _openai(load: Load, _: random.Random) -> None:
    await load.ask("POST", OPENAI, CHAT)
    await load.stream(OPENAI, CHAT | {"stream": True})


async def _responses(load: Load, _: random.Random) -> None:
    await load.stream("/openai/v1/responses", {"model": "demo", "input": ANSWER, "stream": True})


async def _anthropic(load: Load, _: random.Random) -> None:
    await load.ask("POST", MESSAGES, CHAT)
    await load.stream(MESSAGES, CHAT | {"stream": True})


async def _groups(load: Load, _: random.Random) -> None:
    one = {"backend": "demo", "prompt": ANSWER}
    await load.ask("POST", "/api/v1/parallel", {"tasks": [one, one]})
    await load.ask("POST", "/api/v1/chain", {"steps": [one, {"backend": "demo", "prompt": "{{previous}}"}]})


async def _cancel(load: Load, _: random.Random) -> None:
    body = {"backend": "demo", "prompt": ENDLESS, "detach": True, "ephemeral": True}
    started = await load.ask("POST", "/api/v1/prompt", body, 202)
    await load.ask("POST", f"/api/v1/runs/{started.headers['X-Run-Id']}/cancel?wait=30")


async def _leave(load: Load, chance: random.Random) -> None:
    """A client that leaves in the middle of a stream, of any API."""
    streamed: list[tuple[str, dict[str, Any]]] = [
        ("/api/v1/prompt", {"backend": "demo", "prompt": SLOW, "output_format": "stream-json"}),
        (OPENAI, CHAT | {"stream": True, "messages": [{"role": "user", "content": SLOW}]}),
        (MESSAGES, CHAT | {"stream": True, "messages": [{"role": "user", "content": SLOW}]}),
    ]
    path, body = chance.choice(streamed)
    await load.stream(path, body, pieces=chance.randint(1, 4))


async def _give_up(load: Load, chance: random.Random) -> None:
    """A client that leaves before it has heard anything."""
    asked = load.ask("POST", "/api/v1/prompt", {"backend": "demo", "prompt": ENDLESS, "ephemeral": True})
    try:
        await asyncio.wait_for(asked, chance.uniform(0.01, 0.3))
    except TimeoutError:
        return
    raise Surprise("an endless run was answered")


async def _again(load: Load, chance: random.Random) -> None:
    headers = {"Idempotency-Key": f"key-{chance.getrandbits(64)}"}
    for _ in range(2):
        await load.ask("POST", "/api/v1/prompt", {"backend": "demo", "prompt": ANSWER}, headers=headers)


async def _bad(load: Load, chance: random.Random) -> None:
    await load.ask("POST", "/api/v1/prompt", {"backend": "demo"}, 400)
    await load.ask("POST", "/api/v1/prompt", None, 400, content=b"{", headers={"Content-Type": "application/json"})
    await load.ask("POST", "/api/v1/prompt", None, 415, content=b"{}", headers={"Content-Type": "text/plain"})
    await load.ask("GET", f"/nothing/{chance.getrandbits(64)}", None, 404)
    await load.ask("GET", f"/api/v1/runs/run_{chance.getrandbits(64)}", None, 404)
    await load.ask("PUT", "/api/v1/runs", {}, 405)
    await load.ask("GET", "/api/v1/runs", None, 401, headers={"Authorization": f"Bearer {chance.getrandbits(64)}"})
    await load.ask("GET", "/health", None, 403, headers={"Host": f"{chance.getrandbits(32)}.example"})


async def _look(load: Load, _: random.Random) -> None:
    for path in LOOKS:
        await load.ask("GET", path)


SCENARIOS: dict[Scenario, int] = {
    _session: 3,
    _native_stream: 3,
    _openai: 3,
    _responses: 2,
    _anthropic: 3,
    _groups: 2,
    _cancel: 3,
    _leave: 4,
    _give_up: 2,
    _again: 1,
    _bad: 2,
    _look: 2,
}
"""How often each comes, against the others."""
