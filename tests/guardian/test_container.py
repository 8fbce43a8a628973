"""As the first process of a pid namespace, as in a container."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys

import pytest

from clinvk import processes

USER = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
UNSHARE = ["unshare", *USER, "--pid", "--fork"]


@pytest.fixture(autouse=True)
def _needs_namespaces():
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        pytest.skip("unshare or nsenter is not installed")
    tried = subprocess.run(
        [*UNSHARE, "--mount-proc", "true"], check=False, timeout=30, capture_output=True, text=True
    )
    if tried.returncode:
        pytest.skip(f"unshare is not permitted: {tried.stderr.strip()}")


def children(pid):
    return [process.pid for process in processes.table().values() if process.ppid == pid]


@pytest.fixture
def contained(launch, standin, reports):
    """Start a stand-in whose guardian is PID 1: the job, what the server said, the guardian's pid out here."""
    guardians = []

    def contained(*actions):
        job = launch([*UNSHARE, "--mount-proc", *standin(*actions)])
        server = reports.until("ready")[-1]
        (guardian,) = children(job.pid)
        guardians.append(os.pidfd_open(guardian))
        return job, server, guardian

    yield contained
    for pidfd in guardians:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(pidfd, signal.SIGKILL)
        os.close(pidfd)


def test_signals_are_passed_on_and_the_code_too(contained):
    job, server, guardian = contained("setsid", "orphan", "deaf")
    assert (server["ppid"], server["pid"]) == (1, 2)
    os.kill(guardian, signal.SIGINT)
    job.reports.until("SIGINT")
    os.kill(guardian, signal.SIGTERM)
    assert [report["event"] for report in job.reports.rest()] == ["SIGTERM"]
    assert job.code() == 0


def test_nothing_outlives_a_killed_server_there_either(contained):
    job, _, guardian = contained("setsid", "orphan", "deaf")
    (server,) = children(guardian)
    os.kill(server, signal.SIGKILL)
    assert job.code() == 128 + signal.SIGKILL
    assert job.reports.ended()


def test_strangers_are_reaped(contained, ended):
    """A process that entered from outside and was left by its parent is none of the server's."""
    job, _, guardian = contained()
    server = children(guardian)
    user = ["--user", "--preserve-credentials"] if USER else []
    leave = "import os; os.fork() == 0 and os.read(0, 1)"
    enter = ["nsenter", "--target", str(guardian), *user, "--pid", sys.executable, "-c", leave]
    with subprocess.Popen(enter, stdin=subprocess.PIPE) as entering:
        ended(entering.pid)
        (stranger,) = set(children(guardian)) - set(server)
        entering.stdin.close()
        ended(stranger)
    # Its end was before this SIGCHLD, and that one is handled before the probe is passed on.
    os.kill(guardian, signal.SIGCHLD)
    os.kill(guardian, signal.SIGRTMIN)
    job.reports.until("SIGRTMIN")
    assert processes.read(stranger) is None


def test_without_a_proc_of_its_own_it_refuses(launch, standin):
    job = launch([*UNSHARE, *standin()])
    assert job.code() == 1
    assert "/proc is that of another pid namespace" in job.errors
