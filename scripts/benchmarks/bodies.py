"""Bodies from bytes to a checked value, or to faults, against orjson alone: what strictness costs."""

import json
from collections.abc import Iterator

import orjson
from measure import Measured, against
from validation import CHAT, chat

from clinvk.api.body import Body
from clinvk.domain.errors import InvalidInput
from clinvk.schemas import Checker, Schemas

PROMPT = {"backend": "demo", "prompt": "hello"}
MEGABYTE = 1 << 20


def measurements() -> Iterator[Measured]:
    """Good ones, then such as somebody might send to see what happens."""
    prompt = Schemas().checker("native/prompt-request")
    yield _read("prompt", prompt, json.dumps(PROMPT).encode())
    yield _read("chat of 100 messages", Checker(CHAT), json.dumps(chat()).encode())
    yield _read("prompt of 10 MB", prompt, json.dumps(PROMPT | {"prompt": "line\n" * 2 * MEGABYTE}).encode())
    yield _read("prompt with 100,000 unknown fields", prompt, _with({f"field {n}": n for n in range(100_000)}))
    yield _read("prompt with 500,000 wrong items", prompt, _with({"extra": list(range(500_000))}))
    yield _read(
        "prompt with 300,000 wrong entries", prompt, _with({"metadata": {str(n): n for n in range(300_000)}})
    )
    yield _read(
        "prompt with a field 100,000 times", prompt, b"{" + b'"prompt":"x",' * 100_000 + b'"backend":"demo"}'
    )
    yield _read("prompt with 2,500,000 flags", prompt, _with({"extra": ["x"] * 2_500_000}))
    yield _read("prompt with 90,000 flags", prompt, _with({"extra": ["x"] * 90_000}))
    yield _read("prompt with 600,000 names", prompt, _with({"metadata": {f"n{n}": "v" for n in range(600_000)}}))
    yield _read("prompt with 90,000 names", prompt, _with({"metadata": {f"n{n}": "v" for n in range(90_000)}}))
    yield _read("prompt of 10 MB of braces", prompt, _with({"prompt": '{"a":[1,2]},' * 600_000}))
    yield _read("3,400,000 empty lists", prompt, b"[" + b"[]," * 3_400_000 + b"[]]")
    yield _read("500,000 objects in a list", prompt, b"[" + b'{"a":1},' * 500_000 + b"{}]")


def _with(fields: dict[str, object]) -> bytes:
    return json.dumps(PROMPT | fields).encode()


def _read(what: str, checker: Checker, data: bytes) -> Measured:
    def ours() -> None:
        body = Body(len(data))
        body.add(data)
        try:
            body.value(checker)
        except InvalidInput:
            return

    return against(f"{what} ({len(data):,} bytes)", ours, "orjson alone", lambda: orjson.loads(data))
