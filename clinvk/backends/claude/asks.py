"""A tool that claude wants to use, as an ask: what it would do, and to which files."""

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from clinvk.backends import json_lines
from clinvk.backends.json_lines import Message
from clinvk.domain.approvals import decide
from clinvk.domain.events import ApprovalAsked
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

# A tool on no list may do anything: one of an MCP server, say. It counts as a command.
_ACTIONS: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(["Read", "Glob", "Grep", "LS", "NotebookRead"], "read")
    | dict.fromkeys(["Write", "Edit", "MultiEdit", "NotebookEdit"], "edit")
    | dict.fromkeys(
        [
            *("WebFetch", "WebSearch", "ListMcpResourcesTool", "ReadMcpResourceTool", "ToolSearch"),
            *("Task", "Agent", "TaskOutput", "TaskStop", "TodoWrite", "TaskCreate", "TaskGet", "TaskUpdate"),
            *(
                "TaskList",
                "AskUserQuestion",
                "EnterPlanMode",
                "ExitPlanMode",
                "ReportFindings",
                "StructuredOutput",
            ),
        ],
        "other",
    )
)
_PATHS: Final = ("file_path", "notebook_path", "path")
_DETAILS: Final = ("command", "file_path", "notebook_path", "path", "url", "query", "pattern")


def must_vet(spec: RunSpec) -> bool:
    """Whether every tool use has to be put to us first, since the user's own rules could allow too much."""
    always = spec.approval_mode is ApprovalMode.ALWAYS
    return always or spec.sandbox_mode in {SandboxMode.READ_ONLY, SandboxMode.WORKSPACE}


def needs_leave(spec: RunSpec, ask: ApprovalAsked) -> bool:
    """Whether the modes of `spec` leave the ask to us: the rest is for claude's own rules to judge.

    So is an edit that is to stay in the workdir: where links lead cannot be seen from here.
    """
    confined = spec.sandbox_mode is SandboxMode.WORKSPACE and ask.action == "edit"
    if spec.approval_mode is ApprovalMode.ALWAYS or confined:
        return True
    return not decide(ApprovalMode.NONE, spec.sandbox_mode, ask, spec.workdir).allowed


def vetted(ask_id: str, request: Message) -> ApprovalAsked:
    """The ask in what claude gives a hook before a tool is used. Raises Malformed."""
    given = json_lines.text(request, "tool_name"), request.get("tool_input")
    return replace(_ask(ask_id, *given), vetting=True)


def asked(ask_id: str, request: Message) -> ApprovalAsked:
    """The ask in a permission prompt. Raises Malformed.

    `blocked_path` is where a symlink leads. Without it a failed safety check is about a file that configures
    claude or git, so that an edit of it is more than an edit: no path is named, and no mode but `none` allows it.
    """
    ask = _ask(ask_id, json_lines.text(request, "tool_name"), request.get("input"))
    blocked, unsafe = request.get("blocked_path"), request.get("decision_reason_type") == "safetyCheck"
    if ask.action != "edit" or not (unsafe or blocked):
        return ask
    paths = (blocked,) if isinstance(blocked, str) else ()
    return ApprovalAsked(ask_id, ask.tool, ask.action, paths, ask.detail)


def _ask(ask_id: str, tool: str, given: object) -> ApprovalAsked:
    values = given if isinstance(given, dict) else {}
    paths = tuple(_seen_from_anywhere(values[name]) for name in _PATHS if isinstance(values.get(name), str))
    detail = next((values[name] for name in _DETAILS if isinstance(values.get(name), str)), None)
    detail = json_lines.as_text(given) if detail is None else detail
    return ApprovalAsked(ask_id, tool, _ACTIONS.get(tool, "execute"), paths, detail)


def _seen_from_anywhere(path: str) -> str:
    """A path as claude reads it: trimmed, and `~` is a home, so never inside the workdir."""
    path = path.strip(" \t\n\r\v\f\ufeff\u00a0\u2028\u2029").strip()
    return f"/{path}" if path.startswith("~") else path
