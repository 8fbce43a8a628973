"""The files that service managers read: the documents', and ours."""

import argparse
import configparser
import plistlib
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from clinvk import cli
from clinvk.service.launchd import Launchd
from clinvk.service.plan import Plan
from clinvk.service.systemd import Systemd

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "docs" / "deploy"
SYSTEMD = DEPLOY / "systemd"
DOCUMENTS = ROOT / "tests" / "documents" / "service"
SERVICES = [DOCUMENTS / "clinvk.service", SYSTEMD / "clinvk.service", SYSTEMD / "user" / "clinvk.service"]
PLISTS = [DOCUMENTS / "com.clinvk.server.plist", DEPLOY / "launchd" / "com.clinvk.server.plist"]
PROGRAM = "/usr/local/bin/clinvk"


def named(path):
    return str(path.relative_to(ROOT))


def section(text, name="Service"):
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str
    parser.read_string(text)
    return dict(parser[name])


def plan(**changed):
    usual = {
        "command": (PROGRAM, "serve", "--port", "8080"),
        "user_home": Path("/Users/youruser"),
        "path": "/usr/bin:/bin",
        "variables": {},
        "env_file": Path("/home/youruser/.clinvk/service.env"),
        "grace_secs": 0.0,
    }
    return Plan(**usual | changed)


def verified(units, folder, scope="--system"):
    """What systemd-analyze has to say of these, side by side, with a program where they want one."""
    tool = shutil.which("systemd-analyze")
    if tool is None:
        pytest.skip("systemd-analyze is not here")
    for name, text in units.items():
        (folder / name).write_text(re.sub(rf"^(ExecStart=){PROGRAM}", r"\1/bin/true", text, flags=re.MULTILINE))
    done = subprocess.run(
        [tool, "verify", scope, *(str(folder / name) for name in units)],
        capture_output=True, text=True, check=False, timeout=50, env={"XDG_RUNTIME_DIR": str(folder), "HOME": "/"},
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=named)
def test_systemd_finds_no_fault_in_a_unit(unit, tmp_path):
    scope = "--user" if unit.parent.name == "user" else "--system"
    assert verified({unit.name: unit.read_text()}, tmp_path, scope) == (0, "")


@pytest.mark.parametrize("folder", [SYSTEMD, SYSTEMD / "user"], ids=named)
def test_nor_in_our_sockets(folder, tmp_path):
    units = {name: (folder / name).read_text() for name in ("clinvk.service", "clinvk.socket")}
    scope = "--user" if folder.name == "user" else "--system"
    assert verified(units, tmp_path, scope) == (0, "")
    socket = section(units["clinvk.socket"].replace("ListenStream=127", "First=127"), "Socket")
    assert socket["First"] == "127.0.0.1:8080"
    assert (socket["SocketMode"], "Accept" in socket) == ("0600", False)


def test_a_fault_is_found(tmp_path):
    code, told = verified(
        {"clinvk.service": SERVICES[1].read_text().replace("KillMode=mixed", "KillMde=x")}, tmp_path
    )
    assert "KillMde" in told, code


def test_nor_in_what_is_installed_however_odd_its_words_are(tmp_path):
    odd = plan(
        command=(PROGRAM, "serve", "--config", '/a b/"c" %n $HOME \\x.yaml'), path="/a b:/c%d", grace_secs=1.5
    )
    text = Systemd(tmp_path).text(odd)
    assert verified({"clinvk.service": text}, tmp_path, "--user") == (0, "")
    assert "TimeoutStopSec=32\n" in text


def test_a_folder_that_would_be_read_as_a_pattern_is_meant_as_it_is_called(tmp_path):
    text = Systemd(tmp_path).text(plan(env_file=Path("/a [b]*?\\x/50%/service.env")))
    assert section(text)["EnvironmentFile"] == r"-/a \[b]\*\?\\x/50%%/service.env"


def test_what_is_installed_is_what_the_documentation_has():
    written = section(Systemd(Path("/home/youruser")).text(plan()))
    shown = section((SYSTEMD / "user" / "clinvk.service").read_text())
    for text in (written, shown):
        del text["Environment"], text["EnvironmentFile"]
    assert written == shown
    agent = plistlib.loads(Launchd(Path("/Users/youruser")).text(plan()).encode())
    documented = plistlib.loads(PLISTS[1].read_bytes())
    for job in (agent, documented):
        del job["EnvironmentVariables"]
    assert agent == documented


def test_the_systems_unit_differs_from_the_users_where_it_has_to():
    theirs, mine = (section(unit.read_text()) for unit in SERVICES[1:])
    hardening = {"NoNewPrivileges", "CapabilityBoundingSet", "ProtectSystem", "RestrictAddressFamilies"}
    assert theirs.keys() - mine.keys() == {"User", "WorkingDirectory", *hardening}
    same = mine.keys() - {"Environment", "EnvironmentFile"}
    assert {name: theirs[name] for name in same} == {name: mine[name] for name in same}
    # In a unit of the system it is root's.
    assert "%h" not in "".join(theirs.values())


def test_our_units_have_their_control_groups_for_themselves():
    for unit in SERVICES[1:]:
        assert section(unit.read_text())["Delegate"] == "yes"


@pytest.mark.parametrize("unit", SERVICES, ids=named)
def test_a_units_command_is_taken(unit):
    words = shlex.split(section(unit.read_text())["ExecStart"])
    assert words[0] == PROGRAM
    assert cli._parser().parse_args(words[1:]).port == 8080


@pytest.mark.parametrize("path", PLISTS, ids=named)
def test_an_agent_is_named_as_its_file_starts_at_login_and_its_command_is_taken(path):
    agent = plistlib.loads(path.read_bytes())
    assert f"{agent['Label']}.plist" == path.name
    assert agent["RunAtLoad"] is True
    assert agent["KeepAlive"] in (True, {"SuccessfulExit": False})
    program, *arguments = agent["ProgramArguments"]
    assert program == PROGRAM
    options: argparse.Namespace = cli._parser().parse_args(arguments)
    assert options.port == 8080
    assert all(isinstance(value, str) for value in agent.get("EnvironmentVariables", {}).values())
