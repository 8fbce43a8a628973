"""A user's program on the anthropic package: reads asks on stdin, a line each, and prints what its user sees.

An ask is {"do", "body", "options"}; the answer is one line of JSON too. Key and address are in the environment.
"""

import json
import sys
from functools import cache

import anthropic


@cache
def client_with(**options):
    """One that takes nothing for an answer but what its package describes; `with_options` would forget that."""
    return anthropic.Anthropic(_strict_response_validation=True, **options)


def whole(answer):
    return {
        "id": answer.id, "model": answer.model, "finish": answer.stop_reason,
        "text": "".join(block.text for block in answer.content if block.type == "text"),
        "usage": [answer.usage.input_tokens, answer.usage.output_tokens],
        "blocks": [block.type for block in answer.content],
        "request_id": getattr(answer, "_request_id", None),
    }  # fmt: skip


def stream(client, body, most=None):
    start, end, pieces, blocks = None, None, [], []
    with client.messages.create(stream=True, **body) as events:
        for event in events:
            start = event.message if event.type == "message_start" else start
            end = event if event.type == "message_delta" else end
            blocks += [event.content_block.type] if event.type == "content_block_start" else []
            pieces += [event.delta.text] if getattr(getattr(event, "delta", 0), "type", "") == "text_delta" else []
            if most is not None and len(pieces) >= most:
                break
        headers = dict(events.response.headers)
    return {
        "ids": 1, "pieces": pieces, "text": "".join(pieces), "headers": headers, "blocks": blocks,
        "model": start.model, "finish": end and end.delta.stop_reason,
        "usage": end and [end.usage.input_tokens, end.usage.output_tokens],
    }  # fmt: skip


def helper(client, body):
    with client.messages.stream(**body) as events:
        pieces = list(events.text_stream)
        return whole(events.get_final_message()) | {"pieces": pieces}


def raw(client, body):
    answer = client.messages.with_raw_response.create(**body)
    return whole(answer.parse()) | {"headers": dict(answer.headers)}


DO = {
    "messages.create": lambda client, body: whole(client.messages.create(**body)),
    "messages.raw": raw,
    "messages.stream": stream,
    "messages.helper": helper,
    "messages.leave": lambda client, body: stream(client, body, most=2),
    "count": lambda client, body: {"count": client.messages.count_tokens(**body).input_tokens},
    "models": lambda client, _: {"ids": [model.id for model in client.models.list(limit=2)]},
    "model": lambda client, body: {"id": client.models.retrieve(body["id"]).id},
    "elsewhere": lambda client, _: str(client.messages.batches.list()),
}


def seen(error):
    """An error, as far as its user can look into it."""
    body = getattr(error, "body", None)
    return {
        "class": type(error).__name__, "message": str(error), "status": getattr(error, "status_code", None),
        "type": body["error"]["type"] if isinstance(body, dict) else None,
        "request_id": getattr(error, "request_id", None),
    }  # fmt: skip


for line in sys.stdin:
    asked = json.loads(line)
    try:
        told = DO[asked["do"]](client_with(**asked["options"]), asked["body"])
    except Exception as error:  # noqa: BLE001  whatever a user would meet
        told = {"error": seen(error)}
    print(json.dumps(told), flush=True)
