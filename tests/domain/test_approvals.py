"""What may be done while nobody is there to ask."""

from dataclasses import replace

import pytest

from clinvk.domain.approvals import Verdict, decide
from clinvk.domain.events import ApprovalAsked
from clinvk.domain.spec import ApprovalMode, SandboxMode

WORKDIR = "/home/dev/project"


def asked(action, *paths):
    return ApprovalAsked("ask-1", "a tool", action, paths)


@pytest.mark.parametrize("action", ["read", "edit", "execute", "other"])
@pytest.mark.parametrize("path", ["inside.txt", "/etc/passwd"])
def test_mode_none_allows_everything(action, path):
    verdict = decide(ApprovalMode.NONE, SandboxMode.DEFAULT, asked(action, path), WORKDIR)
    assert verdict == Verdict(True, "approval mode none allows everything")


@pytest.mark.parametrize("mode", [ApprovalMode.DEFAULT, ApprovalMode.ALWAYS])
@pytest.mark.parametrize("action", ["read", "edit", "execute", "other"])
def test_the_modes_that_ask_allow_nothing_and_say_why(mode, action):
    verdict = decide(mode, SandboxMode.DEFAULT, asked(action, "inside.txt"), WORKDIR)
    assert not verdict.allowed
    assert verdict.reason == f"approval mode {mode} needs a person for this, and nobody can answer"


@pytest.mark.parametrize(
    ("paths", "allowed"),
    [
        (["inside.txt"], True),
        (["deep/er/inside.txt", f"{WORKDIR}/also.txt"], True),
        ([f"{WORKDIR}"], True),
        ([], False),
        (["/etc/passwd"], False),
        (["inside.txt", "/etc/passwd"], False),
        (["../sibling.txt"], False),
        (["deep/../../sibling.txt"], False),
        ([f"{WORKDIR}/../sibling.txt"], False),
        ([f"{WORKDIR}-other/file"], False),
    ],
)
def test_mode_auto_allows_edits_whose_every_path_is_inside_the_workdir(paths, allowed):
    assert decide(ApprovalMode.AUTO, SandboxMode.DEFAULT, asked("edit", *paths), WORKDIR).allowed is allowed


def test_mode_auto_says_what_it_allows():
    verdict = decide(ApprovalMode.AUTO, SandboxMode.DEFAULT, asked("edit", "inside.txt"), WORKDIR)
    assert verdict == Verdict(True, "approval mode auto allows edits inside the workdir")


@pytest.mark.parametrize("action", ["read", "execute", "other"])
def test_mode_auto_allows_nothing_but_edits(action):
    assert not decide(ApprovalMode.AUTO, SandboxMode.DEFAULT, asked(action, "inside.txt"), WORKDIR).allowed


@pytest.mark.parametrize("mode", [ApprovalMode.NONE, ApprovalMode.AUTO])
@pytest.mark.parametrize(
    ("sandbox", "action", "path", "why"),
    [
        (SandboxMode.READ_ONLY, "edit", "inside.txt", "sandbox mode read-only permits no edits and no commands"),
        (SandboxMode.READ_ONLY, "execute", "", "sandbox mode read-only permits no edits and no commands"),
        (
            SandboxMode.WORKSPACE,
            "execute",
            "",
            "sandbox mode workspace permits no command that is not confined to the workdir",
        ),
        (
            SandboxMode.WORKSPACE,
            "edit",
            "/etc/passwd",
            "sandbox mode workspace permits edits inside the workdir only",
        ),
    ],
)
def test_what_the_sandbox_mode_forbids_no_approval_mode_allows(mode, sandbox, action, path, why):
    verdict = decide(mode, sandbox, asked(action, *([path] if path else [])), WORKDIR)
    assert (verdict.allowed, verdict.reason) == (False, why)


@pytest.mark.parametrize(
    ("sandbox", "action", "path"),
    [
        (SandboxMode.READ_ONLY, "read", "/etc/passwd"),
        (SandboxMode.READ_ONLY, "other", ""),
        (SandboxMode.WORKSPACE, "read", "/etc/passwd"),
        (SandboxMode.WORKSPACE, "edit", "inside.txt"),
        (SandboxMode.WORKSPACE, "other", ""),
        (SandboxMode.FULL, "edit", "/etc/passwd"),
        (SandboxMode.FULL, "execute", ""),
    ],
)
def test_what_the_sandbox_mode_permits_mode_none_allows(sandbox, action, path):
    assert decide(ApprovalMode.NONE, sandbox, asked(action, *([path] if path else [])), WORKDIR).allowed


@pytest.mark.parametrize("sandbox", list(SandboxMode))
def test_a_sandbox_mode_allows_nothing_by_itself(sandbox):
    assert not decide(ApprovalMode.DEFAULT, sandbox, asked("edit", "inside.txt"), WORKDIR).allowed
    assert not decide(ApprovalMode.ALWAYS, sandbox, asked("read", "inside.txt"), WORKDIR).allowed


@pytest.mark.parametrize("mode", [ApprovalMode.DEFAULT, ApprovalMode.AUTO, ApprovalMode.NONE])
def test_what_is_only_vetted_is_denied_where_it_is_forbidden_and_else_left_to_the_cli(mode):
    inside, outside = (replace(asked("edit", path), vetting=True) for path in ("inside.txt", "/etc/passwd"))
    verdict = decide(mode, SandboxMode.WORKSPACE, inside, WORKDIR)
    assert verdict.allowed
    assert verdict.reason == "sandbox mode workspace permits it, and the CLI's own rules decide"
    assert not decide(mode, SandboxMode.WORKSPACE, outside, WORKDIR).allowed
    assert not decide(ApprovalMode.ALWAYS, SandboxMode.WORKSPACE, inside, WORKDIR).allowed
