"""Anthropic's Messages API, as claude speaks it."""

import json
import time
from collections.abc import Iterator
from typing import Any, Final

from tests.modelstub.ask import THOUGHT, Ask, Call, Conversation, Text, texts, understand
from tests.modelstub.directives import parse
from tests.modelstub.refusal import Refusal
from tests.modelstub.wire import Event, Request, Whole

Block = dict[str, Any]

_BEFORE_A_TOOL: Final = "calling a tool"

_ERRORS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    529: "overloaded_error",
}


def read(request: Request) -> Ask:
    body = request.json()
    conversation = Conversation()
    messages = body.get("messages") or []
    for message in messages:
        if message.get("role") == "user":
            _hear(conversation, message.get("content"))
    offered = tuple(tool.get("name", "") for tool in body.get("tools") or [])
    wanted = (body.get("output_config") or {}).get("format") or body.get("output_format") or {}
    return understand(
        conversation,
        len(request.body),
        model=body.get("model", ""),
        stream=bool(body.get("stream")),
        turns=len(messages),
        offered=offered,
        schema=wanted.get("schema"),
    )


def _hear(conversation: Conversation, content: Any) -> None:
    blocks = content if isinstance(content, list) else [{"type": "text", "text": content}]
    results = [block for block in blocks if block.get("type") == "tool_result"]
    for block in results:
        conversation.result("\n".join(texts(block.get("content"))))
    said = [block.get("text") or "" for block in blocks if block.get("type") == "text"]
    noted = results and parse("".join(said))[0] == "".join(said).strip()
    conversation.user([] if noted else said)  # what stands beside a result is a note of the CLI's own


def whole(ask: Ask, number: int) -> Whole:
    blocks, stop, pieces = _content(ask, number)
    usage = _usage(ask, len(pieces))
    return Whole(200, {**_message(ask, number, usage), "content": blocks, "stop_reason": stop})


def events(ask: Ask, number: int) -> Iterator[Event]:
    for data, piece in _stream(ask, number):
        yield Event(data, data["type"], piece)


def _stream(ask: Ask, number: int) -> Iterator[tuple[Block, int | None]]:
    blocks, stop, pieces = _content(ask, number)
    yield {"type": "message_start", "message": _message(ask, number, _usage(ask, 1))}, None
    yield {"type": "ping"}, None
    for index, block in enumerate(blocks):
        opened, deltas = _deltas(block, pieces)
        yield {"type": "content_block_start", "index": index, "content_block": opened}, None
        for at, delta in enumerate(deltas):
            piece = at if block["type"] == "text" else None
            yield {"type": "content_block_delta", "index": index, "delta": delta}, piece
        yield {"type": "content_block_stop", "index": index}, None
    end = {"stop_reason": stop, "stop_sequence": None}
    yield {"type": "message_delta", "delta": end, "usage": _usage(ask, len(pieces))}, None
    yield {"type": "message_stop"}, None


def broken(ask: Ask, number: int) -> Event:
    """How a stream says that it fails."""
    return Event({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, "error")


def refuse(refusal: Refusal) -> Whole:
    kind = _ERRORS.get(refusal.status, "api_error")
    headers = refusal.headers()
    if refusal.resets_in is not None:
        reset = str(int(time.time() + refusal.resets_in))
        headers += (
            ("anthropic-ratelimit-unified-status", "rejected"),
            ("anthropic-ratelimit-unified-reset", reset),
        )
    error = {"type": kind, "message": refusal.sentence}
    return Whole(refusal.status, {"type": "error", "error": error, "request_id": "req_stub"}, headers)


def _content(ask: Ask, number: int) -> tuple[list[Block], str, tuple[str, ...]]:
    """The blocks of the answer, the reason of its end, and the pieces of its one text block."""
    blocks: list[Block] = []
    if ask.directives.think:
        blocks.append({"type": "thinking", "thinking": THOUGHT, "signature": "c3R1Yg=="})
    match ask.answer():
        case Call(name=name, arguments=arguments):
            said, stop = Text((_BEFORE_A_TOOL,)), "tool_use"
            used = [{"type": "tool_use", "id": f"toolu_stub_{number:06d}", "name": name, "input": arguments}]
        case Text() as said:
            stop, used = "max_tokens" if ask.cut_short else "end_turn", []
    return [*blocks, {"type": "text", "text": said.whole}, *used], stop, said.pieces


def _deltas(block: Block, pieces: tuple[str, ...]) -> tuple[Block, list[Block]]:
    """A block as it begins, and what is added to it."""
    match block["type"]:
        case "thinking":
            thought = {"type": "thinking_delta", "thinking": block["thinking"]}
            signature = {"type": "signature_delta", "signature": block["signature"]}
            return {"type": "thinking", "thinking": "", "signature": ""}, [thought, signature]
        case "tool_use":
            delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            return {**block, "input": {}}, [delta]
        case _:
            return {"type": "text", "text": ""}, [{"type": "text_delta", "text": piece} for piece in pieces]


def _message(ask: Ask, number: int, usage: dict[str, Any]) -> dict[str, Any]:
    identity = {"id": f"msg_stub_{number:06d}", "type": "message", "role": "assistant", "model": ask.model}
    return {**identity, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}


def _usage(ask: Ask, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": ask.input_tokens - ask.cached_tokens,
        "cache_creation_input_tokens": 11,
        "cache_read_input_tokens": ask.cached_tokens,
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }
