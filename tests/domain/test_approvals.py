"""What may be done while nobody is there to ask."""

import pytest

from clinvk.domain.approvals import decide
from clinvk.domain.events import ApprovalAsked
from clinvk.domain.spec import ApprovalMode

WORKDIR = "/home/dev/project"


def asked(action, *paths):
    return ApprovalAsked("ask-1", "a tool", action, paths)


@pytest.mark.parametrize("action", ["read", "edit", "execute", "other"])
@pytest.mark.parametrize("path", ["inside.txt", "/etc/passwd"])
def test_mode_none_allows_everything(action, path):
    assert decide(ApprovalMode.NONE, asked(action, path), WORKDIR).allowed


@pytest.mark.parametrize("mode", [ApprovalMode.DEFAULT, ApprovalMode.ALWAYS])
@pytest.mark.parametrize("action", ["read", "edit", "execute", "other"])
def test_the_modes_that_ask_allow_nothing_and_say_why(mode, action):
    verdict = decide(mode, asked(action, "inside.txt"), WORKDIR)
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
    assert decide(ApprovalMode.AUTO, asked("edit", *paths), WORKDIR).allowed is allowed


@pytest.mark.parametrize("action", ["read", "execute", "other"])
def test_mode_auto_allows_nothing_but_edits(action):
    assert not decide(ApprovalMode.AUTO, asked(action, "inside.txt"), WORKDIR).allowed
