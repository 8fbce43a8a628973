"""Tools as asks: what they would do, to which files, and whether the modes leave it to us."""

import pytest

from clinvk.backends.claude import asks
from clinvk.domain.approvals import decide
from clinvk.domain.events import ApprovalAsked
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

WORKDIR = "/home/dev/project"


def vetted(tool, given):
    return asks.vetted("a", {"tool_name": tool, "tool_input": given})


@pytest.mark.parametrize(
    ("tool", "action"),
    [
        ("Read", "read"),
        ("Grep", "read"),
        ("Write", "edit"),
        ("NotebookEdit", "edit"),
        ("Bash", "execute"),
        ("WebFetch", "other"),
        ("Agent", "other"),
        ("Monitor", "execute"),
        ("Skill", "execute"),
        ("mcp__files__write", "execute"),
    ],
)
def test_a_tool_that_nobody_knows_counts_as_a_command(tool, action):
    assert vetted(tool, {}).action == action


@pytest.mark.parametrize(
    ("given", "paths", "detail"),
    [
        ({"file_path": "/a", "content": "x"}, ("/a",), "/a"),
        ({"notebook_path": "n"}, ("n",), "n"),
        ({"file_path": " X a X\n"}, ("X a X",), " X a X\n"),
        ({"command": "ls", "path": 1}, (), "ls"),
        ({"pattern": "p", "path": "/a"}, ("/a",), "/a"),
        ({"other": 1}, (), '{"other":1}'),
        ("word", (), "word"),
        (None, (), None),
    ],
)
def test_paths_and_detail_are_found_in_what_the_tool_is_given(given, paths, detail):
    assert vetted("Write", given) == ApprovalAsked("a", "Write", "edit", paths, detail, vetting=True)


@pytest.mark.parametrize("path", ["~/a", " ~/a", "\ufeff/etc/a", "\n/etc/a", "\u00a0~root/a", "../a"])
def test_a_path_is_judged_as_claude_will_read_it(path):
    ask = vetted("Write", {"file_path": path})
    assert not decide(ApprovalMode.AUTO, SandboxMode.WORKSPACE, ask, WORKDIR).allowed


def asked(tool="Write", **more):
    request = {"tool_name": tool, "input": {"file_path": f"{WORKDIR}/a"}, **more}
    return asks.asked("a", request)


@pytest.mark.parametrize(
    ("more", "paths"),
    [
        ({}, (f"{WORKDIR}/a",)),
        ({"decision_reason_type": "workingDir"}, (f"{WORKDIR}/a",)),
        ({"decision_reason_type": "safetyCheck"}, ()),
        ({"decision_reason_type": "safetyCheck", "blocked_path": "/etc/a"}, ("/etc/a",)),
        ({"blocked_path": "/etc/a"}, ("/etc/a",)),
        ({"decision_reason_type": "safetyCheck", "blocked_path": 1}, ()),
    ],
)
def test_an_edit_that_is_more_than_it_seems_names_no_path_inside(more, paths):
    assert asked(**more).paths == paths


def test_an_edit_of_another_path_is_the_same_ask_in_all_else():
    assert asked(blocked_path="/etc/a") == ApprovalAsked("a", "Write", "edit", ("/etc/a",), f"{WORKDIR}/a")


def test_a_command_keeps_its_paths():
    assert asked("Bash", blocked_path="/etc").paths == (f"{WORKDIR}/a",)


@pytest.mark.parametrize(
    ("approval", "sandbox", "left_to_us"),
    [
        (ApprovalMode.ALWAYS, SandboxMode.FULL, {"read", "inside", "outside", "command"}),
        (ApprovalMode.NONE, SandboxMode.READ_ONLY, {"inside", "outside", "command"}),
        (
            ApprovalMode.DEFAULT,
            SandboxMode.WORKSPACE,
            {"inside", "outside", "command"},
        ),  # where links lead, others see
        (ApprovalMode.AUTO, SandboxMode.FULL, set()),
        (ApprovalMode.DEFAULT, SandboxMode.DEFAULT, set()),
    ],
)
def test_the_modes_leave_to_us_what_they_forbid(approval, sandbox, left_to_us):
    spec = RunSpec("claude", "p", WORKDIR, approval_mode=approval, sandbox_mode=sandbox)
    uses = {
        "read": vetted("Read", {"file_path": "/etc/a"}),
        "inside": vetted("Write", {"file_path": f"{WORKDIR}/a"}),
        "outside": vetted("Edit", {"file_path": "/etc/a"}),
        "command": vetted("Bash", {"command": "ls"}),
    }
    assert {name for name, ask in uses.items() if asks.needs_leave(spec, ask)} == left_to_us
    assert asks.must_vet(spec) is bool(left_to_us)
