"""The real CLIs, set up to ask the model stub: what a user's HOME and environment would hold."""

import json
import os
from pathlib import Path

CLIS = Path(__file__).parents[1] / ".cache" / "clis"
"""Where `scripts/install-clis` puts them."""

NAMES = ("claude", "codex", "gemini")
KEY = "sk-test-dummy"
MODELS = {"claude": None, "codex": None, "gemini": "gemini-2.5-flash"}
NOWHERE = "http://127.0.0.1:9"
"""An address that refuses every connection."""

_PATH = os.pathsep.join([str(CLIS / "node_modules" / ".bin"), os.environ["PATH"]])

_CODEX = """\
model = "gpt-5.5"
model_provider = "stub"
check_for_update_on_startup = false
[model_providers.stub]
name = "stub"
base_url = "{url}/v1"
env_key = "CODEX_API_KEY"
wire_api = "responses"
[analytics]
enabled = false
[otel]
exporter = "none"
"""

_GEMINI = {
    "security": {"auth": {"selectedType": "gemini-api-key"}, "folderTrust": {"enabled": False}},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "general": {
        # What a user can set, and clinvk cannot. Without the first each failure takes minutes; without the second
        # a gemini that starts deletes, now and then, a conversation that another has just begun.
        "maxAttempts": 2,
        "sessionRetention": {"enabled": False},
        "enableAutoUpdate": False,
        "enableAutoUpdateNotification": False,
    },
}


def installed() -> bool:
    return (CLIS / "node_modules" / ".bin" / "gemini").exists()


def environment(home: Path, url: str, key: str | None = KEY) -> dict[str, str]:
    """Furnish `home` for all three, their providers at `url`; what to put into the environment beside it.

    Without a `key` nobody is logged in. Whatever the CLIs want of the world outside, a closed port answers.
    """
    codex, gemini = home / ".codex", home / ".gemini"
    codex.mkdir(parents=True, exist_ok=True)
    gemini.mkdir(parents=True, exist_ok=True)
    (codex / "config.toml").write_text(_CODEX.format(url=url))
    (gemini / "settings.json").write_text(json.dumps(_GEMINI))
    keys = {} if key is None else {"ANTHROPIC_API_KEY": key, "CODEX_API_KEY": key, "GEMINI_API_KEY": key}
    return keys | {
        "HOME": str(home),
        "PATH": _PATH,
        "LANG": "C.UTF-8",
        "HTTP_PROXY": NOWHERE,
        "HTTPS_PROXY": NOWHERE,
        "NO_PROXY": "127.0.0.1,localhost",
        "ANTHROPIC_BASE_URL": url,
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "GOOGLE_GEMINI_BASE_URL": url,
    }


def loosen(home: Path) -> dict[str, str]:
    """Let the user's own settings of all three allow whatever they can; what that needs in the environment."""
    claude = home / ".claude"
    claude.mkdir(exist_ok=True)
    allowed = ["Bash(*)", "Bash", "Read", "Write", "Edit", "Read(//**)", "Write(//**)", "Edit(//**)"]
    permissions = {"allow": allowed, "defaultMode": "bypassPermissions", "additionalDirectories": ["/"]}
    (claude / "settings.json").write_text(json.dumps({"permissions": permissions, "disableAllHooks": True}))

    codex = home / ".codex"
    top = 'approval_policy = "never"\nsandbox_mode = "danger-full-access"\n'
    tail = '[sandbox_workspace_write]\nwritable_roots = ["/"]\nnetwork_access = true\n'
    config = codex / "config.toml"
    config.write_text(top + config.read_text() + tail)
    (codex / "rules").mkdir()
    rules = (f'prefix_rule(pattern=["{word}"], decision="allow")\n' for word in ("touch", "echo", "cat", "bash"))
    (codex / "rules" / "default.rules").write_text("".join(rules))

    gemini = home / ".gemini"
    settings = json.loads((gemini / "settings.json").read_text())
    settings["general"]["defaultApprovalMode"] = "auto_edit"
    settings["tools"] = {"allowed": ["run_shell_command", "write_file", "replace"], "autoAccept": True}
    (gemini / "settings.json").write_text(json.dumps(settings))
    (gemini / "policies").mkdir()
    (gemini / "policies" / "all.toml").write_text('[[rule]]\ntoolName = "*"\ndecision = "allow"\npriority = 999\n')
    return {"IS_SANDBOX": "1"}  # without it claude does not let root bypass permissions
