"""Whether a CLI is logged in: asked of itself or read from its files. Costs no token, and asks no provider."""

import json
import re
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final, NamedTuple

from clinvk.supervisor.errand import Outcome

Ask = Callable[[tuple[str, ...]], Awaitable[Outcome | None]]
"""Runs the CLI with those arguments; None where it could not be started."""

_LONGEST: Final = 1 << 20
_COMMENT: Final = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_CLAUDE_CURE: Final = "run 'claude' and /login, or set ANTHROPIC_API_KEY"
_CODEX_CURE: Final = "run 'codex login', or 'codex login --with-api-key' with a key on its stdin"
_BUILT_IN: Final = frozenset({"openai"})


class Standing(Enum):
    """What could be found out."""

    IN = auto()
    OUT = auto()
    UNKNOWN = auto()


class Login(NamedTuple):
    """`by` ends the sentence: by what it is logged in, why it is not, or why nobody can tell."""

    standing: Standing
    by: str
    cure: str = ""
    subscription: bool = False
    """Whether a subscription's login is stored, used or not."""


def files(backend: str, variables: Mapping[str, str]) -> list[Path]:
    """Where that CLI keeps what logs it in. They are for their owner alone."""
    home = Path(variables.get("HOME") or "/nonexistent")
    gemini = Path(variables.get("GEMINI_CLI_HOME") or home) / ".gemini"
    return {
        "claude": [Path(variables.get("CLAUDE_CONFIG_DIR") or home / ".claude") / ".credentials.json"],
        "codex": [Path(variables.get("CODEX_HOME") or home / ".codex") / "auth.json"],
        "gemini": [gemini / "oauth_creds.json", gemini / "gemini-credentials.json", gemini / ".env"],
    }[backend]


async def claude(ask: Ask, variables: Mapping[str, str]) -> Login:
    """By `claude auth status`, unless it was never started: it would begin a HOME for the question."""
    file = files("claude", variables)[0]
    stored = "claudeAiOauth" in _json(file)
    if not file.parent.exists() and not (Path(variables.get("HOME") or "/") / ".claude.json").exists():
        return _new_claude(variables)
    outcome = await ask(("auth", "status"))
    said = _object(outcome.text) if outcome else {}
    if "loggedIn" not in said:
        return Login(Standing.UNKNOWN, "'claude auth status' gave no answer", "run it yourself", stored)
    if not said["loggedIn"]:
        return Login(Standing.OUT, "'claude auth status' says so", _CLAUDE_CURE, stored)
    ways = {"api_key": "by an API key", "oauth_token": "by a token", "claude.ai": "by a subscription"}
    return Login(Standing.IN, ways.get(str(said.get("authMethod")), "by its own settings"), "", stored)


def _new_claude(variables: Mapping[str, str]) -> Login:
    if variables.get("ANTHROPIC_AUTH_TOKEN") or variables.get("CLAUDE_CODE_OAUTH_TOKEN"):
        return Login(Standing.IN, "by a token")
    if variables.get("ANTHROPIC_API_KEY"):
        return Login(Standing.IN, "by an API key")
    if any(name.startswith("CLAUDE_CODE_USE_") for name in variables):
        return Login(Standing.UNKNOWN, "the account of another cloud is used, which only that cloud knows")
    return Login(Standing.OUT, "it was never started by this user", _CLAUDE_CURE)


async def codex(ask: Ask, variables: Mapping[str, str]) -> Login:
    """By its configuration, which may name another provider, and `codex login status`."""
    file = files("codex", variables)[0]
    stored = bool(_json(file).get("tokens"))
    other = _codex_provider(file.with_name("config.toml"), variables)
    if other:
        return other
    if not file.parent.exists():  # it would begin a HOME for the question
        return Login(Standing.OUT, "it was never started by this user", _CODEX_CURE)
    outcome = await ask(("login", "status"))
    if outcome is None or outcome.exit is None:
        return Login(Standing.UNKNOWN, "'codex login status' gave no answer", "run it yourself", stored)
    if outcome.exit.clean:  # what it prints has a part of the key in it
        return Login(Standing.IN, "by a subscription" if stored else "by an API key", "", stored)
    if "Not logged in" in outcome.exit.stderr_tail + outcome.text:
        unused = next((name for name in ("OPENAI_API_KEY", "CODEX_API_KEY") if variables.get(name)), None)
        why = f"{unused} is set, and it does not take it from there" if unused else "'codex login status' says so"
        return Login(Standing.OUT, why, _CODEX_CURE)
    return Login(Standing.OUT, "'codex login status' fails", "run it yourself: it says why", stored)


async def gemini(_: Ask, variables: Mapping[str, str]) -> Login:
    """By its files and variables: it has no command that tells."""
    oauth, kept, env = files("gemini", variables)
    settings = _json(oauth.with_name("settings.json"))
    seen = {**_named_in(Path(variables.get("HOME", "/")) / ".env"), **_named_in(env), **variables}
    way = _at(settings, "security", "auth", "selectedType") or _gemini_way(seen)
    stored = oauth.is_file()
    if way == "oauth-personal":
        if stored or kept.is_file():
            return Login(Standing.IN, "by a Google account", "", True)
        return Login(Standing.OUT, "a Google account is chosen, and no login is stored", "run 'gemini' and log in")
    if way in {"gemini-api-key", "vertex-ai"}:
        return _gemini_key(way, seen, kept, stored)
    if way == "compute-default-credentials":
        return Login(Standing.UNKNOWN, "this machine's own account is used, which only Google knows")
    why = "no way to log in is chosen" if way is None else f"'{way}' is no way that it takes"
    return Login(Standing.OUT, why, "run 'gemini' and log in, or set GEMINI_API_KEY", stored)


CHECKS: Final[Mapping[str, Callable[[Ask, Mapping[str, str]], Awaitable[Login]]]] = {
    "claude": claude,
    "codex": codex,
    "gemini": gemini,
}


def _gemini_way(seen: Mapping[str, str]) -> str | None:
    """What it takes where its settings choose nothing: in its own order."""
    if seen.get("GOOGLE_GENAI_USE_GCA") == "true":
        return "oauth-personal"
    if seen.get("GOOGLE_GENAI_USE_VERTEXAI") == "true":
        return "vertex-ai"
    if seen.get("GOOGLE_GEMINI_BASE_URL"):
        return "gateway"
    if seen.get("GEMINI_API_KEY"):
        return "gemini-api-key"
    return "compute-default-credentials" if seen.get("GEMINI_CLI_USE_COMPUTE_ADC") == "true" else None


def _gemini_key(way: str, seen: Mapping[str, str], kept: Path, stored: bool) -> Login:
    if way == "gemini-api-key":
        if seen.get("GEMINI_API_KEY"):
            return Login(Standing.IN, "by an API key", "", stored)
        if kept.is_file():
            return Login(Standing.UNKNOWN, "an API key is chosen, and may be in its encrypted file", "", stored)
        return Login(Standing.OUT, "an API key is chosen, and GEMINI_API_KEY is not set", "set it", stored)
    if seen.get("GOOGLE_API_KEY") or (seen.get("GOOGLE_CLOUD_PROJECT") and seen.get("GOOGLE_CLOUD_LOCATION")):
        return Login(Standing.IN, "by Vertex AI", "", stored)
    cure = "set GOOGLE_API_KEY, or GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION"
    return Login(Standing.OUT, "Vertex AI is chosen, and its variables are not set", cure, stored)


def _codex_provider(file: Path, variables: Mapping[str, str]) -> Login | None:
    """What there is to say where its configuration names a provider that is not OpenAI's."""
    try:
        said = tomllib.loads(_text(file))
    except tomllib.TOMLDecodeError:
        return Login(
            Standing.UNKNOWN, "its config.toml cannot be read", "correct it: 'codex login status' says where"
        )
    name = said.get("model_provider")
    if (
        not isinstance(name, str)
        or name in _BUILT_IN
        or _at(said, "model_providers", name, "requires_openai_auth")
    ):
        return None
    key = _at(said, "model_providers", name, "env_key")
    if key is None:
        return Login(Standing.UNKNOWN, f"its provider '{name}' asks for no login of codex's")
    if variables.get(str(key)):
        return Login(Standing.IN, f"to its provider '{name}', by {key}")
    return Login(
        Standing.OUT, f"its provider '{name}' wants {key}, which it does not see", f"set {key}, and pass it on"
    )


def _named_in(file: Path) -> dict[str, str]:
    """The variables that a file of `NAME=value` sets. Values are looked at no further than for being there."""
    lines = (line.strip().removeprefix("export ").partition("=") for line in _text(file).splitlines())
    return {
        name.strip(): value.strip().strip("'\"") for name, equals, value in lines if equals and name[:1] != "#"
    }


def _at(whole: Any, *steps: str) -> Any:
    for step in steps:
        whole = whole.get(step) if isinstance(whole, dict) else None
    return whole


def _json(file: Path) -> dict[str, Any]:
    return _object(_COMMENT.sub(lambda found: found[1] or "", _text(file)))


def _object(text: str) -> dict[str, Any]:
    try:
        said = json.loads(text)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _text(file: Path) -> str:
    """What a file says; nothing where it is not there, no file, or not ours to read."""
    try:
        if not file.is_file():  # a pipe would keep us waiting
            return ""
        with file.open("rb") as opened:
            return opened.read(_LONGEST).decode(errors="replace")
    except OSError:
        return ""
