"""clinvk service, before stand-ins of systemctl, loginctl and launchctl that write down how they were called."""

import argparse
import configparser
import functools
import os
import plistlib
import subprocess
import sys

import pytest

from clinvk.commands import service
from clinvk.service.plan import MARKER
from tests.commands.standins import Machine


@pytest.fixture
def machine(tmp_path, capsys):
    return Machine(tmp_path, capsys)


def unit(text):
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(text)
    return parser["Service"]


def test_install_writes_the_unit_and_has_it_started(machine):
    assert machine("install", "--port", "3000") == 0
    written = unit(machine.unit.read_text())
    assert written["ExecStart"] == f"{sys.executable} -m clinvk serve --port 3000"
    assert written["Environment"] == f'"PATH={machine.bin}:/usr/bin"'
    assert written["EnvironmentFile"] == f"-{machine.home}/.clinvk/service.env"
    assert (written["Type"], written["NotifyAccess"], written["KillMode"]) == ("notify", "all", "mixed")
    assert machine.calls() == [
        "systemctl --user show-environment",
        "systemctl --user daemon-reload",
        "systemctl --user enable --now clinvk.service",
        f"loginctl show-user {_user()} --property=Linger",
    ]
    assert machine.out.splitlines()[:2] == [f"wrote {machine.unit}", "it runs, and starts with your login"]
    assert f"loginctl enable-linger {_user()}" in machine.out


@pytest.mark.e2e
def test_the_whole_program_does_it_too(machine):
    environment = {"HOME": str(machine.home), "PATH": f"{machine.bin}:/usr/bin"}
    command = [sys.executable, "-m", "clinvk", "service", "install", "--print"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=machine.home)
    assert (done.returncode, done.stderr) == (0, "")
    machine("install")
    assert done.stdout == machine.unit.read_text()


def test_print_writes_the_same_to_standard_output_and_does_nothing(machine):
    assert machine("install", "--print", "--port", "3000") == 0
    printed = machine.out
    assert machine.calls() == []
    assert list(machine.home.iterdir()) == []
    machine("install", "--port", "3000")
    assert machine.unit.read_text() == printed


def test_who_lingers_is_not_told_to(machine):
    machine.answer({"loginctl": (0, "Linger=yes\n", "")})
    assert machine("install") == 0
    assert "enable-linger" not in machine.out


def test_uninstall_undoes_exactly_that(machine):
    machine("install")
    neighbour = machine.unit.with_name("other.service")
    neighbour.touch()
    machine.calls()
    assert machine("uninstall") == 0
    assert machine.calls() == [
        "systemctl --user show-environment",
        "systemctl --user disable --now clinvk.service",
        "systemctl --user daemon-reload",
    ]
    assert (machine.unit.exists(), neighbour.exists()) == (False, True)
    assert machine("uninstall") == 0
    assert machine.calls() == []
    assert machine.out == f"nothing to undo: there is no {machine.unit}\n"


@pytest.mark.parametrize("action", ["install", "uninstall"])
def test_a_file_that_is_not_ours_stays(machine, action):
    machine.unit.parent.mkdir(parents=True)
    machine.unit.write_text("[Service]\nExecStart=/bin/true\n")
    assert machine(action) == 1
    assert machine.err == f"clinvk: {machine.unit} was not written by clinvk: it stays as it is\n"
    assert machine.unit.read_text() == "[Service]\nExecStart=/bin/true\n"
    assert [call for call in machine.calls() if "environment" not in call] == []


def test_a_second_install_replaces_the_first_and_restarts_nothing(machine):
    machine("install", "--port", "3000")
    machine.calls()
    assert machine("install", "--port", "3001") == 0
    assert "--port 3001" in machine.unit.read_text()
    assert "goes on as it was" in machine.out
    assert [call for call in machine.calls() if "restart" in call] == []
    assert list(machine.unit.parent.iterdir()) == [machine.unit]
    assert machine("install", "--port", "3001") == 0
    assert machine.out.startswith(f"nothing to change in {machine.unit}\n")


@pytest.mark.parametrize("action", ["install", "uninstall", "status"])
def test_without_an_instance_for_the_user_it_says_so_and_leaves_all_as_it_is(machine, action):
    if action != "install":
        machine("install")
    before = machine.unit.exists()
    machine.answer({"systemctl": (1, "", "Failed to connect to bus: No medium found\n")})
    assert machine(action) == 1
    assert machine.err.startswith(
        "clinvk: this user has no systemd that answers: Failed to connect to bus: No medium found\n"
    )
    assert "--print" in machine.err
    assert machine.unit.exists() == before


def test_without_systemctl_it_says_so(machine):
    (machine.bin / "systemctl").unlink()
    assert machine("install", PATH=str(machine.bin)) == 1
    assert machine.err == "clinvk: there is no systemctl here\n"


def test_a_server_that_does_not_start_is_exit_code_1_and_where_to_look(machine):
    machine.answer({"enable": (1, "", "Job for clinvk.service failed\n")})
    assert machine("install") == 1
    assert "Job for clinvk.service failed" in machine.err
    assert "journalctl --user -u clinvk -n 20" in machine.err


def test_a_wrong_configuration_is_found_before_anything_is_written(machine):
    file = machine.home / "c.yaml"
    file.write_text("server:\n  prot: 1\n")
    assert machine("install", "--config", str(file)) == 3
    assert "server.prot is not a known key" in machine.err
    assert machine.calls() == []
    assert not machine.unit.exists()


def test_status_tells_what_systemd_tells(machine):
    assert machine("status") == 1
    assert machine.out == f"not installed: there is no {machine.unit}\n"
    machine("install")
    told = (
        "ActiveState=active\nSubState=running\nUnitFileState=enabled\nMainPID=7\nStatusText=a: 1 live, 0 queued\n"
    )
    machine.answer({"show clinvk.service": (0, told, "")})
    assert machine("status") == 0
    assert machine.out.splitlines() == [
        str(machine.unit), "active (running), enabled", "main process 7", "a: 1 live, 0 queued"
    ]  # fmt: skip
    told = "ActiveState=failed\nSubState=failed\nUnitFileState=enabled\nMainPID=0\nStatusText=\n"
    machine.answer({"show clinvk.service": (0, told, "")})
    assert machine("status") == 1
    assert machine.out.splitlines()[1:] == ["failed (failed), enabled"]


def test_no_secret_is_written_and_who_misses_what_is_told(machine):
    secrets = {
        "CLINVK_API_KEYS": "secret-key-of-a-good-length-0123456789",
        "ANTHROPIC_API_KEY": "secret-2",
        "HTTPS_PROXY": "http://u:secret-3@x",
    }
    assert machine("install", **secrets) == 0
    assert "secret-" not in machine.unit.read_text() + machine.out + machine.err
    hint = (
        f"it does not see {', '.join(secrets)}: what it needs of them goes into {machine.home}/.clinvk/service.env"
    )
    assert hint in machine.out


def test_a_home_of_its_own_its_file_and_its_grace_go_with_it(machine):
    home = machine.home / 'a home, with 5% and "$x"'
    home.mkdir()
    file = home / "own.yaml"
    file.write_text("server:\n  shutdown_grace_secs: 90.5\n")
    given = {"CLINVK_HOME": str(home), "CLINVK_CONFIG": str(file)}
    assert machine("install", "--print", **given) == 0
    written = machine.out
    assert f'Environment="CLINVK_HOME={machine.home}/a home, with 5%% and \\"$x\\""' in written
    assert f'serve --config "{machine.home}/a home, with 5%% and \\"$$x\\"/own.yaml"' in written
    assert f"EnvironmentFile=-{machine.home}/a home, with 5%% and" in written
    assert "TimeoutStopSec=121\n" in written


def test_what_a_unit_cannot_hold_is_refused(machine):
    assert machine("install", "--print", CLINVK_HOME="/home/a\nExecStart=/bin/sh") == 1
    assert machine.err.startswith("clinvk: systemd would not take this into a unit: ")
    assert machine.out == ""


# macOS, as far as it can be had elsewhere: the command is told that it runs there.


@pytest.fixture
def mac(machine):
    return functools.partial(machine, platform="darwin")


def job():
    return f"gui/{os.getuid()}/com.clinvk.server"


def loaded(machine, *, now):
    machine.answer({} if now else {f"print {job()}": (113, "", "Could not find service\n")})


def test_on_macos_launchd_has_an_agent_that_starts_stays_and_ends_well(mac, machine):
    loaded(machine, now=False)
    assert mac("install", "--port", "3000") == 0
    text = machine.plist.read_text()
    agent = plistlib.loads(text.encode())
    assert agent["ProgramArguments"] == [sys.executable, "-m", "clinvk", "serve", "--port", "3000"]
    assert (agent["Label"], agent["RunAtLoad"], agent["KeepAlive"]) == (
        "com.clinvk.server", True, {"SuccessfulExit": False}
    )  # fmt: skip
    assert agent["EnvironmentVariables"] == {"PATH": f"{machine.bin}:/usr/bin"}
    assert (agent["WorkingDirectory"], agent["ExitTimeOut"]) == (str(machine.home), 30)
    assert MARKER in text
    assert machine.calls() == [
        f"launchctl print gui/{os.getuid()}",
        f"launchctl print {job()}",
        f"launchctl bootstrap gui/{os.getuid()} {machine.plist}",
    ]
    assert f"its log: {machine.home}/Library/Logs/clinvk.log" in machine.out


def test_on_macos_uninstall_boots_it_out_and_removes_the_file(mac, machine):
    loaded(machine, now=False)
    mac("install")
    loaded(machine, now=True)
    machine.calls()
    assert mac("uninstall") == 0
    assert f"launchctl bootout {job()}" in machine.calls()
    assert not machine.plist.exists()


def test_on_macos_status_is_whether_launchd_knows_it(mac, machine):
    loaded(machine, now=False)
    mac("install")
    assert mac("status") == 1
    loaded(machine, now=True)
    assert mac("status") == 0
    assert f"launchctl print {job()}" in machine.out


def test_on_macos_a_file_that_is_not_ours_stays(mac, machine):
    machine.plist.parent.mkdir(parents=True)
    machine.plist.write_text("<plist/>")
    assert mac("uninstall") == 1
    assert machine.plist.read_text() == "<plist/>"
    assert machine.calls() == []


def test_elsewhere_there_is_no_manager_that_it_knows(capsys):
    options = argparse.Namespace(action="status")
    assert service.run(options, {}, "freebsd14") == 1
    assert capsys.readouterr().err == "clinvk: freebsd14 has no service manager that clinvk knows\n"


def _user():
    return subprocess.run(["id", "-un"], capture_output=True, text=True, check=True).stdout.strip()
