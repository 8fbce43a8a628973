"""How codex is found, started and told what a run is to be."""

import re
from dataclasses import replace
from pathlib import Path

import pytest

from clinvk.backends.base import Installation, Site, Step
from clinvk.backends.codex import command
from clinvk.backends.codex.backend import CodexBackend
from clinvk.backends.codex.dialogue import CodexDialogue
from clinvk.domain.errors import ErrorCode, Fault
from clinvk.domain.run import Exit
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

DOCS = Path(__file__).parents[2] / "docs" / "backends" / "codex.md"
SPEC = RunSpec("codex", "a secret prompt", "/home/dev/project")
SITE = Site(Installation(("/usr/bin/codex",), "0.169.0"), "/home/dev/tmp")
UUID = "01a1fcef-346a-7553-9c94-c05afefcea9b"


@pytest.fixture
def backend():
    return CodexBackend()


def test_it_is_an_app_server_that_waits_for_no_network_for_ever(backend):
    made = backend.command(SPEC, SITE)
    assert made.argv == ("/usr/bin/codex", "app-server", "--config=features.unbounded_connection_retries=false")
    assert (made.cwd, made.env, made.files) == ("/home/dev/project", {}, {})


def test_a_disabled_feature_is_fixed_at_the_start_and_the_rest_is_not(backend):
    spec = replace(SPEC, extra=("--disable=view_image", "--effort=low"))
    assert backend.command(spec, SITE).argv[-1] == "--config=features.view_image=false"
    assert backend.key(spec) == ("codex", "/home/dev/project", "view_image")
    assert backend.key(replace(SPEC, model="m", extra=("--effort=low",))) == backend.key(SPEC)


def test_its_version_is_told_from_what_it_prints(backend):
    found = re.search(backend.executable.version, "codex-cli 0.169.0\n")
    assert found[1] == "0.169.0"


def test_it_ends_on_its_stdin_before_it_is_signalled(backend):
    steps = [Step.CLOSE_STDIN, Step.SIGINT, Step.SIGTERM]
    assert [rung.step for rung in backend.traits.retire] == steps
    assert [rung.step for rung in backend.traits.stop] == [Step.INTERRUPT, *steps]


def test_each_child_has_a_dialogue_of_its_own(backend):
    assert isinstance(backend.dialogue(SPEC), CodexDialogue)
    assert backend.dialogue(SPEC) is not backend.dialogue(SPEC)


def test_codex_itself_deletes_what_its_databases_hold(backend):
    made = backend.deletion(UUID, SITE.installation)
    assert made.argv == ("/usr/bin/codex", "delete", "--force", "--disable=plugins", UUID)
    assert (made.cwd, made.env) == ("/", {})


@pytest.mark.parametrize("name", ["", "--all", "my session", UUID.upper(), UUID + "\n"])
def test_what_is_no_id_is_not_deleted(backend, name):
    assert backend.deletion(name, SITE.installation) is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"extra": ("--sandbox=x",)}, "/extra/0"),
        ({"extra": ("--effort=low", "--effort")}, "/extra/1"),
        ({"extra": ("--disable=a.b=c",)}, "/extra/0"),
        ({"extra": ("--disable=hooks",)}, "/extra/0"),
        ({"resume": "last"}, "/session_id"),
        ({"allowed_tools": ("Read",)}, "/allowed_tools"),
    ],
)
def test_what_codex_cannot_do_is_a_fault(backend, change, path):
    assert [fault.path for fault in backend.faults(replace(SPEC, **change))] == [path]


def test_a_fault_says_what_would_be_right(backend):
    extra = ("--effort", "--disable=hooks", "--summary=No Word")
    word = "--flag=word, in small letters"
    features = "apps, browser_use, computer_use, image_generation, multi_agent, plugins, shell_tool, view_image"
    assert backend.faults(replace(SPEC, allowed_tools=("Read",), extra=extra)) == [
        Fault("/allowed_tools", "codex allows no tool by its name", "an approval mode instead"),
        Fault("/extra/0", "'--effort' has a value that may not be passed on", word),
        Fault("/extra/1", "'--disable=hooks' has a value that may not be passed on", f"one of {features}"),
        Fault("/extra/2", "'--summary=No Word' has a value that may not be passed on", word),
    ]


def test_what_it_can_do_is_none(backend):
    extra = ("--effort=xhigh", "--summary=none", "--service-tier=fast", "--disable=view_image")
    assert backend.faults(replace(SPEC, resume=UUID, extra=extra)) == []


def test_what_a_run_leaves_open_the_users_config_decides():
    assert command.thread(SPEC) == ("thread/start", {"cwd": "/home/dev/project", "ephemeral": True})


def test_a_conversation_is_resumed_without_its_history():
    method, params = command.thread(replace(SPEC, resume=UUID, model="m"))
    assert method == "thread/resume"
    assert params == {"cwd": "/home/dev/project", "model": "m", "threadId": UUID, "excludeTurns": True}


@pytest.mark.parametrize(("replaces", "name"), [(True, "baseInstructions"), (False, "developerInstructions")])
def test_a_system_prompt_is_added_or_takes_the_place(replaces, name):
    _, params = command.thread(replace(SPEC, system_prompt="s", replace_system_prompt=replaces))
    assert {"baseInstructions", "developerInstructions"} & params.keys() == {name}
    assert params[name] == "s"


def test_a_prompt_is_text_whatever_it_looks_like():
    params = command.turn(
        replace(SPEC, prompt="/clear @x", extra=("--effort=low", "--service-tier=fast")), UUID, False
    )
    assert params == {
        "threadId": UUID,
        "input": [{"type": "text", "text": "/clear @x"}],
        "effort": "low",
        "serviceTier": "fast",
    }


@pytest.mark.parametrize(
    ("mode", "policy"),
    [("default", None), ("auto", "on-request"), ("none", "never"), ("always", "untrusted")],
)
def test_an_approval_mode_is_a_policy(mode, policy):
    spec = replace(SPEC, approval_mode=ApprovalMode(mode))
    assert command.thread(spec)[1].get("approvalPolicy") == policy


@pytest.mark.parametrize("mode", ApprovalMode)
def test_only_auto_is_made_stricter_where_nothing_confines(mode):
    spec = replace(SPEC, approval_mode=mode)
    assert "approvalPolicy" not in command.turn(spec, UUID, False)
    assert ("approvalPolicy" in command.turn(spec, UUID, True)) is (mode is ApprovalMode.AUTO)


def test_always_offers_nothing_that_would_not_ask():
    _, params = command.thread(replace(SPEC, approval_mode=ApprovalMode.ALWAYS))
    assert params["config"] == {"features.shell_tool": False, "web_search": "disabled"}


def test_always_takes_nothing_from_a_sandbox():
    always, read_only = {"approval_mode": ApprovalMode.ALWAYS}, {"sandbox_mode": SandboxMode.READ_ONLY}
    config = [command.thread(replace(SPEC, **modes))[1]["config"] for modes in (always, read_only)]
    assert command.thread(replace(SPEC, **always, **read_only))[1]["config"] == config[0] | config[1]


@pytest.mark.parametrize(
    ("mode", "files"),
    [
        (SandboxMode.READ_ONLY, {":root": "read"}),
        (SandboxMode.WORKSPACE, {":root": "read", ":workspace_roots": {".": "write"}, ":tmpdir": "write"}),
    ],
)
def test_a_sandbox_is_a_profile_of_ours_with_no_way_out(mode, files):
    _, params = command.thread(replace(SPEC, sandbox_mode=mode))
    profile = {"filesystem": {**files, "/dev/clinvk": "deny"}}
    config = params["config"]
    config.pop("projects", None)
    assert config == {"default_permissions": "clinvk", "permissions": {"clinvk": profile}}
    assert "sandbox" not in params


def test_no_sandbox_is_codexs_own_word_for_it():
    _, params = command.thread(replace(SPEC, sandbox_mode=SandboxMode.FULL))
    assert params["sandbox"] == "danger-full-access"
    assert params["config"].keys() == {"projects"}


@pytest.mark.parametrize("mode", list(SandboxMode))
def test_where_codex_may_write_it_shall_not_trust_the_folder_for_good(mode):
    _, params = command.thread(replace(SPEC, sandbox_mode=mode))
    writable = mode in {SandboxMode.WORKSPACE, SandboxMode.FULL}
    trust = {SPEC.workdir: {"trust_level": "untrusted"}}
    assert params.get("config", {}).get("projects") == (trust if writable else None)
    assert params.get("approvalPolicy") == ("on-request" if writable else None)


@pytest.mark.parametrize(
    ("exit_", "message"),
    [
        (
            Exit(101, None, "thread 'main' panicked\nbroken pipe\n"),
            "Codex crashed; send the prompt again: broken pipe",
        ),
        (
            Exit(2, None, "error: unexpected argument\n\nUsage\n"),
            "Codex gave up; mend what it names: unexpected argument",
        ),
        (Exit(1, None, "WARNING: x\nError: no such path\n"), "Codex gave up; mend what it names: no such path"),
    ],
)
def test_an_exit_is_explained(backend, exit_, message):
    error = backend.explain(exit_)
    assert (error.code, error.message) == (ErrorCode.BACKEND_EXITED, message)


@pytest.mark.parametrize("exit_", [Exit(0, None, "Error: x"), Exit(1, None, "words"), Exit(None, "SIGKILL")])
def test_other_exits_are_nothing_special(backend, exit_):
    assert backend.explain(exit_) is None


def rows(heading):
    """The first cells of the table below `heading`."""
    section = DOCS.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    return [line.split("|")[1].strip().strip("`") for line in section.splitlines() if line.startswith("| `")]


def test_the_manual_names_what_the_code_does(backend):
    traits = backend.traits
    assert rows("Extra flags") == list(traits.extra_flags)
    assert rows("Environment") == list(traits.environment)
    assert rows("Stopping") == [f"{rung.step}" for rung in traits.stop]
    first, below = backend.executable.tested
    assert f"Tested: {first} and later, below {below}." in DOCS.read_text()
