"""The kinds of exchanges that a plan is made of."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

from clients import PROMPT, Client, Left
from plan import Step
from told import Surprise, slug
from wire import Wire

T = TypeVar("T")
NDJSON: Final = "application/x-ndjson"
SSE: Final = "text/event-stream"
_SHORTEST: Final = 4.0
"""Seconds that whatever is to be cancelled takes by itself."""
LOOKS: Final = ("/health", "/api/v1/runs", "/api/v1/sessions?limit=3", "/api/v1/status", "/openai/v1/models",
                "/api/v1/backends", "/metrics", "/api/v1/requests", "/api/v1/runs?live=true")  # fmt: skip


async def work(client: Client, steps: list[Step], is_over: Callable[[], bool]) -> None:
    """Do these one after the other, until no server is there any more because that `is_over`."""
    async with client:
        for step in steps:
            await asyncio.sleep(step["pause"])
            if is_over() and client.exchange.end in {"refused", "cut"}:
                return
            async with client.step(step):
                await KINDS[step["kind"]](client, step)


def asked(step: Step, word: str | None = None, backend: str = "demo") -> dict[str, Any]:
    """The native request of a step."""
    told = {"backend": backend, "prompt": f"{word or step['word']} {step['nonce']}", "timeout_secs": step["secs"]}
    if step["word"].startswith(("/big", "/burst", "/steady")):
        told["prompt"] = word or step["word"]
    return told | ({"ephemeral": True} if step["ephemeral"] else {})


def accepted(step: Step) -> dict[str, str]:
    return {"Accept": SSE if step["sse"] else NDJSON}


async def both(*asking: Coroutine[Any, Any, T]) -> list[T]:
    """Wait for all of these, and raise what the first of them has raised."""
    done = await asyncio.gather(*asking, return_exceptions=True)
    answers = [one for one in done if not isinstance(one, BaseException)]
    for one in done:
        if isinstance(one, BaseException):
            raise one
    return answers


async def _whole(client: Client, step: Step) -> None:
    await client.prompt(asked(step))


async def _stream(client: Client, step: Step) -> None:
    await client.stream(PROMPT, asked(step) | {"output_format": "stream-json"}, step, **accepted(step))


async def _agent(client: Client, step: Step) -> None:
    endless = step["word"] in {"/hang", "/children", "/deaf"}
    body = asked(step, backend="gemini") | ({"timeout_secs": 0.5} if endless else {})
    if step["streamed"]:
        await client.stream(PROMPT, body | {"output_format": "stream-json"}, step)
    else:
        await client.prompt(body)


async def _detached(client: Client, step: Step) -> None:
    started = await client.ask("POST", PROMPT, asked(step) | {"detach": True})
    if started is None:
        return
    run = started.json()["id"]
    client.told.session(started.json().get("session_id"), run)
    match step["then"]:
        case "follow":
            await client.read("GET", f"/api/v1/runs/{run}/events", None, {"manner": "read"}, Accept=NDJSON)
        case "cancel":
            await client.ask("POST", f"/api/v1/runs/{run}/cancel")
        case "processes":
            await client.ask("GET", f"/api/v1/runs/{run}/processes")
            await client.ask("GET", f"/api/v1/runs/{run}")


async def _keyed(client: Client, step: Step) -> None:
    """The same request twice, one after the other or side by side: one run."""
    key = f"key-{step['nonce']}"
    body = asked(step)
    if step["form"] != "whole":
        body |= {"detach": True} if step["form"] == "detached" else {"output_format": "stream-json"}

    async def once() -> str | None:
        answer = await client.ask("POST", PROMPT, body, **{"Idempotency-Key": key})
        return answer.headers["X-Run-Id"] if answer is not None else None

    if step["beside"]:
        runs = set(await both(once(), once())) - {None}
    else:
        first = await once()
        _keep_key(client, key, body, first)
        runs = {first, await once()} - {None}
    if len(runs) > 1:
        raise Surprise(f"one key, and the runs {runs}")
    for run in runs:
        _keep_key(client, key, body, str(run))


def _keep_key(client: Client, key: str, body: Any, run: str | None) -> None:
    if run:
        client.told.keys[key] = (body, run, client.exchange.began)


async def _group(client: Client, step: Step, path: str, body: dict[str, Any]) -> None:
    if step["streamed"]:
        await client.stream(path, body | {"output_format": "stream-json"}, step, **accepted(step))
    else:
        await client.prompt(body, path)


async def _parallel(client: Client, step: Step) -> None:
    tasks = [_member(step, word) for word in step["words"]]
    await _group(client, step, "/api/v1/parallel", {"tasks": tasks, "fail_fast": step["fail_fast"]})


async def _chain(client: Client, step: Step) -> None:
    steps = [_member(step, word) for word in step["words"]]
    await _group(client, step, "/api/v1/chain", {"steps": steps, "stop_on_failure": step["fail_fast"]})


async def _compare(client: Client, step: Step) -> None:
    body = {"prompt": step["words"][0], "backends": ["demo", "gemini"], "timeout_secs": 0.5}
    await _group(client, step, "/api/v1/compare", body)


def _member(step: Step, word: str) -> dict[str, Any]:
    return {"backend": "demo", "prompt": word, "timeout_secs": min(step["secs"], 0.6)}


async def _dialect(client: Client, step: Step, path: str, body: dict[str, Any]) -> None:
    """An endless run has no clock here: the client leaves."""
    async with _leaving(step["secs"]):
        if step["streamed"]:
            await client.stream(path, body | {"stream": True}, step)
        else:
            await client.ask("POST", path, body)


@contextlib.asynccontextmanager
async def _leaving(seconds: float) -> AsyncIterator[None]:
    """The client leaves after so many seconds."""
    try:
        async with asyncio.timeout(seconds) as clock:
            yield
    except TimeoutError as error:
        if clock.expired():
            raise Left from error
        raise


async def _chat(client: Client, step: Step) -> None:
    messages = [{"role": "user", "content": step["word"]}]
    await _dialect(client, step, "/openai/v1/chat/completions", {"model": "demo", "messages": messages})


async def _messages(client: Client, step: Step) -> None:
    body = {"model": "demo", "max_tokens": 99, "messages": [{"role": "user", "content": step["word"]}]}
    await _dialect(client, step, "/anthropic/v1/messages", body)


async def _responses(client: Client, step: Step) -> None:
    await _dialect(client, step, "/openai/v1/responses", {"model": "demo", "input": step["word"]})


async def _cancel(client: Client, step: Step) -> None:
    body = asked(step) | {"detach": True, "timeout_secs": 20}
    started = await client.ask("POST", PROMPT, body)
    if started is None:
        return
    began = time.monotonic()
    client.told.session(started.json().get("session_id"), started.json()["id"])
    await asyncio.sleep(step["after"])
    path = f"/api/v1/runs/{started.json()['id']}/cancel"
    ended = await client.ask("POST", f"{path}?wait={step['wait']}" if step["wait"] else path)
    if time.monotonic() - began > _SHORTEST:
        return  # this machine stood still for so long that it may have ended by itself
    if ended is not None and step["wait"] and ended.status_code == 200 and ended.json()["state"] != "cancelled":
        client.exchange.failed = f"cancelled, and it is {ended.json()['state']}"


async def _session(client: Client, step: Step) -> None:
    body = asked(step) | {"ephemeral": False}
    first = await client.prompt(body)
    session = (first or {}).get("session_id")
    if not session:
        return
    for _ in range(step["turns"] - 1):
        turns = [client.prompt(body | {"session_id": session}) for _ in range(1 + step["beside"])]
        await both(*turns)
    if step["delete"]:
        client.told.deleting.add(session)
        if await client.ask("DELETE", f"/api/v1/sessions/{session}") is not None:
            client.told.deleted.add(session)


async def _replay(client: Client, step: Step) -> None:
    """The events of some run, from somewhere on."""
    known = sorted(client.told.runs)
    if not known:
        await _look(client, step)
        return
    run = client.told.runs[known[int(step["which"] * len(known))]]
    since = int(step["from"] * max(run.events, default=0))
    headers = {"Last-Event-ID": str(since), **accepted(step)} if since else accepted(step)
    # It may be endless, so that its reader does not wait for its end.
    async with _leaving(1.0):
        await client.read("GET", f"/api/v1/runs/{run.id}/events", None, step, **headers)


async def _watch(client: Client, step: Step) -> None:
    """The journal of all runs, for a while."""
    del step
    async with _leaving(0.4):
        await client.read("GET", "/api/v1/events", None, {"manner": "read", "has_end": False})


async def _look(client: Client, step: Step) -> None:
    del step
    for path in LOOKS:
        if await client.ask("GET", path) is None:
            return


async def _wrong(client: Client, step: Step) -> None:
    """Requests that must be refused, each with its own problem."""
    for method, path, body, expected in (
        ("POST", PROMPT, {"backend": "demo"}, "invalid-request"),
        ("POST", PROMPT, {"backend": "demo", "prompt": "x", "promt": 1}, "invalid-request"),
        ("GET", f"/api/v1/runs/run_{step['nonce']}", None, "not-found"),
        ("PUT", "/api/v1/runs", {}, "method-not-allowed"),
    ):
        if await client.ask(method, path, body) is not None:
            raise Surprise(f"{method} {path} is answered")
        if client.exchange.detail != expected:
            return  # another problem, which may be one that anybody is told just now
    client.exchange.end, client.exchange.detail = "answer", ""


async def _torn(client: Client, step: Step) -> None:
    """A request of which only a part comes, or whose sender does not wait."""
    wire = Wire(client.port, client.headers)
    try:
        await wire.open()
        request = wire.request("POST", PROMPT, asked(step))
        match step["how"]:
            case "head":
                await wire.say(request[:40])
            case "body":
                await wire.say(request[:-5])
            case "at once" | "answerless":
                await wire.say(request)
                await asyncio.sleep(0.02 if step["how"] == "answerless" else 0)
            case "garbage":
                await wire.say(b"\x16\x03\x01 nothing\r\n\r\n")
                await wire.hear()
                slug(wire.status, wire.head, await wire.whole())
        raise Left
    finally:
        wire.leave()


KINDS: Final[dict[str, Callable[[Client, Step], Awaitable[None]]]] = {
    "whole": _whole, "stream": _stream, "detached": _detached, "keyed": _keyed, "parallel": _parallel,
    "chain": _chain, "compare": _compare, "chat": _chat, "responses": _responses, "messages": _messages,
    "cancel": _cancel, "session": _session, "replay": _replay, "watch": _watch, "look": _look, "wrong": _wrong,
    "torn": _torn, "agent": _agent,
}  # fmt: skip
