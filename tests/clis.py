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
    # Two attempts are what a user can set, and clinvk cannot: without them each failure takes minutes.
    "general": {"maxAttempts": 2, "disableAutoUpdate": True, "enableAutoUpdate": False, "disableUpdateNag": True},
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
