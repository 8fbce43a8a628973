"""The documents' examples of the native API as they stand, with the real CLIs and the model stub behind them."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import clis
from tests.documents import promised
from tests.e2e.clis.conftest import PATIENCE, World
from tests.e2e.conftest import Served
from tests.modelstub import client

pytestmark = [
    pytest.mark.clis,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not clis.installed(), reason="the CLIs are not there: scripts/install-clis"),
]
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

PROMPTS = {
    "prompt.sh": "hello world",
    "prompt-en.sh": "explain async/await",
    "prompt-zh.sh": "解释 async/await",
    "prompt-code-zh.sh": "解释这段代码",
}
PARALLEL = {"parallel-en.sh": ["task 1", "task 2"], "parallel-zh.sh": ["任务 1", "任务 2"]}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server as its user has it: the three CLIs, and gemini's model in the environment, as documented."""
    home = tmp_path_factory.mktemp("home")
    with client.running() as stub:
        more = clis.environment(home, f"http://127.0.0.1:{stub.port}")
        more["CLINVK_GEMINI_MODEL"] = str(clis.MODELS["gemini"])
        made = World(Served(home, more=more), stub, home)
        made.served.patience = PATIENCE
        yield made
        made.nothing_left()
        made.served.end()


def printed(command: list[str], text: str, folder: Path) -> str:
    """What a program prints that reads `text` from its standard input, in a folder and environment of its own."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), "LANG": "C.UTF-8"}
    done = subprocess.run(
        command, input=text, capture_output=True, text=True, check=False,
        cwd=folder, env=environment, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def answer_to(name: str, world: World, folder: Path, backend: str = "claude"):
    """The JSON that a shell example prints, with another backend in the place of claude if it is to be."""
    told = promised.example(f"native/{name}", world.served.port).replace('"claude"', f'"{backend}"')
    return json.loads(printed(["sh"], told, folder))


@needs_curl
@pytest.mark.parametrize(("name", "prompt"), PROMPTS.items())
def test_a_prompt_is_answered_by_claude(name, prompt, world, tmp_path):
    answer = answer_to(name, world, tmp_path)
    assert (answer["backend"], answer["exit_code"], answer["output"]) == ("claude", 0, f"you said: {prompt}")
    assert answer["session_id"].startswith("ses_")
    assert "error" not in answer


@needs_curl
@pytest.mark.parametrize("backend", ["codex", "gemini"])
def test_the_same_prompt_is_answered_alike_by_the_others(backend, world, tmp_path):
    answer = answer_to("prompt-zh.sh", world, tmp_path, backend)
    assert (answer["backend"], answer["exit_code"]) == (backend, 0)
    assert answer["output"] == f"you said: {PROMPTS['prompt-zh.sh']}"


@needs_curl
@pytest.mark.parametrize(("name", "prompts"), PARALLEL.items())
def test_two_tasks_are_answered_by_claude_and_codex_in_the_order_asked(name, prompts, world, tmp_path):
    answer = answer_to(name, world, tmp_path)
    assert (answer["total_tasks"], answer["completed"], answer["failed"]) == (2, 2, 0)
    assert [result["backend"] for result in answer["results"]] == ["claude", "codex"]
    assert [result["output"] for result in answer["results"]] == [f"you said: {prompt}" for prompt in prompts]
    assert [result["exit_code"] for result in answer["results"]] == [0, 0]


@needs_node
def test_a_page_of_javascript_prints_the_answer(world, tmp_path):
    told = promised.example("native/prompt.mjs", world.served.port)
    assert printed(["node", "--input-type=module", "-"], told, tmp_path) == "you said: hello world\n"


@needs_curl
def test_health_tells_what_is_documented_and_that_the_backends_are_there(world, tmp_path):
    health = json.loads(printed(["sh"], promised.example("native/health.sh", world.served.port), tmp_path))
    assert set(promised.fact("health-fields.json")) <= health.keys()
    available = {backend["name"]: backend["available"] for backend in health["backends"]}
    assert [available[model["id"]] for model in promised.fact("models.json")["data"]] == [True, True, True]


@needs_curl
def test_the_specification_can_be_kept_as_a_file(world, tmp_path):
    printed(["sh"], promised.example("native/openapi.sh", world.served.port), tmp_path)
    assert json.loads((tmp_path / "openapi.json").read_text("utf-8"))["openapi"].startswith("3.1")


def test_no_example_of_the_native_api_is_left_out():
    """Run, each of them: a new one needs its test."""
    run = {*PROMPTS, *PARALLEL, "prompt.mjs", "health.sh", "openapi.sh"}
    assert {path.name for path in (promised.EXAMPLES / "native").iterdir()} == run
