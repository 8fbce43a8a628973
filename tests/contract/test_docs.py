"""What the documents say is so: every command in them is run, every link leads somewhere."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from clinvk.democli import words
from clinvk.domain.run import RunState
from tests.e2e.conftest import Served

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"^curl (?:.*\\\n)*.*$", re.MULTILINE)


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path)
    yield server
    server.end()


def commands(page):
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    return [command for block in blocks for command in COMMAND.findall(block)]


def run(command, served, run_id):
    """What a documented command prints, sent to this server and about this run."""
    told = command.replace("localhost:8080", f"localhost:{served.port}").replace("RUN_ID", run_id)
    told = told.replace("curl ", "curl --max-time 3 --no-progress-meter ", 1)
    return subprocess.run(told, shell=True, capture_output=True, text=True, check=False).stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
@pytest.mark.parametrize("page", [page for page in PAGES if commands(page)], ids=lambda page: page.name)
def test_every_command_of_a_page_does_what_it_is_shown_for(page, served):
    run_id = ""
    for command in commands(page):
        output = run(command, served, run_id)
        # A stream that is cut off by our clock ends with a whole line all the same.
        lines = [line.removeprefix("data: ") for line in output.splitlines() if "{" in line]
        answers = [json.loads(line) for line in lines]
        if answers:
            assert "status" not in answers[0] or "promt" in command, output
        else:
            assert command.endswith("/api/v1/events"), (command, output)
        run_id = next((answer["id"] for answer in answers if "id" in answer), run_id)
        if "promt" in command:
            assert {fault["path"] for fault in answers[0]["errors"]} == {"/timeout_secs", "/prompt", "/promt"}
        if "stream-json" in command:
            assert sum(answer["type"] == "text.delta" for answer in answers) > 5
        if "/cancel" in command:
            assert answers[0]["state"] == "cancelled"
        if '"timeout_secs": 1}' in command:
            assert "total of 1 s" in answers[0]["error"]
        if '"approval_mode": "auto"' in command:
            assert answers[0]["exit_code"] == 0


def test_the_reference_is_what_the_code_says():
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "reference", "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_every_word_of_the_demo_is_documented():
    page = (ROOT / "docs" / "demo.md").read_text("utf-8")
    assert [word for word in words.WORDS if f"`{word}" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_between_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text("utf-8")):
        path, _, anchor = target.partition("#")
        if path.startswith("http"):
            continue
        linked = (page.parent / path) if path else page
        assert linked.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", linked.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
            assert anchor in anchors, target


def test_the_state_diagram_names_every_state():
    page = (ROOT / "docs" / "design.md").read_text("utf-8")
    diagram = re.search(r"```text\n(queued.*?)```", page, re.DOTALL).group(1)
    assert [state for state in RunState if state.value not in diagram] == []
