"""What a run is explained with: a command that a shell takes, and what is left of it after its server's death."""

import json
import os
import shlex
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import ndjson
from tests.e2e.conftest import DEADLINE, Served

needs_curl = pytest.mark.skipif(not (shutil.which("curl") and shutil.which("sh")), reason="there is no curl")

HOSTILE = [
    "it's \"quoted\" 'twice' and '\"'\"' thrice",
    "$HOME ${HOME} $(id) `id` \\$HOME \\\\ \\n %s %% !! !$ ~ * ? [a] {a,b} # ; & | < > ( )",
    "two\nlines\r\n\ttab\n\n",
    "@/etc/passwd",
    "-d @/etc/passwd",
    "🛠 é e\u0301 \u2028 \u202e \x7f \x01 \0 ünï",
    "'",
    "\\",
    "END\nEND\n'END'",
]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    server = Served(tmp_path_factory.mktemp("home"))
    yield server
    server.end()


def explained(served: Served, run_id: str) -> Any:
    return served.json("GET", f"/api/v1/runs/{run_id}")


def shell(command: str, *argv: str) -> Any:
    """The answer to a command that a shell is given as its input."""
    done = subprocess.run(argv or ("sh",), input=command.encode(), capture_output=True, timeout=60, check=True)
    return json.loads(done.stdout)


def check_again(served: Served, run_id: str, answer: Any) -> None:
    """Whether a run that was asked for again is the same as the one of `run_id`."""
    one, other = explained(served, run_id), explained(served, answer["run_id"])
    assert one["id"] != other["id"]
    same = ("backend", "model", "dialect", "prompt_preview", "metadata", "request_as_curl", "command")
    assert [(name, one.get(name)) for name in same] == [(name, other.get(name)) for name in same]


@needs_curl
@pytest.mark.parametrize("prompt", HOSTILE)
def test_a_shell_asks_for_the_same_run_whatever_its_prompt(served: Served, prompt: str) -> None:
    answer = served.prompt(prompt, system_prompt=prompt, metadata={prompt[:64]: prompt})
    assert f'You wrote: "{prompt[:80]}"' in answer["output"]
    curl = explained(served, answer["run_id"])["request_as_curl"]
    body = json.loads(shlex.split(curl)[-1])
    assert (body["prompt"], body["system_prompt"]) == (prompt, prompt)
    again = shell(curl)
    check_again(served, answer["run_id"], again)
    assert again["output"] == answer["output"]


@needs_curl
@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_a_shell_in_which_an_exclamation_mark_recalls_commands_asks_for_the_same(served: Served) -> None:
    answer = served.prompt("it's so! 'twice'! !! !$ !-1 '!'")
    curl = explained(served, answer["run_id"])["request_as_curl"]
    again = shell(curl + "\n", "bash", "--norc", "-o", "history", "-o", "histexpand", "-s")
    check_again(served, answer["run_id"], again)


@needs_curl
def test_a_shell_asks_for_the_same_run_however_long_its_prompt(served: Served) -> None:
    answer = served.prompt("/big 5 " + "it's $HOME\n€END\n" * 100_000)
    curl = explained(served, answer["run_id"])["request_as_curl"]
    assert len(curl.encode()) > 1_500_000
    check_again(served, answer["run_id"], shell(curl))


@needs_curl
def test_a_shell_asks_for_the_same_run_whatever_its_other_fields(served: Served, tmp_path: Path) -> None:
    answer = served.prompt(
        "/big 5", model="some-model", workdir=str(tmp_path), ephemeral=True, approval_mode="auto",
        sandbox_mode="read-only", max_tokens=10, max_turns=2, timeout_secs=19.5,
    )  # fmt: skip
    check_again(served, answer["run_id"], shell(explained(served, answer["run_id"])["request_as_curl"]))


@needs_curl
def test_a_turn_is_asked_for_again_in_its_session_and_a_first_turn_in_one_of_its_own(served: Served) -> None:
    first = served.prompt("remember the swan")
    second = served.prompt("/recall", session_id=first["session_id"])
    again = shell(explained(served, second["run_id"])["request_as_curl"])
    assert (again["session_id"], again["continuation"]) == (first["session_id"], "live")
    other = shell(explained(served, first["run_id"])["request_as_curl"])
    assert other["session_id"] != first["session_id"]
    assert "continuation" not in other


def test_a_run_whose_server_died_tells_how_far_it_came(tmp_path: Path) -> None:
    served = Served(tmp_path)
    try:
        run_id = served.start("/hang")
        before = explained(served, run_id)
        served.json("GET", "/api/v1/sessions")  # what is noted is written before a read
    finally:
        os.kill(served.pid, signal.SIGKILL)
        served.guardian.wait(DEADLINE)
        served.end()
    served = Served(tmp_path)
    try:
        after = explained(served, run_id)
        stream = served.call("GET", f"/api/v1/runs/{run_id}/events", Accept="application/x-ndjson")
        events = list(ndjson.events(stream))
    finally:
        served.end()
    kept = ("created_at", "started_at", "queued_ms", "start", "command", "request_as_curl", "prompt_preview")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert (after["state"], after["error"]["code"]) == ("failed", "interrupted")
    assert not {"pid", "exit", "stop_cause"} & after.keys()
    *heard, _, _ = (event["at"] for event in events)  # two are of the second server
    assert after["finished_at"] == (heard or [after["started_at"]])[-1]
