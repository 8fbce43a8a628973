"""However the server ends, nothing it has started outlives it."""

import os
import shlex
import signal
import sys
import time

import pytest

STRAGGLERS = ("plain", "setsid", "orphan", "deaf")


@pytest.mark.parametrize("attempt", range(12))
def test_nothing_outlives_a_killed_server(start, attempt):
    job, server = start(*STRAGGLERS)
    os.kill(server["pid"], signal.SIGKILL)
    assert job.code() == 128 + signal.SIGKILL
    assert job.reports.ended()
    assert job.errors == ""


def test_it_is_a_matter_of_milliseconds(start):
    took = []
    while not took or (min(took) >= 0.5 and len(took) < 20):  # the machine may be busy
        job, server = start(*STRAGGLERS)
        began = time.monotonic()
        os.kill(server["pid"], signal.SIGKILL)
        job.code()
        took.append(time.monotonic() - began)
        job.reports.open()
    assert min(took) < 0.5, took


def test_nothing_outlives_a_server_that_ends_by_itself(launch, standin):
    job = launch(standin(*STRAGGLERS, "exit=7"))
    assert job.code() == 7
    assert job.reports.ended()


def test_nothing_outlives_a_server_that_crashes(launch, standin):
    job = launch(standin(*STRAGGLERS, "abort"))
    assert job.code() == 128 + signal.SIGABRT
    assert job.reports.ended()


def test_processes_that_fork_faster_than_one_looks_are_ended_too(start):
    job, server = start("chain", "chain", *STRAGGLERS)
    os.kill(server["pid"], signal.SIGKILL)
    assert job.code() == 128 + signal.SIGKILL
    assert job.reports.ended()
    assert job.errors == ""


@pytest.mark.parametrize("code", [0, 1, 255])
def test_the_exit_code_is_the_servers(launch, standin, code):
    assert launch(standin(f"exit={code}")).code() == code


def test_the_exit_code_arrives_where_sigchld_was_ignored(launch, standin):
    ignoring = "import os, signal, sys; signal.signal(17, signal.SIG_IGN); os.execv(sys.argv[1], sys.argv[1:])"
    assert launch([sys.executable, "-c", ignoring, *standin("plain", "exit=7")]).code() == 7


def test_what_was_there_before_the_server_is_spared(launch, standin, reports):
    """The logger of `exec > >(logger)` is the guardian's child, and has the last lines still to write."""
    logger = """exec 4>"$1" 3> >(read -r; echo '{"event": "late"}' >&4)"""
    command = shlex.join(standin("plain", "exit=0"))
    job = launch(["bash", "-c", f"{logger}; exec {command}", "bash", str(reports.path)])
    assert job.code() == 0
    assert sorted(report["event"] for report in reports.rest()) == ["late", "straggler"]


def test_a_process_that_cannot_be_ended_is_named_and_not_waited_for(launch, root):
    program = f"""
import os, sys
sys.path.insert(0, {str(root)!r})
from clinvk import guardian
guardian.LIMIT = 0.05
guardian.os.kill = lambda pid, signo: None
guardian.guard()
if child := os.fork():
    print(child, flush=True)
    os._exit(3)
os.execvp("sleep", ["sleep", "1000"])
"""
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as said:
        job = launch([sys.executable, "-c", program], stdout=writing)
        os.close(writing)
        child = int(said.readline())
    try:
        assert job.code() == 3
        assert job.errors == f"clinvk: could not end these processes: [{child}]\n"
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_server_that_loses_its_guardian_is_told(start):
    job, server = start()
    assert server["ppid"] == job.pid
    os.kill(job.pid, signal.SIGUSR1)
    assert job.reports.until("SIGUSR1")[-1]["orphaned"] is False
    os.kill(job.pid, signal.SIGKILL)
    (told,) = job.reports.rest()
    assert told["event"] == "SIGTERM"
    assert told["orphaned"] is True
