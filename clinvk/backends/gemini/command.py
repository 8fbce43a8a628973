"""How gemini is started: arguments, environment, and the rules of its policy engine."""

import json
import re
from typing import Final, NamedTuple

from clinvk.backends.base import Command, Place, Residue, SettingsFiles, Site
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

RULES_FILE: Final = "approvals.toml"
SYSTEM_FILE: Final = "system.md"
OWN_CONVERSATION: Final = "clinvk-"
"""What the ids begin with of the empty conversations that gemini begins for itself at every start."""
STORE: Final = (Place("GEMINI_CLI_HOME", ".gemini/tmp"), Place("HOME", ".gemini/tmp"))
"""Where conversations are, in a folder for each project."""

_TOOL: Final = re.compile(r"([A-Za-z0-9_.-]+)(?:\(([^\"\\\x00-\x1f\x7f]+)\))?")
_SHELL: Final = "run_shell_command"
_OTHERS_TOOLS: Final = ("mcp_*", "discovered_tool_*")
_EDITS: Final = ("write_file", "replace")
# These ask nobody, whatever the rules say, or change what is asked later.
_SILENT: Final = ("get_internal_docs", "activate_skill", "invoke_agent", "enter_plan_mode", *_OTHERS_TOOLS)
_ESCAPES: Final = (_SHELL, "invoke_agent", "enter_plan_mode", *_OTHERS_TOOLS)

SETTINGS_FILES: Final = SettingsFiles(
    home=(Place("GEMINI_CLI_HOME", ".gemini"), Place("HOME", ".gemini")),
    own=(
        "settings.json", "oauth_creds.json", "google_accounts.json", "trustedFolders.json", "GEMINI.md", ".env",
        "extensions", "commands", "policies", "skills", "agents",
    ),
    project=(
        "GEMINI.md", ".env", ".gemini/settings.json", ".gemini/.env", ".gemini/extensions",
        ".gemini/commands", ".gemini/policies", ".gemini/skills", ".gemini/agents",
    ),
)  # fmt: skip


class Rule(NamedTuple):
    """A rule of the policy engine: of those that match a call the one of the highest priority decides."""

    tools: tuple[str, ...]
    decision: str
    priority: int
    condition: str = ""


_ALWAYS: Final = (
    Rule(("*",), "ask_user", 800),
    # Without a pattern, commands that gemini thinks safe are run unasked.
    Rule((_SHELL,), "ask_user", 850, "argsPattern = '.'"),
    Rule(_SILENT, "deny", 900),
)
_READ_ONLY: Final = (
    Rule((*_ESCAPES, *_EDITS), "deny", 900),
    Rule(("mcp_*",), "ask_user", 950, "toolAnnotations = { readOnlyHint = true }"),
)
_WORKSPACE: Final = (
    Rule(_ESCAPES, "deny", 900),
    Rule(_EDITS, "ask_user", 900),
    Rule(("mcp_*",), "ask_user", 950, "toolAnnotations = { readOnlyHint = true }"),
)
_SANDBOXES: Final = {SandboxMode.READ_ONLY: _READ_ONLY, SandboxMode.WORKSPACE: _WORKSPACE}


def command(spec: RunSpec, site: Site) -> Command:
    """The process that would run `spec`."""
    rules = rules_of(spec)
    files = {RULES_FILE: "\n".join(map(_toml, rules))} if rules else {}
    env = {"GEMINI_CLI_NO_RELAUNCH": "1", "NO_BROWSER": "true"}
    if spec.sandbox_mode is SandboxMode.FULL:
        env["GEMINI_SANDBOX"] = "false"
    if spec.system_prompt is not None and spec.replace_system_prompt:
        files[SYSTEM_FILE] = spec.system_prompt
        env["GEMINI_SYSTEM_MD"] = f"{site.folder}/{SYSTEM_FILE}"
    own = OWN_CONVERSATION + re.sub(r"[^A-Za-z0-9]", "-", site.folder.rpartition("/")[2])
    argv = (*site.installation.argv, "--acp", f"--session-id={own}", *_flags(spec, site, bool(rules)))
    leaves = (Residue(f"*/chats/session-*-{own[:8]}.jsonl", f'"sessionId":"{own}"', STORE),)
    return Command(argv, spec.workdir, env, files, leaves)


def _flags(spec: RunSpec, site: Site, ruled: bool) -> tuple[str, ...]:
    flags = []
    if spec.model is not None:
        flags.append(f"--model={spec.model}")
    if spec.approval_mode is not ApprovalMode.DEFAULT or spec.sandbox_mode in _SANDBOXES:
        # It asks; the user's own settings may have it edit unasked, or not at all.
        flags.append("--approval-mode=default")
    if ruled:
        flags.append(f"--admin-policy={site.folder}/{RULES_FILE}")
    return (*flags, *spec.extra)


def rules_of(spec: RunSpec) -> tuple[Rule, ...]:
    """What has to hold whatever the user's own settings and rules say."""
    allowed = tuple(_allowed(tool) for tool in spec.allowed_tools)
    if spec.approval_mode is ApprovalMode.ALWAYS:  # all is asked: what the sandbox forbids is refused then
        return (*allowed, *_ALWAYS)
    return (*allowed, *_SANDBOXES.get(spec.sandbox_mode, ()))


def is_tool(name: str) -> bool:
    """Whether `name` is a tool, or a tool with the beginning of a command: `run_shell_command(git log)`."""
    found = _TOOL.fullmatch(name)
    return found is not None and (found[2] is None or found[1] == _SHELL)


def _allowed(tool: str) -> Rule:
    found = _TOOL.fullmatch(tool)
    assert found is not None, "the faults of a spec are found before its command"
    prefix = f"commandPrefix = {_string(found[2])}" if found[2] else ""
    return Rule((found[1],), "allow", 100, prefix)


def _toml(rule: Rule) -> str:
    # A list is refused where there is a commandPrefix, even a list of one.
    named = _string(rule.tools[0]) if len(rule.tools) == 1 else f"[{', '.join(map(_string, rule.tools))}]"
    lines = [
        "[[rule]]",
        f"toolName = {named}",
        *([rule.condition] if rule.condition else []),
        f'decision = "{rule.decision}"',
        f"priority = {rule.priority}",
    ]
    return "\n".join(lines) + "\n"


def _string(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
