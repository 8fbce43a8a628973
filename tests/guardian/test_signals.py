"""Signals reach the server as if there were no guardian."""

import os
import signal
import sys

import pytest


@pytest.mark.parametrize("signo", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1, signal.SIGWINCH])
def test_what_the_guardian_is_sent_reaches_the_server_once(start, signo):
    job, _ = start("stay")
    for _ in range(20):
        os.kill(job.pid, signo)
        (told,) = job.reports.until(signo.name)
        assert told["sender"] == job.pid
    assert job.probe() == []


def test_sigterm_ends_the_job_with_the_servers_code(start):
    job, _ = start()
    os.kill(job.pid, signal.SIGTERM)
    assert [report["event"] for report in job.reports.rest()] == ["SIGTERM"]
    assert job.code() == 0


def test_sigterm_to_the_whole_group_ends_the_job(start):
    job, server = start("plain", "setsid", "orphan", "deaf")
    assert server["pgid"] == job.pid
    os.killpg(job.pid, signal.SIGTERM)
    assert job.code() == 0
    assert job.reports.ended()


def test_mask_and_ignored_signals_are_those_the_program_was_started_with(launch, standin):
    as_nohup = """if True:
        import os, signal, sys
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        os.execv(sys.argv[1], sys.argv[1:])
    """
    job = launch([sys.executable, "-c", as_nohup, *standin()])
    server = job.reports.until("ready")[-1]
    assert server["blocked"] == [signal.SIGUSR2]
    assert signal.SIGHUP in server["ignored"]


def test_without_a_terminal_a_stopped_server_leaves_the_guardian_awake(start):
    job, server = start()
    for _ in range(20):
        os.kill(server["pid"], signal.SIGSTOP)
        os.kill(server["pid"], signal.SIGCONT)
        job.reports.until("SIGCONT")
        job.probe()


def test_sigcont_goes_on_to_a_stopped_server(start):
    job, server = start()
    os.kill(server["pid"], signal.SIGSTOP)
    os.kill(job.pid, signal.SIGCONT)
    assert job.reports.until("SIGCONT")[-1]["sender"] == job.pid
