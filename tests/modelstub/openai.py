"""OpenAI's Responses API, as codex speaks it."""

import json
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.modelstub.ask import REASONING_TOKENS, THOUGHT, Ask, Call, Conversation, texts, understand
from tests.modelstub.refusal import Refusal
from tests.modelstub.wire import Event, Request, Whole

Item = dict[str, Any]
Said = tuple[dict[str, Any], int | None]  # an event, and the number of the piece of the answer in it

_CODES: Final = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


def read(request: Request) -> Ask:
    body = request.json()
    conversation = Conversation()
    said = body.get("input") or []
    items = [{"role": "user", "content": said}] if isinstance(said, str) else said
    offered = _names(body.get("tools"))
    for item in items:
        offered += _names(item.get("tools"))  # codex sends some of them as an item
        _hear(conversation, item)
    wanted = (body.get("text") or {}).get("format") or {}
    return understand(
        conversation,
        len(request.body),
        model=body.get("model", ""),
        stream=bool(body.get("stream")),
        turns=len(items),
        offered=tuple(offered),
        schema=wanted.get("schema"),
    )


def _hear(conversation: Conversation, item: Item) -> None:
    kind = item.get("type", "message")
    if kind.endswith("_output"):
        output = item.get("output")
        conversation.result("\n".join(texts(output)) or json.dumps(output))
    elif kind == "message" and item.get("role") == "user":
        conversation.user(texts(item.get("content")))


def _names(tools: Any) -> list[str]:
    """The names of tools, and of those in a namespace of tools."""
    flat = [inner for tool in tools or [] for inner in tool.get("tools") or [tool]]
    return [tool.get("name") or tool.get("type", "") for tool in flat]


def whole(ask: Ask, number: int) -> Whole:
    return Whole(200, _response(ask, number, _items(ask, number)))


def events(ask: Ask, number: int) -> Iterator[Event]:
    for sequence, (data, piece) in enumerate(_stream(ask, number)):
        yield Event({**data, "sequence_number": sequence}, data["type"], piece)


def broken(ask: Ask, number: int) -> Event:
    """How a stream says that it fails."""
    error = {"code": "server_is_overloaded", "message": "stub overloaded"}
    response = {**_begun(ask, number), "status": "failed", "error": error}
    return Event({"type": "response.failed", "response": response}, "response.failed")


def refuse(refusal: Refusal) -> Whole:
    kind = "invalid_request_error" if refusal.status < 429 else "server_error"
    code = _CODES.get(refusal.status)
    error: dict[str, Any] = {"message": refusal.sentence, "type": kind, "code": code, "param": None}
    if refusal.resets_in is not None:
        reset = {
            "resets_in_seconds": int(refusal.resets_in),
            "resets_at": int(time.time() + refusal.resets_in),
        }
        error |= {"type": "usage_limit_reached", "code": None, "plan_type": "pro", **reset}
    return Whole(refusal.status, {"error": error}, refusal.headers())


def _stream(ask: Ask, number: int) -> Iterator[Said]:
    items = _items(ask, number)
    final = _response(ask, number, items)
    for kind in ("response.created", "response.in_progress"):
        yield {"type": kind, "response": _begun(ask, number)}, None
    for index, item in enumerate(items):
        for said, piece in _item(item, ask):
            yield {**said, "output_index": index}, piece
    yield {"type": f"response.{final['status']}", "response": final}, None


def _item(item: Item, ask: Ask) -> Iterator[Said]:
    """The events of one item of the output, from its beginning to its end."""
    empty: dict[str, Item] = {"message": {"status": "in_progress", "content": []}, "reasoning": {"summary": []}}
    begun = item | empty.get(item["type"], {"status": "in_progress"})
    yield {"type": "response.output_item.added", "item": begun}, None
    if item["type"] == "message":
        yield from _message(item, ask)
    elif item["type"] == "reasoning":
        place = {"item_id": item["id"], "summary_index": 0}
        empty_part = {"type": "summary_text", "text": ""}
        yield {"type": "response.reasoning_summary_part.added", **place, "part": empty_part}, None
        yield {"type": "response.reasoning_summary_text.delta", **place, "delta": THOUGHT}, None
        yield {"type": "response.reasoning_summary_text.done", **place, "text": THOUGHT}, None
    yield {"type": "response.output_item.done", "item": item}, None


def _message(item: Item, ask: Ask) -> Iterator[Said]:
    part = item["content"][0]
    place = {"item_id": item["id"], "content_index": 0}
    yield {"type": "response.content_part.added", **place, "part": {**part, "text": ""}}, None
    for piece, text in enumerate(_pieces(ask)):
        yield {"type": "response.output_text.delta", **place, "delta": text}, piece
    yield {"type": "response.output_text.done", **place, "text": part["text"]}, None
    yield {"type": "response.content_part.done", **place, "part": part}, None


def _items(ask: Ask, number: int) -> list[Item]:
    items: list[Item] = []
    if ask.directives.think:
        summary = [{"type": "summary_text", "text": THOUGHT}]
        items.append(
            {"type": "reasoning", "id": f"rs_{number}", "encrypted_content": "c3R1Yg==", "summary": summary}
        )
    match ask.answer():
        case Call(name=name, arguments=str() as script):
            call = {"type": "custom_tool_call", "id": f"ctc_{number}", "name": name, "input": script}
            return [*items, {**call, "call_id": f"call_{number}", "status": "completed"}]
        case Call(name=name, arguments=arguments):
            call = {"type": "function_call", "id": f"fc_{number}", "name": name}
            call |= {"call_id": f"call_{number}", "arguments": json.dumps(arguments)}
            return [*items, {**call, "status": "completed"}]
        case text:
            content = [{"type": "output_text", "text": text.whole, "annotations": []}]
            message = {"type": "message", "id": f"msg_{number}", "role": "assistant", "status": "completed"}
            return [*items, {**message, "content": content}]


def _pieces(ask: Ask) -> tuple[str, ...]:
    answer = ask.answer()
    return () if isinstance(answer, Call) else answer.pieces


def _begun(ask: Ask, number: int) -> dict[str, Any]:
    """The response before anything has come of it."""
    identity = {"id": f"resp_stub_{number:06d}", "object": "response", "created_at": int(time.time())}
    identity |= {"model": ask.model, "parallel_tool_calls": False, "error": None}
    return {**identity, "status": "in_progress", "output": [], "usage": None}


def _response(ask: Ask, number: int, items: list[Item]) -> dict[str, Any]:
    output_tokens = max(1, len(_pieces(ask))) + REASONING_TOKENS
    usage = {
        "input_tokens": ask.input_tokens,
        "input_tokens_details": {"cached_tokens": ask.cached_tokens},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": REASONING_TOKENS},
        "total_tokens": ask.input_tokens + output_tokens,
    }
    ended = {"status": "completed", "output": items, "usage": usage}
    if ask.cut_short:
        ended |= {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    return _begun(ask, number) | ended
