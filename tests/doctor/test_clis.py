"""The CLIs, as the doctor finds them: real processes, of programs that stand in for them."""

import os

import pytest

from clinvk import processes
from clinvk.doctor import cli, clis
from clinvk.doctor.case import Case
from clinvk.supervisor.environment import MARKER
from tests.doctor.conftest import Findings


@pytest.fixture
def look(machine):
    async def found():
        return Findings(await clis.findings(machine.case()))

    return found


async def test_a_cli_is_found_with_its_version_and_starts_without_a_terminal(machine, look):
    program = machine.cli("claude")
    found = await look()
    assert found.one("cli-found").message == f"claude 2.1.400 starts without a terminal ({program})"
    assert found.of("cli-version") == found.of("cli-unusable") == found.of("cli-none") == []


async def test_a_version_that_nobody_tried_is_a_warning(machine, look):
    machine.cli("codex", version="echo codex-cli 9.0.0")
    finding = (await look()).one("cli-version")
    assert (finding.level, finding.about) == ("warning", "codex")
    assert "nobody has tried" in finding.message


async def test_a_cli_that_does_not_start_is_of_no_use_and_says_why(machine, look):
    machine.cli("claude", version="echo 'libfoo.so is missing' >&2; exit 127")
    found = await look()
    finding = found.one("cli-unusable")
    assert finding.level == "warning"
    assert "libfoo.so is missing" in finding.message
    assert found.level("cli-none") == "problem"


async def test_what_is_enabled_and_of_no_use_is_a_problem(machine, look):
    machine.configure(
        "backends:\n  claude:\n    enabled: true\n  codex:\n    enabled: true\n    path: /nowhere/codex\n"
    )
    machine.cli("claude", version="exit 1")
    machine.cli("gemini")
    found = await look()
    assert {each.about: str(each.level) for each in found.of("cli-unusable")} == dict.fromkeys(
        ("claude", "codex"), "problem"
    )
    assert found.one("cli-none").message == "default_backend is claude, which cannot be used"


async def test_a_disabled_cli_is_told_and_not_asked(machine, look):
    machine.configure("backends:\n  claude:\n    enabled: false\n")
    machine.cli("claude")
    found = await look()
    assert found.level("cli-disabled") == "note"
    assert machine.questions == []


async def test_of_two_on_the_path_the_first_is_named_as_the_one_that_is_taken(machine, look, tmp_path):
    first, second = machine.cli("claude"), machine.cli("claude", folder=tmp_path / "other")
    machine.set(PATH=f"{machine.bin}:{tmp_path / 'other'}:/usr/bin:/bin")
    assert f"{first} is taken before {second}" in (await look()).one("cli-twice").message


async def test_one_program_under_two_names_is_one(machine, look, tmp_path):
    program = machine.cli("claude")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "claude").symlink_to(program)
    machine.set(PATH=f"{machine.bin}:{tmp_path / 'other'}:/usr/bin:/bin")
    assert (await look()).of("cli-twice") == []


async def test_a_shell_script_in_the_place_of_a_cli_is_noted(machine, look):
    machine.cli("claude")
    assert "is a shell script" in (await look()).one("cli-wrapped").message


async def test_a_file_that_may_not_be_executed_is_told_with_the_cure(machine, look):
    program = machine.cli("claude")
    program.chmod(0o644)
    finding = (await look()).one("cli-unusable")
    assert finding.cure == f"chmod +x {program}"


async def test_a_cli_that_only_the_users_own_path_leads_to_is_noted(machine, look):
    machine.cli("claude")
    assert "does not find claude" in (await look()).one("cli-service").message
    local = machine.user / ".local" / "bin"
    local.mkdir(parents=True)
    (machine.bin / "claude").rename(local / "claude")
    machine.set(PATH="/usr/bin:/bin")
    assert (await look()).of("cli-service", "claude") == []


async def test_a_node_that_is_too_old_for_the_package_is_named(machine, look, tmp_path):
    package = tmp_path / "node_modules" / "@google" / "gemini-cli"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"version": "0.61.0", "engines": {"node": ">=20"}}')
    program = package / "gemini.js"
    program.write_text("#!/usr/bin/env node\n")
    program.chmod(0o755)
    (machine.bin / "gemini").symlink_to(program)
    node = machine.bin / "node"
    for version, levels in (("v18.20.4", ["warning"]), ("v20.0.0", [])):
        node.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo {version}\nexit 0\n')
        node.chmod(0o755)
        found = (await look()).of("cli-node")
        assert [each.level for each in found] == levels
        assert all("needs Node.js 20" in each.message and version in each.message for each in found)


async def test_a_slow_cli_is_given_up_and_nothing_of_it_is_left(machine, look, monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "ASK_SECS", 0.5)
    marker = "doctor-gemini---version"
    package = tmp_path / "node_modules" / "@google" / "gemini-cli"
    package.mkdir(parents=True)
    (package / "package.json").write_text('{"version": "0.61.0"}')
    machine.cli("gemini", version="setsid sleep 1000 & sleep 1000", folder=package)
    (machine.bin / "gemini").symlink_to(package / "gemini")
    found = await look()
    assert "did not answer '--version' within 0.5 s" in found.one("cli-slow").message
    below = processes.descendants(os.getpid(), processes.table())
    assert [row for row in below if processes.marker(row.pid, MARKER) == marker] == []


async def test_clis_that_were_not_looked_at_to_the_end_are_not_said_to_be_of_no_use(machine, look, monkeypatch):
    monkeypatch.setattr(clis, "_BOUND_SECS", 0.5)
    machine.configure("default_backend: claude\nbackends: {gemini: {enabled: false}}\n")
    for name in ("claude", "codex"):
        machine.cli(name, version="sleep 1000")
    found = await look()
    assert {each.about for each in found.of("cli-slow")} == {"claude", "codex"}
    assert found.of("cli-none") == []


@pytest.mark.parametrize("version", ["sleep 1000", "echo nonsense"])
async def test_a_cli_that_tells_no_version_is_not_said_to_start(machine, look, monkeypatch, version):
    monkeypatch.setattr(cli, "ASK_SECS", 0.5)
    monkeypatch.setattr(clis, "ASK_SECS", 0.5)
    machine.cli("claude", version=version)
    found = await look()
    assert "did not tell its version" in found.one("cli-slow", "claude").message
    assert found.of("cli-found", "claude") == []


async def test_a_sandbox_that_does_not_work_is_told_in_codexs_own_words(machine, look):
    program = machine.cli("codex")
    assert (await look()).level("cli-sandbox") == "ok"
    program.write_text(
        program.read_text().replace("sandbox) exit 0", "sandbox) echo 'bwrap: no uid map' >&2; exit 1")
    )
    finding = (await look()).one("cli-sandbox")
    assert finding.level == "warning"
    assert "bwrap: no uid map" in finding.message


async def test_a_cli_sees_what_a_run_would_see_and_no_key_of_the_server(machine, look):
    machine.configure("backends:\n  claude:\n    env:\n      MINE: from-settings\n")
    machine.set(CLINVK_API_KEYS="a-key-of-this-server-1234567890abcdef", SECRET="x")
    seen = machine.user / "seen"
    machine.cli("claude", version=f"env >'{seen}'; echo '2.1.400 (Claude Code)'")
    await look()
    variables = dict(line.partition("=")[::2] for line in seen.read_text().splitlines())
    assert variables["MINE"] == "from-settings"
    assert not {"CLINVK_API_KEYS", "SECRET"} & variables.keys()


async def test_what_is_for_clients_of_this_server_logs_no_cli_in(machine, look):
    machine.set(ANTHROPIC_BASE_URL="http://127.0.0.1:8080/anthropic", ANTHROPIC_API_KEY="sk-dummy")
    machine.cli("claude")
    assert "not logged in" in (await look()).one("cli-login").message


async def test_without_a_table_of_processes_no_cli_is_started(machine, look, monkeypatch):
    machine.cli("claude")

    def unreadable():
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(processes, "table", unreadable)
    assert [str(each.id) for each in await look()] == ["cli-unasked"]
    assert machine.questions == []


def test_a_case_of_a_broken_configuration_has_the_defaults(machine):
    machine.configure("server:\n  prot: 1\n")
    case = machine.case()
    assert isinstance(case, Case)
    assert case.settings.server.port == 8080
    assert len(case.faults) == 1
