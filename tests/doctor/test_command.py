"""clinvk doctor, run as a program."""

import json
import os
import pty
import select
import shutil
import subprocess
import sys

import pytest

from clinvk import __version__, cli
from clinvk.schemas import Schemas
from tests import clis
from tests.e2e.conftest import DEADLINE

COMMAND = (sys.executable, "-m", "clinvk", "doctor")
PATIENT = f"""if True:
    import runpy
    from functools import partial
    from clinvk.commands import doctor
    from clinvk.doctor import cli, clis, server
    cli.ASK_SECS = clis.ASK_SECS = server._ANSWER_SECS = {DEADLINE}
    clis._BOUND_SECS = 1.5 * {DEADLINE}
    doctor.examine = partial(doctor.examine, seconds=2 * {DEADLINE})
    runpy.run_module("clinvk", run_name="__main__", alter_sys=True)
"""
PATH = os.environ.get("PATH", os.defpath)


@pytest.fixture
def doctor(machine):
    """The program, with patience: how long it waits is for people, not for machines."""

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-c", PATIENT, "doctor", *arguments],
            capture_output=True, text=True, check=False, timeout=50, cwd=machine.user,
        )  # fmt: skip
        assert "Traceback" not in done.stderr + done.stdout
        return done

    return run


@pytest.fixture
def usable(machine):
    """A machine where nothing is amiss with the one CLI that is wanted."""
    machine.set(CLAUDE_CODE_OAUTH_TOKEN="31337")
    machine.cli("claude")
    machine.home.mkdir(mode=0o700)
    machine.configure("server:\n  port: 0\nbackends:\n  codex: {enabled: false}\n  gemini: {enabled: false}\n")
    return machine


def test_json_keeps_its_schema_and_a_warning_is_no_failure(doctor, usable):
    usable.home.chmod(0o755)
    done = doctor("--json")
    report = json.loads(done.stdout)
    assert Schemas().checker("native/doctor-report").faults(report) == []
    assert (done.returncode, done.stderr, report["ok"], report["version"]) == (0, "", True, __version__)
    assert "warning" in {each["level"] for each in report["findings"]}
    assert "31337" not in done.stdout


def test_a_problem_ends_with_1_and_is_told_in_the_verdict(doctor, usable):
    usable.home.chmod(0o777)
    done = doctor()
    assert done.returncode == 1
    assert "✗ problem  others may write" in done.stdout
    assert "problem to solve" in done.stdout.splitlines()[-1]
    assert "\x1b" not in done.stdout


def test_a_broken_configuration_ends_with_3_and_the_rest_is_examined_all_the_same(doctor, usable):
    other = usable.file("other.yaml", "server:\n  prot: 1\n")
    done = doctor("--json", "--config", str(other))
    report = json.loads(done.stdout)
    assert (done.returncode, report["ok"]) == (3, False)
    assert str(other) in str([each for each in report["findings"] if each["id"] == "config-file"])
    assert {"cli", "home", "server", "machine"} <= {each["subject"] for each in report["findings"]}


def test_wrong_usage_ends_with_2(capsys):
    with pytest.raises(SystemExit) as ended:
        cli.run(["doctor", "--jsn"])
    assert ended.value.code == 2
    assert "unrecognized arguments" in capsys.readouterr().err


def test_a_file_that_was_named_and_is_not_there_is_a_broken_configuration(doctor, machine):
    machine.set(CLINVK_CONFIG="/nowhere/config.yaml")
    done = doctor()
    assert done.returncode == 3
    assert "✗ problem /nowhere/config.yaml" in " ".join(done.stdout.split())


@pytest.mark.parametrize(("more", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colours_are_for_terminals_that_may_have_them(usable, more, coloured):
    usable.set(**({"TERM": "xterm-256color"} | more))
    leader, follower = pty.openpty()
    with subprocess.Popen(
        COMMAND, stdin=follower, stdout=follower, stderr=follower, start_new_session=True
    ) as child:
        os.close(follower)
        told = b""
        try:
            while piece := read(leader):
                told += piece
        finally:
            os.close(leader)
        child.wait(DEADLINE)
    assert b"clinvk doctor" in told
    assert (b"\x1b[" in told) is coloured


def read(fd):
    """What comes next; nothing at the end."""
    assert select.select([fd], [], [], DEADLINE)[0], "nothing came"
    try:
        return os.read(fd, 4096)
    except OSError:  # the other side is closed
        return b""


def test_nobody_who_listens_is_no_error(usable):
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait(DEADLINE) in {0, 1}


@pytest.mark.clis
@pytest.mark.skipif(not clis.installed(), reason="the CLIs are not there: scripts/install-clis")
@pytest.mark.timeout(120)
def test_the_real_clis_are_found_logged_out_and_nothing_is_left_in_home(machine, doctor):
    machine.set(
        PATH=f"{clis.CLIS / 'node_modules' / '.bin'}:{PATH}", HTTPS_PROXY=clis.NOWHERE, HTTP_PROXY=clis.NOWHERE
    )
    report = json.loads(doctor("--json").stdout)
    logins = {each["about"]: each["level"] for each in report["findings"] if each["id"] == "cli-login"}
    assert logins == dict.fromkeys(clis.NAMES, "warning")
    started = {each["about"] for each in report["findings"] if each["id"] in {"cli-found", "cli-slow"}}
    assert started == set(clis.NAMES)
    assert list(machine.user.iterdir()) == []


@pytest.mark.clis
@pytest.mark.skipif(not clis.installed(), reason="the CLIs are not there: scripts/install-clis")
@pytest.mark.timeout(120)
def test_the_real_clis_tell_what_they_are_logged_in_by(machine, doctor):
    variables = clis.environment(machine.user, clis.NOWHERE)
    shutil.rmtree(machine.user / ".codex")
    machine.file(".codex/auth.json", json.dumps({"OPENAI_API_KEY": "sk-dummy-31337-31337-31337"}))
    machine.file(".claude/.credentials.json", json.dumps({"claudeAiOauth": {
        "accessToken": "31337", "refreshToken": "31337", "expiresAt": 1, "scopes": ["user:inference"],
        "subscriptionType": "max"}}))  # fmt: skip
    machine.set(
        **{**variables, "HOME": str(machine.user), "PATH": f"{clis.CLIS / 'node_modules' / '.bin'}:{PATH}"}
    )
    done = doctor("--json")
    found = json.loads(done.stdout)["findings"]
    assert {each["message"] for each in found if each["id"] == "cli-login"} == {
        f"{name} is logged in by an API key" for name in clis.NAMES
    }
    assert [each["about"] for each in found if each["id"] == "env-billing"] == ["ANTHROPIC_API_KEY"]
    assert "31337" not in done.stdout
