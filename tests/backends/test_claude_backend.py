"""How the claude child is started, stopped and explained."""

import json
import re
from dataclasses import replace
from fnmatch import fnmatchcase

import pytest

from clinvk.backends.base import Installation, Site, Step
from clinvk.backends.claude.backend import ClaudeBackend
from clinvk.backends.claude.command import MAX_RETRIES
from clinvk.domain.errors import ErrorCode, Fault
from clinvk.domain.run import Exit
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

UUID = "3660d789-b763-4698-bb4b-c5cd024dfe7a"
SPEC = RunSpec("claude", "a secret prompt", "/home/dev/project", system_prompt="a secret system prompt")
SITE = Site(Installation(("/opt/claude",), "2.1.329"), "/home/dev/tmp")


@pytest.fixture
def backend():
    return ClaudeBackend()


VETTED = [
    "--permission-mode=default",
    "--setting-sources=user",
    "--strict-mcp-config",
    f"--add-dir={SPEC.workdir}",
]


def options(backend, **asked):
    return backend.command(replace(SPEC, **asked), SITE).argv[1:]


def added(backend, **asked):
    """The options that a run brings along."""
    bare = options(backend, ephemeral=False)
    return [option for option in options(backend, **({"ephemeral": False} | asked)) if option not in bare]


def test_the_child_speaks_lines_of_json_in_the_workdir(backend):
    command = backend.command(SPEC, SITE)
    assert command.argv[:2] == ("/opt/claude", "-p")
    assert {"--input-format=stream-json", "--output-format=stream-json", "--verbose"} <= set(command.argv)
    assert {"--include-partial-messages", "--permission-prompt-tool=stdio"} <= set(command.argv)
    assert command.cwd == "/home/dev/project"


def test_neither_prompt_is_in_the_command(backend):
    command = backend.command(SPEC, SITE)
    assert "secret" not in " ".join([*command.argv, *command.env, *command.env.values(), *command.files])


def test_every_option_is_one_element_so_that_no_value_can_be_an_option(backend):
    asked = {"model": "--m", "resume": "--r", "allowed_tools": ("--a", "b"), "max_turns": 3}
    assert all(option.startswith("-") for option in options(backend, **asked))
    assert {"--model=--m", "--resume=--r", "--allowedTools=--a,b", "--max-turns=3"} <= set(added(backend, **asked))


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, []),
        ({"ephemeral": True}, ["--no-session-persistence"]),
        ({"resume": UUID, "system_prompt": None}, [f"--resume={UUID}"]),
        ({"resume": UUID}, [f"--resume={UUID}", "--system-prompt-snapshot=off"]),
        ({"approval_mode": ApprovalMode.AUTO}, ["--permission-mode=default"]),
        ({"approval_mode": ApprovalMode.NONE}, ["--permission-mode=default"]),
        ({"approval_mode": ApprovalMode.ALWAYS}, VETTED),
        ({"sandbox_mode": SandboxMode.READ_ONLY}, VETTED),
        ({"sandbox_mode": SandboxMode.WORKSPACE}, VETTED),
        ({"sandbox_mode": SandboxMode.FULL}, []),
        ({"extra": ("--effort=high",)}, ["--effort=high"]),
    ],
)
def test_what_a_run_asks_for_becomes_options(backend, asked, expected):
    assert added(backend, **asked) == expected


def test_where_tools_are_vetted_the_folders_own_memory_is_read_as_that_of_an_added_one(backend):
    name = "CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD"
    assert name not in backend.command(SPEC, SITE).env
    assert backend.command(replace(SPEC, sandbox_mode=SandboxMode.READ_ONLY), SITE).env[name] == "1"


def test_files_and_hooks_are_guarded_from_the_users_settings_too(backend):
    command = backend.command(SPEC, SITE)
    (settings,) = [option for option in command.argv if option.startswith("--settings=")]
    guarded = {"CLAUDE_CODE_DISABLE_ATTACHMENTS": "1", "CLAUDE_CODE_SIMPLE": ""}
    assert json.loads(settings.partition("=")[2]) == {"env": guarded}
    assert command.env["CLAUDE_CODE_DISABLE_ATTACHMENTS"] == "1"
    assert command.env["CLAUDE_CODE_MAX_RETRIES"] == str(MAX_RETRIES)


@pytest.mark.parametrize(
    "name",
    [
        *("CLAUDECODE", "CLAUDE_CODE_ENTRYPOINT", "CLAUDE_CODE_SSE_PORT", "CLAUDE_CODE_SESSION_ID"),
        *("CLAUDE_CODE_SIMPLE", "CLAUDE_CODE_SAFE_MODE", "CLAUDE_CODE_REMOTE", "NODE_OPTIONS"),
    ],
)
def test_what_marks_a_session_inside_a_session_is_not_passed_on(backend, name):
    assert not any(fnmatchcase(name, allowed) for allowed in backend.traits.environment)


@pytest.mark.parametrize(
    "name",
    [
        *("ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CONFIG_DIR"),
        *("CLAUDE_CODE_USE_BEDROCK", "AWS_PROFILE", "CLAUDE_CODE_USE_VERTEX", "VERTEX_REGION_CLAUDE_4"),
    ],
)
def test_what_logs_in_is_passed_on(backend, name):
    assert any(fnmatchcase(name, allowed) for allowed in backend.traits.environment)


@pytest.mark.parametrize(
    ("asked", "paths"),
    [
        ({}, []),
        ({"extra": ("--effort=high", "--safe-mode"), "resume": UUID}, []),
        ({"resume": "latest"}, ["/session_id"]),
        ({"extra": ("--effort",)}, ["/extra/0"]),
        ({"extra": ("--effort=low", "--safe-mode=1")}, ["/extra/1"]),
        (
            {"extra": ("--bare", "--add-dir=/", "--dangerously-skip-permissions")},
            ["/extra/0", "/extra/1", "/extra/2"],
        ),
        (
            {"extra": ("--permission-mode=bypassPermissions", "--settings={}", "--agent=a")},
            ["/extra/0", "/extra/1", "/extra/2"],
        ),
    ],
)
def test_what_claude_may_not_be_told_is_a_fault(backend, asked, paths):
    faults = backend.faults(replace(SPEC, **asked))
    assert [fault.path for fault in faults] == paths


def test_a_flag_of_the_wrong_kind_is_told_with_the_right_one(backend):
    assert backend.faults(replace(SPEC, extra=("--effort", "--safe-mode=1"))) == [
        Fault("/extra/0", "'--effort' lacks its value", "--effort=VALUE"),
        Fault("/extra/1", "'--safe-mode' takes no value", "--safe-mode"),
    ]


@pytest.mark.parametrize(
    "asked",
    [
        {"workdir": "/elsewhere"},
        {"model": "m"},
        {"ephemeral": False},
        {"system_prompt": "another"},
        {"replace_system_prompt": True},
        {"approval_mode": ApprovalMode.NONE},
        {"sandbox_mode": SandboxMode.FULL},
        {"max_turns": 1},
        {"allowed_tools": ("Bash",)},
        {"extra": ("--effort=low",)},
    ],
)
def test_all_but_the_prompt_is_fixed_when_a_child_starts(backend, asked):
    assert backend.key(SPEC) == backend.key(replace(SPEC, prompt="another", timeout_secs=1.0, resume=UUID))
    assert backend.key(SPEC) != backend.key(replace(SPEC, **asked))


def test_modes_that_are_said_alike_on_the_command_line_are_no_less_different(backend):
    auto, none = (replace(SPEC, approval_mode=mode) for mode in (ApprovalMode.AUTO, ApprovalMode.NONE))
    assert backend.command(auto, SITE) == backend.command(none, SITE)
    assert backend.key(auto) != backend.key(none)


def test_each_child_has_a_dialogue_of_its_own(backend):
    assert backend.dialogue(SPEC) is not backend.dialogue(SPEC)


def test_it_is_asked_to_stop_before_it_is_made_to_and_gets_the_time_it_needs(backend):
    assert [rung.step for rung in backend.traits.stop] == [Step.INTERRUPT, Step.CLOSE_STDIN, Step.SIGTERM]
    assert [rung.step for rung in backend.traits.retire] == [Step.CLOSE_STDIN, Step.SIGTERM]
    assert all(ladder[-1].grace >= 2 for ladder in (backend.traits.stop, backend.traits.retire))


def test_its_version_is_found_in_what_it_prints(backend):
    assert re.search(backend.executable.version, "2.1.329 (Claude Code)\n")[1] == "2.1.329"
    assert backend.executable.name == "claude"


def test_an_exit_is_explained(backend):
    assert backend.explain(Exit(1, None, "Not logged in")).code is ErrorCode.NOT_AUTHENTICATED
    assert backend.explain(Exit(0)) is None
