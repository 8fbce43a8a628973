"""A user's program on the openai package: reads asks on stdin, a line each, and prints what its user sees.

An ask is {"do", "body", "options"}; the answer is one line of JSON too. Key and address are in the environment.
"""

import json
import sys
from functools import cache

import openai


@cache
def client_with(**options):
    """One that takes nothing for an answer but what its package describes; `with_options` would forget that."""
    return openai.OpenAI(_strict_response_validation=True, **options)


def usage_of(usage):
    if usage is None:
        return None
    told = usage.model_dump()
    return [
        told.get("prompt_tokens", told.get("input_tokens")),
        told.get("completion_tokens", told.get("output_tokens")),
    ]


def whole_chat(answer):
    choice = answer.choices[0]
    return {
        "id": answer.id, "model": answer.model, "text": choice.message.content, "finish": choice.finish_reason,
        "usage": usage_of(answer.usage), "request_id": answer._request_id, "blocks": ["text"],
    }  # fmt: skip


def whole_response(answer):
    return {
        "id": answer.id, "model": answer.model, "text": answer.output_text, "finish": answer.status,
        "usage": usage_of(answer.usage), "request_id": answer._request_id,
        "blocks": [item.type for item in answer.output],
    }  # fmt: skip


def chat_stream(client, body, most=None):
    ids, pieces, finish, usage, bare = set(), [], None, None, 0
    with client.chat.completions.create(stream=True, **body) as stream:
        for chunk in stream:
            ids.add((chunk.id, chunk.model, chunk.created))
            usage = usage_of(chunk.usage) or usage
            bare += not chunk.choices
            for choice in chunk.choices:
                pieces += [choice.delta.content] if choice.delta.content else []
                finish = choice.finish_reason or finish
            if most is not None and len(pieces) >= most:
                break
        return streamed(stream.response, ids, pieces) | {"finish": finish, "usage": usage, "bare": bare}


def streamed(response, ids, pieces):
    return {"ids": len(ids), "pieces": pieces, "text": "".join(pieces), "headers": dict(response.headers)}


def chat_helper(client, body):
    helper = getattr(client.chat.completions, "stream", None) or client.beta.chat.completions.stream
    with helper(**body) as stream:
        pieces = [event.delta for event in stream if event.type == "content.delta"]
        answer = stream.get_final_completion()
    choice = answer.choices[0]
    return {"pieces": pieces, "text": choice.message.content, "finish": choice.finish_reason}


def response_stream(client, body, most=None):
    ids, pieces, kinds, last, numbers = set(), [], [], None, []
    with client.responses.create(stream=True, **body) as stream:
        for event in stream:
            kinds.append(event.type)
            numbers.append(event.sequence_number)
            last = getattr(event, "response", None) or last
            if last is not None:
                ids.add((last.id, last.model, last.created_at))
            pieces += [event.delta] if event.type == "response.output_text.delta" else []
            if most is not None and len(pieces) >= most:
                break
        told = streamed(stream.response, ids, pieces)
    failure = last.error and {"code": last.error.code, "message": last.error.message}
    return told | {
        "finish": last.status, "usage": usage_of(last.usage), "last": kinds[-1], "failure": failure,
        "counts": numbers == list(range(len(numbers))),
    }  # fmt: skip


def response_helper(client, body):
    with client.responses.stream(**body) as stream:
        pieces = [event.delta for event in stream if event.type == "response.output_text.delta"]
        answer = stream.get_final_response()
    return {"pieces": pieces, "text": answer.output_text, "finish": answer.status}


def raw(create, tell):
    def call(client, body):
        answer = create(client)(**body)
        return tell(answer.parse()) | {"headers": dict(answer.headers)}

    return call


DO = {
    "chat.create": lambda client, body: whole_chat(client.chat.completions.create(**body)),
    "chat.raw": raw(lambda client: client.chat.completions.with_raw_response.create, whole_chat),
    "chat.stream": chat_stream,
    "chat.helper": chat_helper,
    "chat.leave": lambda client, body: chat_stream(client, body, most=2),
    "responses.create": lambda client, body: whole_response(client.responses.create(**body)),
    "responses.raw": raw(lambda client: client.responses.with_raw_response.create, whole_response),
    "responses.stream": response_stream,
    "responses.helper": response_helper,
    "responses.leave": lambda client, body: response_stream(client, body, most=2),
    "models": lambda client, _: {"ids": [model.id for model in client.models.list()]},
    "model": lambda client, body: {"id": client.models.retrieve(body["id"]).id},
    "elsewhere": lambda client, body: str(client.embeddings.create(model="demo", input="hello")),
}


def seen(error):
    """An error, as far as its user can look into it."""
    return {
        "class": type(error).__name__, "message": str(error), "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None), "type": getattr(error, "type", None),
        "param": getattr(error, "param", None), "request_id": getattr(error, "request_id", None),
    }  # fmt: skip


for line in sys.stdin:
    asked = json.loads(line)
    try:
        told = DO[asked["do"]](client_with(**asked["options"]), asked["body"])
    except Exception as error:  # noqa: BLE001  whatever a user would meet
        told = {"error": seen(error)}
    print(json.dumps(told), flush=True)
