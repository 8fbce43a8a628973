"""Streams of events in OpenAPI 3.1, which knows bodies only as a whole: as text, with what is in it."""

from collections.abc import Mapping
from typing import Any, Final

import orjson

from clinvk.api.dialects.speech import Speech
from clinvk.api.dialects.voice import Voice
from clinvk.api.openapi import components
from clinvk.api.routes import NDJSON, SSE, Route
from clinvk.api.streams import ndjson, sse
from clinvk.clock import rfc3339
from clinvk.domain.events import (
    Entry,
    Event,
    GroupFinished,
    Lifecycle,
    RunFinished,
    RunQueued,
    RunStarted,
    SessionBound,
    TextDelta,
    TextDone,
    TurnDone,
    UsageReported,
)
from clinvk.domain.group import GroupKind
from clinvk.domain.run import RunState, Start, StopReason
from clinvk.domain.usage import Usage
from clinvk.domain.wire import to_wire
from clinvk.schemas import Schemas

FORMS: Final[Mapping[str, str]] = {
    NDJSON: "Lines of JSON, one `Event` each. Blank lines keep the connection alive, and mean nothing.",
    SSE: "Server-sent events: `data` is one `Event` as a line of JSON, `event` its type, `id` its number in this "
    "stream. Lines that begin with a colon keep the connection alive, and mean nothing.",
}
_OF_A_DIALECT: Final = (
    "Server-sent events. Lines that begin with a colon keep the connection alive, and mean nothing."
)
PROMPT: Final = "/big 16"
"""What the demo backend is asked for in the examples: sixteen letters."""

_BEGAN: Final = 1_769_851_800.250  # 2026-01-31
_RUN_LABELS: Final = {"run_id": "run_01k9w3m4x5c8f2h6j0n4q8s2v6"}
_SESSION: Final = {"session_id": "ses_01k9w3m4x5c8f2h6j0n4q8s2v5"}
_GROUP: Final = {"group_id": "grp_01k9w3m4x5c8f2h6j0n4q8s2v4"}
_GROUPS: Final[Mapping[str, tuple[GroupKind, Mapping[str, int]]]] = {
    "/api/v1/parallel": (GroupKind.PARALLEL, {"task": 0}),
    "/api/v1/chain": (GroupKind.CHAIN, {"step": 1}),
    "/api/v1/compare": (GroupKind.COMPARE, {}),
}
"""By the path that starts one: what a group is, and the one run in it."""

_TEXT: Final = "the demo backend"
_USED: Final = Usage(input_tokens=2, output_tokens=3)
_RUN: Final[tuple[Event, ...]] = (
    RunQueued(0),
    RunStarted(4242, Start.COLD),
    SessionBound("demo-6f0c2a9d41b7e835"),
    TextDelta("block-1", _TEXT),
    TextDone("block-1", len(_TEXT), _TEXT),
    UsageReported(_USED),
    TurnDone(StopReason.END_TURN),
    RunFinished(RunState.COMPLETED, 0, 0.042, _USED),
)


def media(form: str, name: str, route: Route, schemas: Schemas) -> dict[str, Any]:
    """The answer of `route` in that form; what each item is stands where OpenAPI 3.2 has it."""
    entries = _entries(route.path)
    if route.voice:
        text = _told(entries, route.voice("01k9w3m4x5c8f2h6j0n4q8s2v6", int(_BEGAN)))
    else:
        numbered = [entry._replace(seq=number) for number, entry in enumerate(entries)]
        text = (sse if form == SSE else ndjson)(numbered)
    example = {"summary": f"The demo backend, asked for `{PROMPT}`", "value": text.decode()}
    return {
        "schema": {"type": "string", "description": _OF_A_DIALECT if route.voice else FORMS[form]},
        "x-oai-itemSchema": components.of(name, schemas),
        "examples": {"stream": example},
    }


def _told(entries: list[Entry], voice: Voice) -> bytes:
    speech = Speech()
    pieces = speech.hear(entries)
    return voice.open() + voice.say(pieces) + b"".join(voice.close(speech))


def _entries(path: str) -> list[Entry]:
    """What an operation tells of such a run, or of a group that has no other."""
    backend = {"backend": "demo"}
    if path not in _GROUPS:
        entries = [_entry(seq, event, _RUN_LABELS | _SESSION | backend) for seq, event in enumerate(_RUN)]
        of_all = path == "/api/v1/events"
        return [
            entry for entry, event in zip(entries, _RUN, strict=True) if not of_all or isinstance(event, Lifecycle)
        ]
    kind, place = _GROUPS[path]
    labels: dict[str, str | int] = {**_RUN_LABELS, **backend, **_GROUP, **place}
    end = GroupFinished(kind, 1, 1, 0, 0.042)
    return [*(_entry(seq, event, labels) for seq, event in enumerate(_RUN)), _entry(len(_RUN), end, _GROUP)]


def _entry(seq: int, event: Event, labels: Mapping[str, str | int]) -> Entry:
    head: dict[str, object] = {"type": event.type, "seq": seq, "at": rfc3339(_BEGAN + seq * 0.006)}
    return Entry(seq, event.type, orjson.dumps({**head, **labels, **to_wire(event)}) + b"\n")
