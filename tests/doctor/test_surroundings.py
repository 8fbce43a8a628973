"""Environment variables, the terminal and the machine."""

import os
import sys

import pytest

from clinvk.doctor import machine as machine_checks
from clinvk.doctor import mounts, terminal, variables
from clinvk.doctor.mounts import Mount


@pytest.fixture
def env(machine):
    return lambda: machine.found(variables.findings)


@pytest.fixture
def system(machine):
    return lambda: machine.found(machine_checks.findings)


def test_an_environment_with_nothing_in_it_is_told_to_be_fine(env):
    assert [(str(each.id), str(each.level)) for each in env()] == [("env-clean", "ok")]


@pytest.mark.parametrize(
    ("name", "value", "id_"),
    [
        ("ANTHROPIC_BASE_URL", "http://127.0.0.1:8080/31337", "env-loop"),
        ("ANTHROPIC_BASE_URL", "https://example.com/31337", "env-endpoint"),
        ("OPENAI_BASE_URL", "https://example.com/31337", "env-endpoint"),
        ("CODE_ASSIST_ENDPOINT", "https://example.com/31337", "env-endpoint"),
        ("ANTHROPIC_BEDROCK_BASE_URL", "https://example.com/31337", "env-endpoint"),
        ("CLAUDECODE", "31337", "env-nested"),
        ("CODEX_THREAD_ID", "31337", "env-nested"),
        ("HTTPS_PROXY", "http://u:31337@example.com", "env-proxy"),
        ("all_proxy", "http://u:31337@example.com", "env-proxy"),
        ("NODE_OPTIONS", "--require=31337", "env-node-options"),
    ],
)
def test_a_variable_is_named_and_its_value_is_not(machine, env, name, value, id_):
    machine.set(**{name: value})
    told = env()
    assert told.one(id_, name)
    assert "31337" not in str(told)


def test_a_key_for_clients_goes_with_the_address(machine, env):
    machine.set(OPENAI_BASE_URL="http://localhost:8080/openai/v1", OPENAI_API_KEY="31337")
    assert [each.about for each in env().of("env-loop")] == ["OPENAI_API_KEY", "OPENAI_BASE_URL"]


def test_an_address_that_the_settings_give_a_cli_counts(machine, env):
    machine.configure("backends:\n  claude:\n    env:\n      ANTHROPIC_BASE_URL: https://example.com/31337\n")
    assert env().level("env-endpoint", "ANTHROPIC_BASE_URL") == "warning"
    machine.configure(
        "backends:\n  claude:\n    enabled: false\n    env:\n      ANTHROPIC_BASE_URL: https://example.com\n"
    )
    assert env().of("env-endpoint") == []


@pytest.mark.parametrize(
    ("spared", "count"),
    [("127.0.0.1,localhost", 0), ("*", 0), ("localhost", 1), ("", 1), ("127.0.0.1, localhost ,x", 0)],
)
def test_a_proxy_needs_this_machine_to_be_spared(machine, env, spared, count):
    machine.set(HTTP_PROXY="http://example.com", NO_PROXY=spared)
    assert len(env().of("env-proxy")) == count


def test_node_options_that_reach_a_cli_are_worse_than_those_that_do_not(machine, env):
    machine.set(NODE_OPTIONS="--require=x")
    assert env().level("env-node-options") == "note"
    machine.configure("backends:\n  gemini:\n    pass_env: [NODE_OPTIONS]\n")
    assert [str(each.level) for each in env().of("env-node-options")] == ["warning", "note"]


@pytest.mark.parametrize(
    ("name", "text", "count"),
    [
        (".bashrc", "export CLINVK_API_KEYS=31337\n", 1),
        (".profile", "x=1\n  CLINVK_API_KEYS='31337'\n", 1),
        (".config/fish/config.fish", "set -gx CLINVK_API_KEYS 31337\n", 1),
        (".zshrc", "# export CLINVK_API_KEYS=31337\nMY_CLINVK_API_KEYS=1\n", 0),
    ],
)
def test_keys_in_a_profile_of_the_shell_are_told_with_the_file(machine, env, name, text, count):
    path = machine.file(name, text)
    told = env()
    assert [each.about for each in told.of("env-profile-keys")] == [str(path)] * count
    assert "31337" not in str(told)


def test_without_a_terminal_there_is_a_note_and_no_more(machine, monkeypatch):
    monkeypatch.setattr(terminal, "unfit", lambda: "standard input is not a terminal")
    told = machine.found(terminal.findings)
    assert [(str(each.id), str(each.level)) for each in told] == [("terminal-console", "note")]


@pytest.mark.parametrize(
    ("given", "ids"),
    [
        ({"TERM": "xterm-256color"}, []),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, []),
        ({"TERM": "screen", "TMUX": "x"}, ["terminal-colours"]),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, ["terminal-colours"]),
        ({"TERM": "xterm-256color", "LC_ALL": "C"}, ["terminal-locale"]),
        ({"TERM": "xterm-256color", "LANG": "en_GB.utf8"}, []),
    ],
)
def test_what_a_terminal_lacks_is_noted(machine, monkeypatch, given, ids):
    monkeypatch.setattr(terminal, "unfit", lambda: None)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((100, 40)))
    machine.set(**given)
    assert [str(each.id) for each in machine.found(terminal.findings) if each.level != "ok"] == ids


def test_a_small_terminal_is_noted(machine, monkeypatch):
    monkeypatch.setattr(terminal, "unfit", lambda: None)
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((60, 20)))
    assert "60×20" in machine.found(terminal.findings).one("terminal-size").message


def test_root_is_warned_and_another_user_is_not(machine, system, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert [each.about for each in system().of("machine-root")] == ["root", "claude"]
    machine.set(IS_SANDBOX="1")
    assert [each.about for each in system().of("machine-root")] == ["root"]
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert system().of("machine-root") == []


def test_without_proc_no_run_could_be_ended(system, monkeypatch):
    def unreadable():
        raise FileNotFoundError(2, "No such file or directory")

    assert system().level("machine-proc") == "ok"
    monkeypatch.setattr(machine_checks.processes, "table", unreadable)
    assert system().level("machine-proc") == "problem"


def test_a_proc_that_hides_processes_is_a_note_to_all_but_root(system, monkeypatch):
    monkeypatch.setattr(mounts, "table", lambda: [Mount("/proc", "proc", ("rw", "hidepid=2"))])
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "hidepid=2" in system().one("machine-proc").message
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert system().level("machine-proc") == "ok"


def test_a_kernel_without_subreapers_is_a_problem(system, monkeypatch):
    monkeypatch.setattr(machine_checks, "become_subreaper", lambda: False)
    assert system().level("machine-subreaper") == "problem"


def test_where_no_control_group_can_be_had_it_is_said(system, monkeypatch):
    monkeypatch.setattr(machine_checks.cgroups, "place", lambda: "/sys/fs/cgroup/here")
    assert system().level("machine-cgroup") == "ok"
    monkeypatch.setattr(machine_checks.cgroups, "place", lambda: None)
    assert system().level("machine-cgroup") == "note"


def test_a_system_without_a_guardian_is_a_warning(system, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert "no guardian" in system().one("machine-system").message


def test_a_home_of_clis_that_cannot_be_written_is_a_problem(machine, system):
    assert system().of("machine-home") == []
    machine.set(HOME="/nowhere")
    assert system().level("machine-home") == "problem"


@pytest.mark.parametrize(("limit", "cure"), [("max", ""), (str(600 << 20), "server.max_concurrent_runs 1")])
def test_memory_that_a_control_group_allows_is_held_against_what_runs_want(
    machine, system, monkeypatch, limit, cure
):
    file = machine.file("memory.max", f"{limit}\n")
    monkeypatch.setattr(machine_checks, "_limits", lambda: [1 << 40, *machine_checks._limit(file)])
    monkeypatch.setattr(os, "sysconf", lambda _: 1 << 20)  # so many pages of that size
    machine.configure("server:\n  max_concurrent_runs: 4\n")
    finding = system().one("machine-memory")
    assert finding.level == ("warning" if cure else "ok")
    assert finding.cure.endswith(cure)


def test_the_limits_of_this_process_can_be_read():
    assert all(limit > 0 for limit in machine_checks._limits())


def test_a_small_or_noexec_folder_for_temporary_files_is_told(system, monkeypatch):
    class State:
        f_bavail, f_frsize, f_blocks, f_flag = 10, 1 << 20, 32, os.ST_NOEXEC

    monkeypatch.setattr(os, "statvfs", lambda _: State)
    told = system()
    assert [str(each.level) for each in told.of("machine-tmp")] == ["warning", "note"]
    assert "32 MiB" in told.one("machine-shm").message


def test_a_container_is_told_by_the_variable_that_its_kind_sets(machine, system, monkeypatch):
    machine.set(container="lxc")
    monkeypatch.setattr(machine_checks.processes, "command", lambda _: "/usr/bin/clinvk serve")
    assert [each.about for each in system().of("machine-container")] == ["container", "pid 1"]
    monkeypatch.setattr(machine_checks.processes, "command", lambda _: "/sbin/docker-init -- clinvk")
    assert [each.about for each in system().of("machine-container")] == ["container"]
