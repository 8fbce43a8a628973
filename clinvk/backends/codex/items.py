"""What codex tells of the tools it uses, as the domain tells it."""

from types import MappingProxyType
from typing import Final

from clinvk.backends import json_lines
from clinvk.backends.json_lines import Malformed, Message
from clinvk.domain.events import ToolDone, ToolStarted

_NAMES: Final = MappingProxyType(
    {
        "commandExecution": "shell",
        "fileChange": "apply_patch",
        "mcpToolCall": "mcp",
        "dynamicToolCall": "dynamic",
        "collabAgentToolCall": "agents",
        "webSearch": "web_search",
        "imageView": "view_image",
        "imageGeneration": "image_generation",
        "sleep": "sleep",
    }
)
_INPUTS: Final = MappingProxyType(
    {
        "commandExecution": "command",
        "fileChange": "changes",
        "mcpToolCall": "arguments",
        "dynamicToolCall": "arguments",
        "collabAgentToolCall": "prompt",
        "webSearch": "query",
        "imageView": "path",
    }
)
_OUTPUTS: Final = ("aggregatedOutput", "error", "result", "contentItems")
_FAILED: Final = frozenset({"failed", "declined"})


def is_tool(item: Message) -> bool:
    """Whether `item` is the use of a tool: the others are messages, plans and thoughts."""
    return item.get("type") in _NAMES


def started(item: Message) -> ToolStarted:
    """Raises Malformed."""
    kind = json_lines.text(item, "type")
    name = _NAMES[kind]
    parts = [item.get("server"), item.get("namespace"), item.get("tool")]
    named = ".".join(part for part in parts if isinstance(part, str))
    given = json_lines.as_text(item.get(_INPUTS.get(kind, "")))
    return ToolStarted(json_lines.text(item, "id"), named or name, given)


def done(item: Message) -> ToolDone:
    """Raises Malformed."""
    code = item.get("exitCode")
    ok = item.get("status") not in _FAILED and code in (None, 0) and item.get("error") is None
    outputs = (json_lines.as_text(item.get(name)) for name in _OUTPUTS)
    return ToolDone(json_lines.text(item, "id"), ok, next((text for text in outputs if text is not None), None))


def paths(item: Message) -> tuple[str, ...]:
    """The files that a change touches, both names of a moved one. Raises Malformed."""
    changes = item.get("changes")
    if not isinstance(changes, list):
        raise Malformed("changes")
    found: list[str] = []
    for change in changes:
        if not isinstance(change, dict):
            raise Malformed("changes")
        found.append(json_lines.text(change, "path"))
        kind = change.get("kind")
        target = kind.get("move_path") if isinstance(kind, dict) else None
        found += [target] if isinstance(target, str) else []
    return tuple(found)
