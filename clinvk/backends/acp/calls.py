"""Tool calls as ACP describes them: what they are called, what they take, give and touch."""

from typing import Final

from clinvk.backends import json_lines
from clinvk.backends.json_lines import Malformed, Message
from clinvk.domain.events import ApprovalAsked

_ACTIONS: Final = {
    "read": "read",
    "search": "read",
    "edit": "edit",
    "delete": "edit",
    "move": "edit",
    "execute": "execute",
}
ENDED: Final = {"completed": True, "failed": False}
"""The statuses of a call that is over, and whether it went well."""


def input_of(call: Message) -> str | None:
    """What the tool was given, as far as the agent tells: its arguments, or the title."""
    return json_lines.as_text(call.get("rawInput")) or json_lines.as_text(call.get("title"))


def output_of(call: Message) -> str | None:
    """What the tool gave: text, and what an edit made of a file."""
    parts = [part for item in items(call, "content") if (part := _part(item)) is not None]
    return "\n".join(parts) if parts else json_lines.as_text(call.get("rawOutput"))


def asked(ask_id: str, name: str, call: Message) -> ApprovalAsked:
    """The ask for leave to make this call. Raises Malformed."""
    kind = call.get("kind")
    action = _ACTIONS.get(kind, "other") if isinstance(kind, str) else "other"
    return ApprovalAsked(ask_id, name, action, paths_of(call), input_of(call))


def paths_of(call: Message) -> tuple[str, ...]:
    """The files that the call would touch, each once. Raises Malformed."""
    diffs = [item for item in items(call, "content") if item.get("type") == "diff"]
    named = [json_lines.text(item, "path") for item in [*items(call, "locations"), *diffs]]
    return tuple(dict.fromkeys(named))


def items(call: Message, name: str) -> list[Message]:
    """The list `name`, empty where it is absent. Raises Malformed."""
    items = call.get(name) or []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise Malformed(name)
    return items


def _part(item: Message) -> str | None:
    match item:
        case {"type": "content", "content": {"type": "text", "text": str(text)}}:
            return text
        case {"type": "diff", "path": str(path), "newText": str(text)}:
            return f"{path}:\n{text}"
        case _:
            return None
