"""What the page about claude says is what the code does."""

import re
from pathlib import Path

import pytest

from clinvk.backends.claude import command
from clinvk.backends.claude.backend import ClaudeBackend
from clinvk.domain.approvals import decide
from clinvk.domain.events import ApprovalAsked
from clinvk.domain.spec import ApprovalMode, SandboxMode

PAGE = (Path(__file__).parents[2] / "docs" / "backends" / "claude.md").read_text("utf-8")
TRAITS = ClaudeBackend.traits


def rows(title):
    """The cells of the rows of a section, without their backticks; heads and rules of tables included."""
    section = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)[1]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip().strip("`") for cell in line.strip("|").split("|")] for line in lines]


def test_the_flags_of_the_page_are_those_that_are_allowed():
    flags = [row[0] for row in rows("Flags that a run may add") if row[0].startswith("--") and row[0].strip("-")]
    assert tuple(flags) == TRAITS.extra_flags == command.EXTRA_FLAGS


def test_the_variables_of_the_page_are_those_that_are_passed_on_and_added():
    names = rows("Environment")
    assert tuple(row[0] for row in names if len(row) == 1)[2:] == TRAITS.environment
    added = {row[0]: row[1] for row in names if len(row) == 3}
    assert {name: value for name, value in added.items() if name.isupper()} == dict(command.ADDED)


def test_the_ladders_of_the_page_are_those_that_are_climbed():
    told = [tuple(row[1:]) for row in rows("How it is stopped")[2:]]
    assert told == [(rung.step.value, str(rung.grace)) for rung in TRAITS.stop + TRAITS.retire]


def test_the_retries_and_waits_of_the_page_are_those_that_are_set():
    assert f"CLAUDE_CODE_MAX_RETRIES={command.MAX_RETRIES}" in PAGE
    assert f"first output is waited for {TRAITS.first_output_secs:.0f} s" in PAGE
    assert TRAITS.first_output_secs > 225


def test_the_versions_of_the_page_are_the_tested_range():
    lowest, below = ClaudeBackend.executable.tested
    assert f"versions from {lowest} to below {below}" in PAGE


ASKS = {
    "write in": ApprovalAsked("1", "Write", "edit", ("/w/a",)),
    "write out": ApprovalAsked("1", "Write", "edit", ("/a",)),
    "touch": ApprovalAsked("1", "Bash", "execute"),
    "read out": ApprovalAsked("1", "Read", "read", ("/a",)),
}
CELLS = [
    (
        approval,
        sandbox,
        dict(zip(["read in", "read out", "write in", "write out", "echo", "touch"], told, strict=True)),
    )
    for approval, sandbox, *told in rows("Approval and sandbox modes")[2:12]
]


@pytest.mark.parametrize(("approval", "sandbox", "told"), CELLS)
def test_what_claude_asks_is_answered_as_the_page_says(approval, sandbox, told):
    modes = list(SandboxMode) if sandbox == "any" else sandbox.replace("`", "").split(", ")
    for mode in modes:
        for column, ask in ASKS.items():
            verdict = decide(ApprovalMode(approval), SandboxMode(mode), ask, "/w")
            assert (column, told[column]) == (column, "yes" if verdict.allowed else "no")
