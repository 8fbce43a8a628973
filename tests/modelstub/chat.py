"""OpenAI's Chat Completions API. None of the three CLIs speaks it by default, but they can be told to."""

import json
import time
from collections.abc import Iterator
from typing import Any

from tests.modelstub import openai
from tests.modelstub.ask import Ask, Call, Conversation, texts, understand
from tests.modelstub.wire import Event, Request, Whole

refuse = openai.refuse


def read(request: Request) -> Ask:
    body = request.json()
    conversation = Conversation()
    messages = body.get("messages") or []
    for message in messages:
        if message.get("role") == "tool":
            conversation.result("\n".join(texts(message.get("content"))))
        elif message.get("role") == "user":
            conversation.user(texts(message.get("content")))
    offered = tuple(tool.get("function", {}).get("name", "") for tool in body.get("tools") or [])
    return understand(
        conversation,
        len(request.body),
        model=body.get("model", ""),
        stream=bool(body.get("stream")),
        turns=len(messages),
        offered=offered,
        schema=None,
    )


def whole(ask: Ask, number: int) -> Whole:
    message, stop, pieces = _content(ask, number)
    choice = {"index": 0, "message": message, "finish_reason": stop}
    usage = {"usage": _usage(ask, len(pieces))}
    return Whole(200, {**_base(ask, number), "object": "chat.completion", "choices": [choice], **usage})


def events(ask: Ask, number: int) -> Iterator[Event]:
    base = {**_base(ask, number), "object": "chat.completion.chunk"}
    message, stop, pieces = _content(ask, number)

    def chunk(delta: dict[str, Any], finish: str | None = None, piece: int | None = None) -> Event:
        return Event({**base, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}, piece=piece)

    yield chunk({"role": "assistant", "content": ""})
    if "tool_calls" in message:
        yield chunk({"tool_calls": message["tool_calls"]})
    for piece, text in enumerate(pieces):
        yield chunk({"content": text}, piece=piece)
    yield chunk({}, stop)
    yield Event({**base, "choices": [], "usage": _usage(ask, len(pieces))})
    yield Event("[DONE]")


def broken(ask: Ask, number: int) -> Event:
    """How a stream says that it fails."""
    return Event({"error": {"message": "stub overloaded", "code": "server_error"}})


def _content(ask: Ask, number: int) -> tuple[dict[str, Any], str, tuple[str, ...]]:
    """The message, the reason of its end, and the pieces of its text."""
    match ask.answer():
        case Call(name=name, arguments=arguments):
            function = {"name": name, "arguments": json.dumps(arguments)}
            call = {"index": 0, "id": f"call_{number}", "type": "function", "function": function}
            return {"role": "assistant", "content": None, "tool_calls": [call]}, "tool_calls", ()
        case text:
            message = {"role": "assistant", "content": text.whole}
            return message, "length" if ask.cut_short else "stop", text.pieces


def _base(ask: Ask, number: int) -> dict[str, Any]:
    return {"id": f"chatcmpl-stub{number}", "created": int(time.time()), "model": ask.model}


def _usage(ask: Ask, output_tokens: int) -> dict[str, Any]:
    return {
        "prompt_tokens": ask.input_tokens,
        "completion_tokens": output_tokens,
        "total_tokens": ask.input_tokens + output_tokens,
        "prompt_tokens_details": {"cached_tokens": ask.cached_tokens},
    }
