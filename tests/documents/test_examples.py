"""The documents' examples as they stand, with the real CLIs and the model stub behind them."""

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
from tests.e2e.conftest import Served, gone
from tests.modelstub import client
from tests.sdks import bench

pytestmark = [
    pytest.mark.clis,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not clis.installed(), reason="the CLIs are not there: scripts/install-clis"),
]
needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
needs_sdks = pytest.mark.skipif(not bench.installed(), reason="the SDKs are not there: scripts/install-sdks")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")

PROMPTS = {
    "prompt.sh": "hello world",
    "prompt-en.sh": "explain async/await",
    "prompt-zh.sh": "解释 async/await",
    "prompt-code-zh.sh": "解释这段代码",
}
PARALLEL = {"parallel-en.sh": ["task 1", "task 2"], "parallel-zh.sh": ["任务 1", "任务 2"]}

CHATS = {"chat.sh": "Hello!", "chat-zh.sh": "你好！"}
ON_PYTHON_SDKS = {
    "openai/chat.py.txt": "Hello!",
    "openai/chat-zh.py.txt": "你好!",
    "openai/chat-system.py.txt": "Write a hello world in Python",
    "openai/stream.py.txt": "Tell me a story",
    "anthropic/messages.py.txt": "Hello!",
    "anthropic/messages-zh.py.txt": "你好!",
}
ON_NODE_SDK = {"openai/chat.mjs": "Hello!"}


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
        family = made.served.family()
        made.served.end()
        assert gone(family)


def printed(command: list[str], text: str, folder: Path) -> str:
    """What a program prints that reads `text` from its standard input, with nothing in its environment."""
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
@pytest.mark.parametrize(("name", "prompt"), CHATS.items())
def test_a_chat_is_answered_by_claude(name, prompt, world, tmp_path):
    told = promised.example(f"openai/{name}", world.served.port)
    answer = json.loads(printed(["sh"], told, tmp_path))
    assert (answer["model"], answer["choices"][0]["finish_reason"]) == ("claude", "stop")
    assert answer["choices"][0]["message"]["content"] == f"you said: {prompt}"
    assert answer["usage"]["total_tokens"] > 0


@pytest.mark.sdks
@needs_sdks
@pytest.mark.parametrize(("name", "prompt"), ON_PYTHON_SDKS.items())
def test_a_program_on_a_python_sdk_prints_the_answer(name, prompt, world, tmp_path):
    python = str(bench.SDKS / "newest" / "bin" / "python")
    told = promised.example(name, world.served.port)
    assert printed([python, "-I", "-"], told, tmp_path).strip() == f"you said: {prompt}"


@pytest.mark.sdks
@needs_sdks
@pytest.mark.parametrize(("name", "prompt"), ON_NODE_SDK.items())
def test_a_program_on_a_javascript_sdk_prints_the_answer(name, prompt, world):
    folder = bench.SDKS / "node"  # where it finds its packages
    node = str(folder / "node_modules" / ".bin" / "node")
    told = promised.example(name, world.served.port)
    assert printed([node, "--input-type=module", "-"], told, folder) == f"you said: {prompt}\n"


@pytest.mark.sdks
@needs_sdks
def test_the_system_message_of_an_example_reaches_the_model_as_instructions(world, tmp_path):
    python = str(bench.SDKS / "newest" / "bin" / "python")
    printed([python, "-I", "-"], promised.example("openai/chat-system.py.txt", world.served.port), tmp_path)
    asked = world.requests(ON_PYTHON_SDKS["openai/chat-system.py.txt"])[-1]
    assert "You are a helpful coding assistant." in world.body(asked)


@pytest.mark.sdks
@needs_sdks
@pytest.mark.parametrize("backend", ["codex", "gemini"])
def test_the_same_program_is_answered_alike_by_the_others(backend, world, tmp_path):
    python = str(bench.SDKS / "newest" / "bin" / "python")
    for name in ("openai/stream.py.txt", "anthropic/messages.py.txt"):
        told = promised.example(name, world.served.port).replace('"claude"', f'"{backend}"')
        assert printed([python, "-I", "-"], told, tmp_path).strip() == f"you said: {ON_PYTHON_SDKS[name]}"


@needs_curl
def test_the_documented_request_is_answered_by_claude(world):
    asked, documented = promised.fact("chat-request.json"), promised.fact("chat-response.json")
    answer = world.served.json("POST", "/openai/v1/chat/completions", asked)
    assert answer["choices"][0]["message"]["content"] == "you said: Hello!"
    assert answer["model"] == documented["model"]
    assert documented.keys() <= answer.keys()


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


def test_no_example_is_left_out():
    """Run, each of them: a new one needs its test."""
    run = {f"native/{name}" for name in (*PROMPTS, *PARALLEL, "prompt.mjs", "health.sh", "openapi.sh")}
    run |= {f"openai/{name}" for name in CHATS} | {*ON_PYTHON_SDKS, *ON_NODE_SDK}
    assert {f"{path.parent.name}/{path.name}" for path in promised.EXAMPLES.glob("*/*")} == run
