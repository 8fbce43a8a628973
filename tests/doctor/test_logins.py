"""Whether a CLI is logged in: by its own word or by its files, and what that costs whom."""

import json
import os

import pytest

from clinvk.doctor import clis
from tests.doctor.conftest import OUT, Findings

SUBSCRIPTION = json.dumps({"claudeAiOauth": {"accessToken": "31337"}})
CHATGPT = json.dumps({"auth_mode": "chatgpt", "tokens": {"access_token": "31337"}})


def says(way):
    return f"""echo '{{"loggedIn": true, "authMethod": "{way}"}}'"""


@pytest.fixture
def login(machine):
    async def of(name):
        found = Findings(await clis.findings(machine.case()))
        assert "31337" not in str(found)
        return found.one("cli-login", name), found

    return of


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("claude.ai", "claude is logged in by a subscription"),
        ("api_key", "claude is logged in by an API key"),
        ("oauth_token", "claude is logged in by a token"),
    ],
)
async def test_claude_tells_itself_how_it_is_logged_in(machine, login, way, told):
    machine.file(".claude/.credentials.json", SUBSCRIPTION)
    machine.cli("claude", login=says(way))
    finding, _ = await login("claude")
    assert (finding.level, finding.message) == ("ok", told)
    assert "claude auth status" in machine.questions


async def test_claude_that_was_never_started_is_not_asked_for_it_would_begin_a_home(machine, login):
    machine.cli("claude")
    finding, _ = await login("claude")
    assert (finding.level, finding.cure) == ("warning", "run 'claude' and /login, or set ANTHROPIC_API_KEY")
    assert machine.questions == ["claude --version"]
    machine.set(ANTHROPIC_API_KEY="sk-dummy")
    finding, _ = await login("claude")
    assert finding.message == "claude is logged in by an API key"


async def test_claude_that_gives_no_answer_is_a_note_with_the_question(machine, login):
    machine.file(".claude/settings.json", "{}")
    machine.cli("claude", login="echo nonsense")
    finding, _ = await login("claude")
    assert finding.level == "note"
    assert "cannot be told: 'claude auth status' gave no answer" in finding.message


async def test_a_key_beside_a_subscription_bills_the_api_and_only_its_name_is_told(machine, login):
    machine.file(".claude/.credentials.json", SUBSCRIPTION)
    machine.cli("claude", login=says("api_key"))
    machine.set(ANTHROPIC_API_KEY="sk-31337")
    _, found = await login("claude")
    assert found.level("env-billing", "ANTHROPIC_API_KEY") == "warning"


async def test_a_key_without_a_subscription_beside_it_bills_what_it_is_for(machine, login):
    machine.file(".claude/settings.json", "{}")
    machine.cli("claude", login=says("api_key"))
    machine.set(ANTHROPIC_API_KEY="sk-31337")
    _, found = await login("claude")
    assert found.of("env-billing") == []


@pytest.mark.parametrize(
    ("auth", "command", "told"),
    [
        (CHATGPT, "echo 'Logged in using ChatGPT' >&2", "codex is logged in by a subscription"),
        ("{}", "echo 'API key configured - sk-***31337' >&2", "codex is logged in by an API key"),
        ("{}", OUT["codex"], "codex is not logged in: 'codex login status' says so"),
        ("", "echo 'Error: 31337' >&2; exit 1", "codex is not logged in: 'codex login status' fails"),
    ],
)
async def test_codex_tells_itself_and_nothing_of_its_key_is_repeated(machine, login, auth, command, told):
    machine.file(".codex/auth.json", auth)
    machine.cli("codex", login=command)
    finding, _ = await login("codex")
    assert finding.message == told
    assert finding.level == ("warning" if "not logged in" in told else "ok")


async def test_codex_takes_no_key_from_its_environment_and_that_is_said(machine, login):
    machine.file(".codex/config.toml", "")
    machine.cli("codex")
    machine.set(OPENAI_API_KEY="sk-31337")
    finding, _ = await login("codex")
    assert "OPENAI_API_KEY is set, and it does not take it from there" in finding.message


@pytest.mark.parametrize(
    ("variable", "level", "told"),
    [
        ("OPENAI_SOME_KEY", "ok", "codex is logged in to its provider 'mine', by OPENAI_SOME_KEY"),
        ("OTHER", "warning", "wants OPENAI_SOME_KEY, which it does not see"),
    ],
)
async def test_codex_with_a_provider_of_its_users_needs_that_ones_key(machine, login, variable, level, told):
    machine.file(
        ".codex/config.toml", 'model_provider = "mine"\n[model_providers.mine]\nenv_key = "OPENAI_SOME_KEY"\n'
    )
    machine.cli("codex")
    machine.set(**{variable: "31337"})
    finding, _ = await login("codex")
    assert finding.level == level
    assert told in finding.message
    assert "codex login status" not in machine.questions


async def test_codex_whose_configuration_is_broken_is_a_note(machine, login):
    machine.file(".codex/config.toml", "model = ")
    machine.cli("codex")
    finding, _ = await login("codex")
    assert (finding.level, "config.toml cannot be read" in finding.message) == ("note", True)


GOOGLE = '{"security": {"auth": {"selectedType": "oauth-personal"}}} // a comment'
KEY = '{"security": {"auth": {"selectedType": "gemini-api-key"}}}'
VERTEX = '{"security": {"auth": {"selectedType": "vertex-ai"}}}'


@pytest.mark.parametrize(
    ("files", "variables", "expected"),
    [
        ({"settings.json": GOOGLE, "oauth_creds.json": "{}"}, {}, ("ok", "by a Google account")),
        ({"settings.json": GOOGLE}, {}, ("warning", "no login is stored")),
        ({"settings.json": KEY}, {"GEMINI_API_KEY": "31337"}, ("ok", "by an API key")),
        ({"settings.json": KEY, ".env": "GEMINI_API_KEY=31337\n"}, {}, ("ok", "by an API key")),
        ({"settings.json": KEY, "gemini-credentials.json": "x"}, {}, ("note", "may be in its encrypted file")),
        ({"settings.json": KEY}, {}, ("warning", "GEMINI_API_KEY is not set")),
        ({"settings.json": VERTEX}, {"GOOGLE_API_KEY": "31337"}, ("ok", "by Vertex AI")),
        ({"settings.json": VERTEX}, {"GOOGLE_CLOUD_PROJECT": "x"}, ("warning", "its variables are not set")),
        ({}, {"GEMINI_API_KEY": "31337"}, ("ok", "by an API key")),
        (
            {},
            {"GEMINI_API_KEY": "31337", "GOOGLE_GEMINI_BASE_URL": "http://x"},
            ("warning", "'gateway' is no way"),
        ),
        ({}, {}, ("warning", "no way to log in is chosen")),
    ],
)
async def test_geminis_login_is_read_from_its_files_and_variables(machine, login, files, variables, expected):
    for name, text in files.items():
        machine.file(f".gemini/{name}", text)
    machine.cli("gemini")
    machine.set(**variables)
    finding, _ = await login("gemini")
    level, told = expected
    assert finding.level == level
    assert told in finding.message
    assert machine.questions == ["gemini --version"]


@pytest.mark.parametrize(
    ("name", "file"), [("claude", ".claude/.credentials.json"), ("codex", ".codex/auth.json")]
)
async def test_a_login_that_others_may_read_is_told_with_the_cure(machine, login, name, file):
    machine.cli(name, login="exit 1")
    path = machine.file(file, "{}", 0o644)
    _, found = await login(name)
    assert found.one("cli-login-file").cure == f"chmod 600 {path}"
    path.chmod(0o600)
    _, found = await login(name)
    assert found.of("cli-login-file") == []


async def test_a_pipe_in_the_place_of_a_file_keeps_nobody_waiting(machine, login):
    machine.file(".gemini/settings.json", "").unlink()
    os.mkfifo(machine.user / ".gemini" / "settings.json")
    machine.cli("gemini")
    finding, _ = await login("gemini")
    assert "no way to log in is chosen" in finding.message
