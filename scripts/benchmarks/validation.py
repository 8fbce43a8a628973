"""Checks of values by schemas, against jsonschema; and what a schema costs when it is first used."""

from collections.abc import Iterator, Mapping
from typing import Any

import jsonschema
from measure import Measured, against

from clinvk.schemas import Checker, Schemas

OTHER = "jsonschema"
# As a chat will be: open, with a hundred messages.
CHAT: Mapping[str, Any] = {
    "type": "object",
    "properties": {
        "model": {"type": "string", "minLength": 1},
        "messages": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "role": {"type": "string", "enum": ["system", "user", "assistant"]},
                    "content": {"type": ["string", "null"]},
                },
                "required": ["role"],
            },
        },
    },
    "required": ["model", "messages"],
}


def chat(roles: int = 100) -> dict[str, Any]:
    """A hundred messages, so many of them with a role that there is."""
    message = "lorem ipsum dolor sit amet " * 20
    messages = [{"role": "user" if number < roles else "usr", "content": message} for number in range(100)]
    return {"model": "claude", "messages": messages}


def measurements() -> Iterator[Measured]:
    """Each with the verdict or the faults of both."""
    schemas = Schemas()
    request = schemas.whole("native/prompt-request")
    prompt = request["examples"][1]
    yield _compared("prompt, valid", request, prompt)
    yield _compared("prompt, three faults", request, {**prompt, "promt": "", "max_turns": 0, "sandbox_mode": 1})
    yield _compared("chat of 100 messages, valid", CHAT, chat())
    yield _compared("chat of 100 messages, the last one wrong", CHAT, chat(99))
    yield _compared("chat of 100 messages, all wrong", CHAT, chat(0))
    page = {"runs": schemas.documents["domain/run"]["examples"][:1] * 50, "total": 50, "limit": 50, "offset": 0}
    yield _compared("page of 50 runs, valid", schemas.whole("native/run-list"), page)
    yield against(
        "first use of a schema: compiled, one prompt",
        lambda: Checker(request).faults(prompt),
        OTHER,
        lambda: list(jsonschema.Draft202012Validator(request).iter_errors(prompt)),
    )
    yield against("every schema read and compiled", _everything, "only read", Schemas)


def _compared(what: str, schema: Mapping[str, Any], value: object) -> Measured:
    ours, theirs = Checker(schema), jsonschema.Draft202012Validator(schema)
    return against(what, lambda: ours.faults(value), OTHER, lambda: list(theirs.iter_errors(value)))


def _everything() -> None:
    schemas = Schemas()
    for name in schemas.documents:
        schemas.checker(name)
