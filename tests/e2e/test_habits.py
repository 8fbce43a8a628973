"""What is configured reaches the run: through the real program, at its start and after a reload."""

import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.conftest import DEADLINE, Served

pytestmark = pytest.mark.e2e

HABITS = {
    "unified_flags": {"max_turns": 7, "sandbox_mode": "read-only"},
    "backends": {
        "claude": {
            "model": "configured",
            "allowed_tools": ["Read", "Grep"],
            "extra_flags": ["--effort=high"],
            "sandbox_mode": "full",
            "approval_mode": "none",
        },
        "gemini": {"model": "flash", "system_prompt": "be brief", "replace_system_prompt": True},
        "demo": {"system_prompt": "three words more", "approval_mode": "none"},
    },
}


class Told:
    """A server that holds a configuration, and CLIs that tell their version and are only ever shown."""

    def __init__(self, home: Path, settings: dict[str, Any]) -> None:
        self.home = home
        self.clis = {}
        for name, version in (
            ("claude", "2.1.329 (Claude Code)"),
            ("gemini", "0.40.0"),
            ("codex", "codex 0.140.0"),
        ):
            cli = self.clis[name] = home / name
            cli.write_text(f"#!/bin/sh\necho '{version}'\n")
            cli.chmod(0o700)
        self.write(settings)
        self.served = Served(home, "--log-format", "json")

    def write(self, settings: dict[str, Any]) -> None:
        whole = {**settings, "backends": {**settings.get("backends", {})}}
        for name, cli in self.clis.items():
            whole["backends"][name] = {**whole["backends"].get(name, {}), "path": str(cli)}
        file = self.home / "clinvk" / "config.yaml"
        file.parent.mkdir(exist_ok=True)
        file.write_text(yaml.safe_dump(whole))

    def reload(self, settings: dict[str, Any]) -> None:
        """Return once the server holds these."""
        before = self.served.log.read_text().count('"reloaded ')
        self.write(settings)
        self.served.guardian.send_signal(signal.SIGHUP)
        deadline = time.monotonic() + DEADLINE
        while (told := self.served.log.read_text()).count('"reloaded ') == before:
            assert time.monotonic() < deadline, told
            assert "not reloaded" not in told, told

    def command(self, backend: str, **fields: Any) -> Any:
        return self.served.json(
            "POST", "/api/v1/prompt", {"backend": backend, "prompt": "x", "dry_run": True, **fields}
        )["command"]

    def asked(self, **fields: Any) -> str:
        return str(self.served.prompt("/ask", **fields)["output"])

    def session(self, **fields: Any) -> Any:
        """The session of one prompt, as it is kept."""
        answer = self.served.prompt("hello", **fields)
        return self.served.json("GET", f"/api/v1/sessions/{answer['session_id']}")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Told]]:
    """One server for all: it holds these settings, through a start or a reload."""
    made: list[Told] = []

    def hold(settings: dict[str, Any], *, started: bool) -> Told:
        if started or not made:
            for one in made:
                one.served.end()
            made[:] = [Told(tmp_path_factory.mktemp("home"), {} if not started else settings)]
        if not started:
            made[0].reload({})
            made[0].reload(settings)
        return made[0]

    yield hold
    for one in made:
        one.served.end()


both = pytest.mark.parametrize("started", [True, False], ids=["at the start", "by a reload"])


@both
def test_habits_reach_the_command_and_a_request_stands_over_them(told, started):
    server = told(HABITS, started=started)
    argv = server.command("claude")["argv"]
    assert {"--model=configured", "--allowedTools=Read,Grep", "--effort=high", "--max-turns=7"} <= set(argv)
    assert "--permission-mode=default" in argv  # of the approval mode
    assert "--strict-mcp-config" not in argv  # full, where all others are confined
    argv = server.command("claude", model="asked", max_turns=2, sandbox_mode="workspace", extra=["--effort=low"])[
        "argv"
    ]
    assert {"--model=asked", "--max-turns=2", "--strict-mcp-config"} <= set(argv)
    assert not {"--model=configured", "--max-turns=7"} & set(argv)
    assert argv.index("--effort=high") < argv.index("--effort=low")
    command = server.command("gemini")
    assert "--model=flash" in command["argv"]
    assert "GEMINI_SYSTEM_MD" in command["env_names"]
    assert "--model=asked" in server.command("gemini", model="asked")["argv"]

    assert server.served.prompt("hello")["token_usage"]["input_tokens"] == 1 + 3
    assert server.served.prompt("hello", system_prompt="one")["token_usage"]["input_tokens"] == 1 + 1
    assert server.served.prompt("hello", model="asked")["model"] == "asked"


@both
def test_modes_decide_what_an_agent_may_do(told, started):
    """What is set for a backend stands over what is set for all, and a request over both."""
    for_all = {"approval_mode": "none", "sandbox_mode": "full"}
    server = told({"unified_flags": for_all}, started=started)
    free, denied = server.asked(), server.asked(sandbox_mode="read-only")
    assert free != denied
    assert server.asked(approval_mode="always") == server.asked(approval_mode="always", sandbox_mode="full")
    assert server.asked(approval_mode="always") != free
    server.reload({"unified_flags": {**for_all, "sandbox_mode": "read-only"}})
    assert server.asked() == denied
    assert server.asked(sandbox_mode="full") == free
    server.reload({"unified_flags": for_all, "backends": {"demo": {"sandbox_mode": "read-only"}}})
    assert server.asked() == denied
    server.reload({"unified_flags": for_all, "backends": {"demo": {"approval_mode": "always"}}})
    assert server.asked() == server.asked(approval_mode="always")
    assert server.asked(approval_mode="none") == free


@both
def test_dry_run_and_output_format_are_habits_too(told, started):
    server = told({"unified_flags": {"dry_run": True}, "output": {"format": "stream-json"}}, started=started)
    assert server.served.prompt("hello")["dry_run"] is True
    streamed = server.served.call("POST", "/api/v1/prompt", {"backend": "demo", "prompt": "x", "dry_run": False})
    assert json.loads(streamed.read().splitlines()[-1])["type"] == "run.finished"
    assert server.served.prompt("hello", dry_run=False, output_format="json")["exit_code"] == 0


@both
def test_how_sessions_are_kept_reaches_them(told, started):
    chosen = {"auto_resume": True, "default_tags": ["ci"], "store_content": False, "store_token_usage": False}
    server = told({}, started=started)
    usual, other = server.session(), server.session()
    assert (usual["tags"], usual["initial_prompt"], usual["id"] != other["id"]) == ([], "hello", True)
    assert usual["token_usage"]["input_tokens"] == 1
    server.reload({"session": chosen})
    resumed = server.session()
    assert (resumed["id"], resumed["turn_count"]) == (other["id"], 2)
    assert resumed["token_usage"] == other["token_usage"]
    elsewhere = server.home / f"elsewhere-{started}"
    elsewhere.mkdir()
    first, second = server.session(workdir=str(elsewhere)), server.session(workdir=str(elsewhere))
    assert first["id"] == second["id"]
    assert first["tags"] == ["ci"]
    assert not first.get("initial_prompt")
    assert not any((first.get("token_usage") or {}).values())


def test_a_session_older_than_its_retention_is_forgotten(tmp_path):
    server = Told(tmp_path, {})
    session = server.session()
    server.served.end()
    server.write({"session": {"retention_days": 1e-9}})
    again = Served(tmp_path)
    try:
        deadline = time.monotonic() + DEADLINE
        while again.call("GET", f"/api/v1/sessions/{session['id']}").status != 404:
            assert time.monotonic() < deadline
    finally:
        again.end()
