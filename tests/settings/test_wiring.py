"""Settings → what each part of the server takes."""

import pytest

from clinvk import wiring
from clinvk.api.services import Bounds, Habits
from clinvk.backends.registry import default_registry
from clinvk.domain.access import NO_KEYS, Grant, Keyring, digest
from clinvk.domain.spec import ApprovalMode, SandboxMode
from clinvk.supervisor.limits import BackendOptions, Limits, LingerLimits, PoolLimits
from clinvk.supervisor.sessions import SessionOptions

NAMES = default_registry().names()


def test_without_a_word_every_part_is_as_it_is_built(configured):
    held = configured("")
    assert wiring.bounds(held.server) == Bounds()
    assert wiring.habits(held) == {name: Habits() for name in NAMES}
    assert wiring.disabled(held) == set()
    plain = Limits(backends={name: BackendOptions() for name in NAMES}, pool=PoolLimits(children=6))
    assert wiring.limits(held, NO_KEYS, log_content=False) == plain


def test_how_children_wait_is_taken_from_the_pool(configured):
    held = configured(
        "pool:\n  max_idle_children: 2\n  max_idle_memory_bytes: 1048576\n  idle_timeout_secs: 3\n"
        "  max_turns_per_child: 4\n"
    )
    assert wiring.limits(held, NO_KEYS, log_content=False).pool == PoolLimits(2, 1048576, 3, 4)
    off = configured("pool:\n  enabled: false\n")
    assert wiring.limits(off, NO_KEYS, log_content=False).pool.children == 0


def test_what_may_linger_is_taken_from_its_own_section(configured):
    held = configured("linger:\n  max_secs: 60\n  max_runs: 3\n")
    assert wiring.limits(held, NO_KEYS, log_content=False).linger == LingerLimits(60, 3)


def test_limits_are_taken_from_server_flags_and_backends(configured):
    held = configured(
        "server:\n  max_concurrent_runs: 2\n  max_queued_runs: 3\nunified_flags:\n  command_timeout_secs: 4\n"
        "backends:\n  demo:\n    max_concurrent: 5\n    first_output_timeout_secs: 6\n    idle_timeout_secs: 7\n"
        "    path: /cli\n    env: {A: '1'}\n"
    )
    limits = wiring.limits(held, NO_KEYS, log_content=True)
    assert (limits.max_concurrent_runs, limits.max_queued_runs, limits.total_secs) == (2, 3, 4)
    assert limits.log_content
    assert limits.backends["demo"] == BackendOptions(
        max_concurrent=5, first_output_secs=6, idle_secs=7, path="/cli", variables={"A": "1"}
    )


def test_grants_and_folders_are_among_the_limits(configured):
    held = configured(
        "server:\n  allowed_workdir_prefixes: [/srv]\n  blocked_workdir_prefixes: [/srv/x]\n"
        "  max_run_output_bytes: 1048576\n"
    )
    grant = Grant("ci", max_concurrent_runs=1)
    limits = wiring.limits(held, Keyring({digest("k"): grant}), log_content=False)
    assert limits.grants == {"ci": grant}
    assert (limits.workdirs.allowed, limits.workdirs.blocked) == (("/srv",), ("/srv/x",))
    assert limits.run_bytes == 1048576


def test_a_backend_that_has_to_be_there_is_wanted(configured):
    held = configured("backends:\n  demo:\n    enabled: true\n")
    wanted = wiring.limits(held, NO_KEYS, log_content=False).backends
    assert [name for name in NAMES if wanted[name].wanted] == ["demo"]


def test_how_sessions_are_kept_is_taken_from_them(configured):
    held = configured(
        "session:\n  auto_resume: true\n  retention_days: 1\n  store_token_usage: false\n  default_tags: [a]\n"
        "  store_content: false\n"
    )
    assert wiring.session_options(held) == SessionOptions(True, 1, False, ("a",), False)
    assert wiring.session_options(configured("")) == SessionOptions()


def test_bounds_are_taken_from_the_server(configured):
    held = configured(
        "server:\n  max_request_body_bytes: 1\n  request_timeout_secs: 2\n  read_timeout_secs: 3\n"
        "  write_timeout_secs: 4\n  idle_timeout_secs: 5\n  allowed_hosts: [a]\n"
    )
    expected = Bounds(
        max_body_bytes=1, request_secs=2, read_secs=3, write_secs=4, idle_secs=5, allowed_hosts=("a",)
    )
    assert wiring.bounds(held.server) == expected


def test_variables_are_passed_on_by_name_and_those_set_stand_over_them(configured, monkeypatch):
    monkeypatch.setenv("PASSED", "1")
    monkeypatch.setenv("BOTH", "2")
    monkeypatch.delenv("NOWHERE", raising=False)
    held = configured(
        "backends:\n  demo:\n    pass_env: [PASSED, BOTH, NOWHERE]\n    env: {BOTH: '3', SET: '4'}\n"
    )
    assert wiring.variables(held.backends["demo"]) == {"PASSED": "1", "BOTH": "3", "SET": "4"}


@pytest.mark.parametrize(("said", "disabled"), [("true", set()), ("false", {"demo"})])
def test_only_what_is_said_to_be_is_disabled(configured, said, disabled):
    assert wiring.disabled(configured(f"backends:\n  demo:\n    enabled: {said}\n")) == disabled


def test_habits_of_a_backend_stand_over_those_of_all(configured):
    habits = wiring.habits(
        configured(
            "unified_flags:\n  approval_mode: auto\n  sandbox_mode: workspace\n  max_turns: 3\n  max_tokens: 4\n"
            "  dry_run: true\noutput:\n  format: json\n"
            "backends:\n  claude:\n    approval_mode: always\n"
            "    system_prompt: s\n    extra_flags: [--effort=high]\n    allowed_tools: [Read]\n"
            "    replace_system_prompt: true\n  codex:\n    sandbox_mode: read-only\n"
        )
    )
    for_all = Habits(
        approval_mode=ApprovalMode.AUTO,
        sandbox_mode=SandboxMode.WORKSPACE,
        max_turns=3,
        max_tokens=4,
        dry_run=True,
        output_format="json",
    )
    assert habits["gemini"] == habits["demo"] == for_all
    assert (habits["codex"].approval_mode, habits["codex"].sandbox_mode) == ("auto", "read-only")
    assert habits["claude"] == Habits(
        approval_mode=ApprovalMode.ALWAYS,
        sandbox_mode=SandboxMode.WORKSPACE,
        system_prompt="s",
        max_turns=3,
        max_tokens=4,
        extra=("--effort=high",),
        allowed_tools=("Read",),
        replace_system_prompt=True,
        dry_run=True,
        output_format="json",
    )


def test_an_empty_system_prompt_and_bounds_of_zero_are_none(configured):
    held = configured("unified_flags:\n  max_turns: 0\nbackends:\n  demo:\n    system_prompt: ''\n")
    assert wiring.habits(held)["demo"] == Habits()
