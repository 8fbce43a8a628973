"""What pages show beside commands for curl is so too: programs run, configuration is taken, answers are possible.

Translations have the same blocks, byte for byte (test_translations): only the pages they translate are looked at.
"""

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clinvk import cli, settings
from clinvk.domain.conversation import Conversation, Turn
from clinvk.schemas import Schemas
from tests.documents import promised
from tests.e2e.conftest import Served
from tests.sdks import bench

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Schemas()
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if page.parent.name not in {"zh", "ja", "reference"}
]
SECONDS = 30
# The schema of an answer that a page shows, by a field that no other answer has.
ANSWERS = {
    "total_tasks": "native/parallel-response",
    "total_steps": "native/chain-response",
    "session_id": "native/prompt-response",
    "choices": "openai/chat-completion",
    "stop_reason": "anthropic/message",
    "detail": "domain/problem",
}


def blocks(kind):
    """Every fenced block of that kind in all pages, with where it stands."""
    fence = re.compile(rf"^```{kind}\n(.*?)^```$", re.DOTALL | re.MULTILINE)
    return [
        pytest.param(text, id=f"{page.relative_to(ROOT)}-{number}")
        for page in PAGES
        for number, text in enumerate(fence.findall(page.read_text("utf-8")), 1)
    ]


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path)
    yield server
    server.end()


def printed(command, text, port, folder=None):
    """What a program of the pages prints that is run with this server, in `folder`."""
    told = text.replace("localhost:8080", f"localhost:{port}")
    done = subprocess.run(
        command, input=told, capture_output=True, text=True, check=False, timeout=SECONDS, cwd=folder
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def marked(params, pattern):
    """The blocks that import an SDK, and those that do not; the former need it."""
    missing = pytest.mark.skipif(not bench.installed(), reason="the SDKs are not there: scripts/install-sdks")
    found = [each for each in params if re.search(pattern, each.values[0], re.MULTILINE)]
    return [pytest.param(*each.values, id=each.id, marks=(missing, pytest.mark.sdks)) for each in found], [
        each for each in params if each not in found
    ]


PYTHON_SDK, PYTHON = marked(blocks("python"), r"^(import|from) (openai|anthropic)\b")
JS_SDK, JS = marked(blocks("js"), r"^import \w+ from '(openai|@anthropic-ai/sdk)';$")
ANSWERED = "demo backend, no model was asked"


@pytest.mark.parametrize("text", PYTHON)
def test_a_program_in_python_prints_the_answer(text, served):
    assert ANSWERED in printed([sys.executable, "-I", "-"], text, served.port)


@pytest.mark.parametrize("text", PYTHON_SDK)
def test_a_program_on_a_python_sdk_prints_the_answer(text, served):
    python = bench.SDKS / "newest" / "bin" / "python"
    assert ANSWERED in printed([python, "-I", "-"], text, served.port)


@pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed")
@pytest.mark.parametrize("text", JS)
def test_a_program_in_javascript_prints_the_answer(text, served):
    assert ANSWERED in printed(["node", "--input-type=module", "-"], text, served.port)


@pytest.mark.parametrize("text", JS_SDK)
def test_a_program_on_a_javascript_sdk_prints_the_answer(text, served):
    folder = bench.SDKS / "node"
    node = folder / "node_modules" / ".bin" / "node"
    assert ANSWERED in printed([node, "--input-type=module", "-"], text, served.port, folder)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_a_configuration_is_taken(text, tmp_path):
    file = tmp_path / "config.yaml"
    file.write_text(text)
    settings.load(SCHEMAS, tmp_path, file, {}, {})


def test_the_configuration_that_is_called_the_defaults_is(tmp_path):
    above, told, _ = (ROOT / "docs" / "serve.md").read_text("utf-8").partition("These are the defaults.")
    file = tmp_path / "shown.yaml"  # by another name than the one that is read unasked
    file.write_text(re.findall(r"```yaml\n(.*?)```", above, re.DOTALL)[-1])
    given, default = (settings.load(SCHEMAS, tmp_path, source, {}, {}) for source in (file, None))
    assert told
    assert settings.changes(default, given) == []


@pytest.mark.parametrize("text", blocks("json"))
def test_an_answer_is_one_that_could_be_given(text):
    answer = json.loads(text)
    schema = next(schema for field, schema in ANSWERS.items() if field in answer)
    if "…" not in text:  # what is cut short is meant to be recognised, no more
        assert list(SCHEMAS.checker(schema).faults(answer)) == []


@pytest.mark.parametrize("text", blocks("text"))
def test_the_start_up_output_is_shown_as_it_is_as_far_as_it_is_shown(text):
    if text.startswith("clinvk API server"):
        assert promised.fact("start-up.txt").startswith(text)


TRANSCRIPTS = [each for each in blocks("text") if each.values[0].startswith("This is a conversation")]


@pytest.mark.parametrize("text", TRANSCRIPTS)
def test_a_transcript_is_what_its_turns_become(text):
    turns = re.findall(r"^=== (.*)\n((?:(?!=== ).*\n)+)", text, re.MULTILINE)
    assert len(turns) > 2
    assert Conversation(tuple(Turn(who, said.rstrip("\n")) for who, said in turns)).prompt + "\n" == text


@pytest.mark.parametrize("text", blocks("console"))
def test_a_command_line_that_serves_is_taken(text):
    for line in re.findall(r"^\$ clinvk (serve.*)$", text, re.MULTILINE):
        assert cli._parser().parse_args(shlex.split(line)).run


def test_every_kind_of_block_has_its_test():
    """A new kind is looked at by nobody until it is named here."""
    looked_at = {"sh", "python", "js", "yaml", "json", "text", "console"}
    drawn = {"mermaid"}
    kinds = {kind for page in PAGES for kind in re.findall(r"^```(\w+)$", page.read_text("utf-8"), re.MULTILINE)}
    assert kinds <= looked_at | drawn
