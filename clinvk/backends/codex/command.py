"""What codex is started with, and what a RunSpec comes to in its words."""

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from clinvk.backends.base import Command, SettingsFiles, Site, malformed_resume, refused_flags
from clinvk.backends.codex.stored import HOME
from clinvk.backends.json_lines import Message
from clinvk.domain.errors import Fault
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

# Without it codex waits for a network that does not answer for as long as it takes.
_BOUNDED: Final = "features.unbounded_connection_retries=false"

# What `turn/start` calls them.
_TURN_FLAGS: Final = MappingProxyType(
    {"--effort": "effort", "--service-tier": "serviceTier", "--summary": "summary"}
)
_DISABLE: Final = "--disable"
EXTRA_FLAGS: Final = (_DISABLE, *_TURN_FLAGS)
_WORD: Final = re.compile(r"[a-z][a-z0-9_-]*")
# Tools that a run may do without. Other features guard the user, such as the hooks.
_FEATURES: Final = frozenset(
    {
        "apps",
        "browser_use",
        "computer_use",
        "image_generation",
        "multi_agent",
        "plugins",
        "shell_tool",
        "view_image",
    }
)

# CODEX_* as a family would pass on that we run inside of codex, and inside of its sandbox.
ENVIRONMENT: Final = (
    "OPENAI_*",
    "AZURE_OPENAI_*",
    "CODEX_ACCESS_TOKEN",
    "CODEX_API_KEY",
    "CODEX_CA_CERTIFICATE",
    "CODEX_HOME",
    "CODEX_SQLITE_HOME",
)

SETTINGS_FILES: Final = SettingsFiles(
    home=HOME,
    own=("config.toml", "auth.json", "AGENTS.md", "AGENTS.override.md", "rules", "skills", "prompts", "agents"),
    project=("AGENTS.md", "AGENTS.override.md", ".codex/config.toml", ".codex/rules", ".agents/skills"),
)

_PROFILE: Final = "clinvk"
# A path that is not there, denied: codex can keep a command from it only inside the sandbox, and so no `allow`
# in a user's `.rules` lets a command out of it.
_NO_WAY_OUT: Final = MappingProxyType({"/dev/clinvk": "deny"})
_FILES: Final[Mapping[SandboxMode, Message]] = MappingProxyType(
    {
        SandboxMode.READ_ONLY: {":root": "read"},
        SandboxMode.WORKSPACE: {":root": "read", ":workspace_roots": {".": "write"}, ":tmpdir": "write"},
    }
)

_WRITABLE: Final = frozenset({SandboxMode.WORKSPACE, SandboxMode.FULL})
_POLICIES: Final = MappingProxyType(
    {ApprovalMode.AUTO: "on-request", ApprovalMode.NONE: "never", ApprovalMode.ALWAYS: "untrusted"}
)
# A user's `.rules` let commands run unasked under every policy, and a web search never asks: neither is offered.
_NOTHING_UNASKED: Final = MappingProxyType({"features.shell_tool": False, "web_search": "disabled"})


def faults(spec: RunSpec) -> list[Fault]:
    """What of `spec` codex cannot do, or may not be told."""
    found = refused_flags(spec.extra, EXTRA_FLAGS) + malformed_resume(spec.resume)
    if spec.allowed_tools:
        found.append(Fault("/allowed_tools", "codex allows no tool by its name", "an approval mode instead"))
    return found + [
        Fault(f"/extra/{index}", f"'{flag}' has a value that may not be passed on", _expected(flag))
        for index, flag in enumerate(spec.extra)
        if flag.partition("=")[0] in EXTRA_FLAGS and not _is_good(flag)
    ]


def _is_good(flag: str) -> bool:
    name, _, value = flag.partition("=")
    return value in _FEATURES if name == _DISABLE else bool(_WORD.fullmatch(value))


def _expected(flag: str) -> str:
    return (
        f"one of {', '.join(sorted(_FEATURES))}" if flag.startswith(_DISABLE) else "--flag=word, in small letters"
    )


def command(spec: RunSpec, site: Site) -> Command:
    """The process; all that belongs to one turn is said on stdin."""
    disabled = [f"features.{name}=false" for name in _values(spec, _DISABLE)]
    settings = [f"--config={setting}" for setting in (_BOUNDED, *disabled)]
    return Command((*site.installation.argv, "app-server", *settings), spec.workdir)


def key(spec: RunSpec) -> tuple[str, ...]:
    """What of `spec` the process was started with."""
    return (spec.workdir, *_values(spec, _DISABLE))


def thread(spec: RunSpec) -> tuple[str, Message]:
    """The request that opens the conversation of `spec`; what it leaves out, the user's config decides."""
    told = {
        "cwd": spec.workdir,
        "model": spec.model,
        "approvalPolicy": _policy(spec),
        "sandbox": "danger-full-access" if spec.sandbox_mode is SandboxMode.FULL else None,
        "config": _config(spec) or None,
        "baseInstructions": spec.system_prompt if spec.replace_system_prompt else None,
        "developerInstructions": None if spec.replace_system_prompt else spec.system_prompt,
    }
    params = {name: value for name, value in told.items() if value is not None}
    if spec.resume:
        return "thread/resume", params | {"threadId": spec.resume, "excludeTurns": True}
    return "thread/start", params | {"ephemeral": spec.ephemeral}


def fixed(spec: RunSpec) -> Message:
    """What of the conversation of `spec` was settled when it was opened."""
    _, params = thread(replace(spec, resume=None))
    return params


def turn(spec: RunSpec, conversation: str, unconfined: bool) -> Message:
    """The request for the turn. `unconfined`: codex said that this conversation has no sandbox."""
    params: Message = {"threadId": conversation, "input": [{"type": "text", "text": spec.prompt}]}
    for flag, name in _TURN_FLAGS.items():
        for value in _values(spec, flag):
            params[name] = value
    if unconfined and spec.approval_mode is ApprovalMode.AUTO:
        params["approvalPolicy"] = "untrusted"  # on-request asks nothing where there is no sandbox to leave
    return params


def _policy(spec: RunSpec) -> str | None:
    """When codex is to ask; None for what the user's config says."""
    policy = _POLICIES.get(spec.approval_mode)
    # Of a folder that is not trusted codex asks about everything, if nothing else is said.
    return "on-request" if policy is None and spec.sandbox_mode in _WRITABLE else policy


def _config(spec: RunSpec) -> dict[str, Any]:
    config: dict[str, Any] = {}
    if spec.sandbox_mode in _WRITABLE:
        # Else codex notes in the user's own config that the folder is trusted, and runs what its config names.
        config["projects"] = {spec.workdir: {"trust_level": "untrusted"}}
    files = _FILES.get(spec.sandbox_mode)
    if files:
        config["default_permissions"] = _PROFILE
        config["permissions"] = {_PROFILE: {"filesystem": {**files, **_NO_WAY_OUT}}}
    if spec.approval_mode is ApprovalMode.ALWAYS:
        config |= _NOTHING_UNASKED
    return config


def _values(spec: RunSpec, flag: str) -> list[str]:
    split = (extra.partition("=") for extra in spec.extra)
    return [value for name, _, value in split if name == flag]
