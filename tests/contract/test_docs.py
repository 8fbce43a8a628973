"""What the documents say is so: every command in them is run, every link leads somewhere.

Commands that name claude are run with each of the real CLIs, where these are installed, and the model stub.
Translations have the commands of the page they translate, byte for byte (test_translations): those are run once.
"""

import re
import shutil
from pathlib import Path

import pytest

from clinvk.democli import words
from clinvk.schemas import Schemas
from tests import clis
from tests.contract.curl import run, send_plain
from tests.e2e.conftest import Served
from tests.modelstub import client

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = Schemas()
PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = [page for page in PAGES if page.parent.name not in {"zh", "ja"}]
# Up to the end of the line that neither a backslash nor a quotation goes on after.
COMMAND = re.compile(r"""^curl (?:[^'"\\\n]|\\[\s\S]|'[^']*'|"[^"]*")*$""", re.MULTILINE)
REAL = re.compile(r'"backend": "claude"')
ALL = '"backends": ["claude", "codex", "gemini"]'
PLACES = ("RUN_ID", "SESSION_ID", "GROUP_ID")
TRY = "/tmp/clinvk-try"

# What the model is to do for a prompt of the pages, in the words of tests/modelstub.
STAGED = {
    "Make a file hello.txt": "[[tool=write path={workdir}/hello.txt]]",
    "Write a poem": "[[deltas=40 delay=0.05]]",
    "": "",
}


def named(page):
    return str(page.relative_to(ROOT))


def commands(page):
    """The commands of a page, each with those after it that are about its run, its session or its group."""
    blocks = re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    groups = []
    for command in (command for block in blocks for command in COMMAND.findall(block)):
        if any(place in command for place in PLACES):
            groups[-1].append(command)
        else:
            groups.append([command])
    return groups


def plain(page):
    return [group for group in commands(page) if not REAL.search(group[0]) and ALL not in group[0]]


def real(page):
    return [group for group in commands(page) if REAL.search(group[0])]


def of_all(page):
    return [group for group in commands(page) if ALL in group[0]]


def answered(groups, send):
    """Each command with its answers; `send` takes a command and the ids that were told last before it."""
    ids = {}
    for command in (command for group in groups for command in group):
        answers = send(command, ids)
        for answer in answers:
            ids |= told_ids(answer)
        yield command, answers


def told_ids(answer):
    session = next(iter(answer.get("sessions", [])), {}).get("id") or answer.get("session_id")
    run = answer.get("run_id") or answer.get("id")
    found = {"RUN_ID": run, "SESSION_ID": session, "GROUP_ID": answer.get("group_id")}
    return {name: value for name, value in found.items() if value}


@pytest.fixture
def served(tmp_path):
    server = Served(tmp_path)
    yield server
    server.end()


@pytest.fixture
def served_with_clis(tmp_path):
    """A server that finds the real CLIs, whose models are the stub."""
    with client.running() as stub:
        server = Served(tmp_path, more=clis.environment(tmp_path, f"http://127.0.0.1:{stub.port}"))
        yield server
        server.end()


needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


@needs_curl
@pytest.mark.parametrize("page", [page for page in RUN if plain(page)], ids=named)
def test_every_command_of_a_page_does_what_it_is_shown_for(page, served):
    for command, answers in answered(plain(page), lambda command, ids: send_plain(command, served, ids)):
        check_plain(command, answers)


# What the first answer must be, by what stands in the command.
EXPECTED = {
    "promt": lambda answer: (
        {fault["path"] for fault in answer["errors"]} == {"/timeout_secs", "/prompt", "/promt"}
    ),
    '"content": "/fail"': lambda answer: (answer["status"], answer["error"]["message"]) == (502, answer["detail"]),
    "anthropic-version": lambda answer: answer["type"] == "error",
    "count_tokens": lambda answer: answer == {"input_tokens": 3},
    '], "dry_run"': lambda answer: "democli" in answer["choices"][0]["message"]["content"],
    "RUN_ID/cancel": lambda answer: answer["state"] == "cancelled",
    "GROUP_ID/cancel": lambda answer: answer["ended"] and answer["total"] == 2,
    "?group_id=": lambda answer: len({run["group_id"] for run in answer["runs"]}) == 1 < answer["total"],
    '"timeout_secs": 1}': lambda answer: "total of 1 s" in answer["error"],
    '"approval_mode": "auto"': lambda answer: answer["exit_code"] == 0,
    "/recall": lambda answer: answer["continuation"] == "live",
    "DELETE": lambda answer: answer["deleted"],
}
PROBLEMS = ("promt", '"content": "/fail"')
# What stands in each line of an answer, whole or streamed.
DIALECTS = {
    "/openai/v1/chat/completions": ("openai/chat-completion", "openai/chat-chunk"),
    "/openai/v1/responses": ("openai/response", "openai/response-event"),
    "/anthropic/v1/messages": ("anthropic/message", "anthropic/stream-event"),
    "/anthropic/v1/messages/count_tokens": ("anthropic/token-count", ""),
}


def check_plain(command, answers):
    if not answers:
        assert command.endswith("/api/v1/events"), command
        return
    refused = any(part in command for part in PROBLEMS) or answers[0].get("status") == 422
    assert ("detail" in answers[0]) == refused, answers
    for part, is_right in EXPECTED.items():
        assert part not in command or is_right(answers[0]), (command, answers)
    if path := next((path for path in DIALECTS if f"localhost:8080{path} " in command), None):
        is_stream = '"stream": true' in command
        schema = "domain/problem" if refused else DIALECTS[path][is_stream]
        assert [fault for answer in answers for fault in SCHEMAS.checker(schema).faults(answer)] == []
        assert (len(answers) > 3) == is_stream
    if command.endswith("/runs/RUN_ID"):
        check_explained(answers[0])
    if "stream-json" in command:
        assert sum(answer["type"] == "text.delta" for answer in answers) > 5
    if '"tasks"' in command or '"steps"' in command:
        check_group(command, answers)


def check_explained(run):
    """What the pages say that one run tells."""
    assert (run["state"], run["stop_cause"]) == ("cancelled", "client")
    assert run["command"]["argv"]
    assert {"code", "signal"} & run["exit"].keys()
    assert run["request_as_curl"].startswith("curl ")


def check_group(command, answers):
    """Each prompt has its place in the answer, or in the events, and ended as its words would have it."""
    asked = re.findall(r'"prompt": "([^"]*)"', command)
    label, first = ("task", 0) if '"tasks"' in command else ("step", 1)
    places = list(range(first, first + len(asked)))
    if "stream-json" in command:
        assert {answer[label] for answer in answers[:-1]} == set(places)
        assert (answers[-1]["type"], answers[-1]["completed"]) == ("group.finished", len(asked))
        return
    results = answers[0]["results"]
    assert [result[label] for result in results] == places
    codes = {"/fail": 1, "/hang": -1}
    assert [result["exit_code"] for result in results] == [codes.get(prompt, 0) for prompt in asked]
    assert [result.get("error") for result in results if result["exit_code"] == -1] == ["cancelled"] * asked.count(
        "/hang"
    )
    for before, after, prompt in zip(results, results[1:], asked[1:], strict=False):
        # The demo backend repeats the beginning of what it was told.
        assert "{{previous}}" not in prompt or before["output"][:30] in after["output"]


@needs_curl
@pytest.mark.clis
@pytest.mark.timeout(400)
@pytest.mark.skipif(not clis.installed(), reason="the CLIs are not there: scripts/install-clis")
@pytest.mark.parametrize("backend", clis.NAMES)
@pytest.mark.parametrize("page", [page for page in RUN if real(page)], ids=named)
def test_every_command_for_a_real_cli_does_what_it_is_shown_for(page, backend, served_with_clis, tmp_path):
    """With each of the CLIs where the page says claude: they are said to be alike."""
    workdir = tmp_path / "try"
    workdir.mkdir()

    def send(command, ids):
        doing = next(words for prompt, words in STAGED.items() if f'"prompt": "{prompt}' in command or not prompt)
        doing = doing.format(workdir=workdir)
        told = re.sub(r'("prompt": "[^"]*)"', lambda prompt: f'{prompt[1]} {doing}"', command)
        told = REAL.sub(f'"backend": "{backend}"', told).replace(TRY, str(workdir))
        return run(told, served_with_clis, ids, seconds=100)

    for command, answers in answered(real(page), send):
        made = (workdir / "hello.txt").exists()
        (workdir / "hello.txt").unlink(missing_ok=True)
        check_real(command, answers, made)


def check_real(command, answers, made):
    assert answers, command
    assert "status" not in answers[0], answers
    assert made == ('"approval_mode": "auto"' in command)
    if "stream-json" in command:
        assert (answers[-1]["type"], answers[-1]["state"]) == ("run.finished", "completed")
        assert sum(answer["type"] == "text.delta" for answer in answers) > 2
    if "hello.txt that says hello." in command:
        told = {answer["type"]: answer for answer in answers}
        assert told["approval.asked"]["action"] == "edit"
        assert told["approval.answered"]["allowed"] == told["tool.done"]["ok"] == made
    if "/cancel" in command:
        assert answers[0]["state"] == "cancelled"
    if "SESSION_ID" in command:
        assert answers[0]["continuation"] in {"live", "resumed"}, "the very first start of a CLI makes settings"


@needs_curl
@pytest.mark.clis
@pytest.mark.timeout(400)
@pytest.mark.skipif(not clis.installed(), reason="the CLIs are not there: scripts/install-clis")
@pytest.mark.parametrize("page", [page for page in RUN if of_all(page)], ids=named)
def test_every_command_for_all_clis_at_once_is_answered_by_each(page, served_with_clis):
    for (command,) in of_all(page):
        (answer,) = run(command, served_with_clis, {}, seconds=100)
        assert [result["backend"] for result in answer["results"]] == list(clis.NAMES)
        assert [result["output"] for result in answer["results"]] == [f"you said: {answer['prompt']}"] * 3


def test_every_file_and_script_that_a_page_names_is_there():
    for page in PAGES:
        text = page.read_text("utf-8")
        scripts = re.findall(r"\./(scripts/[\w-]+)", text)
        files = re.findall(r"`((?:clinvk|tests|scripts|schemas|docs)/[\w./-]+)`", text)
        missing = [name for name in scripts + files if not (ROOT / name).exists()]
        assert (named(page), missing) == (named(page), [])


def test_every_word_of_the_demo_is_documented():
    page = (ROOT / "docs" / "demo.md").read_text("utf-8")
    assert [word for word in words.WORDS if f"`{word}" not in page] == []


@pytest.mark.parametrize("page", PAGES, ids=named)
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
