"""SIGHUP: the configuration is read again by a server that goes on serving."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import ndjson
from tests.commands.conftest import Log
from tests.e2e.conftest import Served

pytestmark = pytest.mark.e2e


def started(served, run_id):
    """Wait until the child of that run has its turn."""
    events = served.call("GET", f"/api/v1/runs/{run_id}/events", Accept="application/x-ndjson")
    ndjson.until(events, "run.started")
    events.close()


def ignores(pid, signo):
    status = Path(f"/proc/{pid}/status").read_text()
    ignored = int(re.search(r"^SigIgn:\s*(\w+)$", status, re.MULTILINE)[1], 16)
    return bool(ignored >> (signo - 1) & 1)


def test_more_runs_at_once_let_in_who_waits(configured):
    server = configured("server:\n  max_concurrent_runs: 1\n")
    first, second = (server.prompt("/hang", detach=True)["id"] for _ in range(2))
    started(server.served, first)
    assert server.served.json("GET", f"/api/v1/runs/{second}")["state"] == "queued"
    told = server.reload("server:\n  max_concurrent_runs: 2\n")
    assert told == f"reloaded {server.file}: changed server.max_concurrent_runs"
    started(server.served, second)


def test_one_backend_may_have_more_at_once_too(configured):
    server = configured("backends:\n  demo:\n    max_concurrent: 1\n")
    first, second = (server.prompt("/hang", detach=True)["id"] for _ in range(2))
    started(server.served, first)
    assert server.served.json("GET", f"/api/v1/runs/{second}")["state"] == "queued"
    assert server.reload("").endswith(": changed backends.demo.max_concurrent")
    started(server.served, second)


def test_fewer_at_once_stop_nobody(configured):
    server = configured()
    runs = [server.served.start("/hang") for _ in range(2)]
    server.reload("server:\n  max_concurrent_runs: 1\n  max_queued_runs: 0\n")
    assert server.served.call("POST", "/api/v1/prompt", {"backend": "demo", "prompt": "x"}).status == 429
    states = [server.served.json("GET", f"/api/v1/runs/{run_id}")["state"] for run_id in runs]
    assert states == ["running", "running"]


def test_what_runs_keeps_its_clock_and_what_comes_has_the_new_one(configured):
    server = configured()
    before = server.served.start("/hang")
    assert server.reload("unified_flags:\n  command_timeout_secs: 0.5\n").endswith("command_timeout_secs")
    assert "total of 0.5 s" in server.prompt("/hang")["error"]
    assert server.served.json("GET", f"/api/v1/runs/{before}")["state"] == "running"


def test_a_backend_is_disabled_and_enabled_again(configured):
    server = configured()
    running = server.served.start("/hang")
    server.reload("backends:\n  demo:\n    enabled: false\n")
    refused = server.prompt("hello")
    assert refused["status"] == 400
    assert "disabled (backends.demo.enabled)" in refused["detail"]
    assert server.served.json("GET", f"/api/v1/runs/{running}")["state"] == "running"
    assert server.reload("").endswith(": changed backends.demo.enabled")
    assert server.prompt("hello")["exit_code"] == 0


def test_who_waits_for_a_backend_that_is_disabled_meanwhile_has_its_turn_all_the_same(configured):
    server = configured("server:\n  max_concurrent_runs: 1\n")
    first, second = (server.prompt("/hang", detach=True)["id"] for _ in range(2))
    started(server.served, first)
    server.reload("server:\n  max_concurrent_runs: 2\nbackends:\n  demo:\n    enabled: false\n")
    started(server.served, second)


def test_children_see_the_new_variables(configured):
    server = configured()
    assert server.reload("backends:\n  demo:\n    env: {SET_ANEW: '1'}\n").endswith("backends.demo.env")
    assert "SET_ANEW" in server.prompt("x", dry_run=True)["command"]["env_names"]


def test_another_path_is_looked_at(configured, tmp_path):
    server = configured()
    cli = tmp_path / "cli"
    cli.write_text("#!/bin/sh\necho 2.1.0 '(Claude Code)'\n")
    cli.chmod(0o700)
    server.reload(f"backends:\n  claude:\n    path: {cli}\n")
    (claude,) = [
        one for one in server.served.json("GET", "/api/v1/backends")["backends"] if one["name"] == "claude"
    ]
    assert (claude["available"], claude["path"], claude["version"]) == (True, str(cli), "2.1.0")


def test_names_of_hosts_are_let_in(configured):
    server = configured()
    assert server.served.call("GET", "/health", Host="a.example").status == 403
    server.reload("server:\n  allowed_hosts: [a.example]\n")
    assert server.served.call("GET", "/health", Host="a.example").status == 200


def test_what_only_a_start_can_take_is_named_again_and_again(configured):
    server = configured()
    text = "server:\n  host: localhost\n  unix_socket: /nowhere/s\n  idle_timeout_secs: 6\n"
    told = server.reload(text)
    assert told == (
        f"reloaded {server.file}: changed server.idle_timeout_secs;"
        " needs a restart: server.host, server.unix_socket"
    )
    told = server.reload()
    assert told == f"reloaded {server.file}: needs a restart: server.host, server.unix_socket"


def test_where_nothing_has_changed_it_says_so_and_flags_stay_above_the_file(configured):
    server = configured()
    assert server.reload() == f"reloaded {server.file}: nothing changed"
    assert server.reload("server:\n  port: 1\n") == f"reloaded {server.file}: nothing changed"


def test_a_bad_file_is_told_with_all_its_faults_and_nothing_changes(configured):
    server = configured("server:\n  allowed_hosts: [a.example]\n")
    server.write("server:\n  prot: 1\n  port: x\n")
    server.served.guardian.send_signal(signal.SIGHUP)
    told = [server.log.until("not reloaded")[-1] for _ in range(2)]
    assert told == [
        f"not reloaded, everything stays as it was: {server.file}:2:3: server.prot is not a known key;"
        " expected perhaps 'server.port'",
        f'not reloaded, everything stays as it was: {server.file}:3:9: server.port is text, "x";'
        " expected a whole number",
    ]
    assert server.served.call("GET", "/health", Host="a.example").status == 200
    assert server.reload("").endswith(": changed server.allowed_hosts")


def test_a_pipe_is_not_read_twice(configured, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"echo 'server: {{max_queued_runs: 1}}' > {pipe}"]):
        server = configured("", "--config", str(pipe))
    told = server.reload()
    assert told == f"not reloaded, everything stays as it was: {pipe} is no file that can be read again"


def test_a_file_that_is_gone_changes_nothing_and_an_empty_one_asks_for_the_defaults(configured):
    server = configured("server:\n  allowed_hosts: [a.example]\n")
    server.file.unlink()
    assert server.reload() == (
        f"not reloaded, everything stays as it was: {server.file} is not there any more;"
        " an empty file asks for the defaults"
    )
    assert server.served.call("GET", "/health", Host="a.example").status == 200
    assert server.reload("") == f"reloaded {server.file}: changed server.allowed_hosts"


def test_a_file_that_never_was_is_told_to_be_not_there_until_it_is(configured):
    server = configured(None)
    assert server.reload() == f"reloaded {server.file} (not there): nothing changed"
    told = server.reload("server:\n  max_queued_runs: 1\n")
    assert told == f"reloaded {server.file}: changed server.max_queued_runs"
    server.file.unlink()
    assert server.reload().startswith("not reloaded")


# Sends the signal to its own process the moment before the module named last is loaded.
SIGNALLED = """if True:
    import os, signal, sys
    before, told = sys.argv.pop(), []
    def hook(event, arguments):
        if event == "import" and arguments[0] == before and not told:
            told.append(os.kill(os.getpid(), signal.SIGHUP))
    sys.addaudithook(hook)
    from clinvk.__main__ import main
    sys.exit(main())
"""


@pytest.mark.parametrize("before", ["clinvk.guardian", "clinvk.cli", "clinvk.app"])
def test_the_signal_before_the_server_is_there_is_kept_until_it_is(tmp_path, before):
    log = Log(tmp_path / "server.log")
    serve = (sys.executable, "-c", SIGNALLED, "serve", "--port", "0", "--log-format", "json", before)
    served = Served(tmp_path, argv=serve)
    try:
        assert log.until("reloaded")[-1].endswith(": nothing changed")
        run = served.start("/hang")
        assert not ignores(served.json("GET", f"/api/v1/runs/{run}")["pid"], signal.SIGHUP)
    finally:
        served.end()
        log.close()


def test_a_grace_that_was_set_anew_is_given(configured):
    server = configured()
    server.reload("server:\n  shutdown_grace_secs: 30\n")
    run_id = server.served.start("/slow 3 words only")
    events = server.served.call("GET", f"/api/v1/runs/{run_id}/events", Accept="application/x-ndjson")
    server.served.guardian.terminate()
    last = list(ndjson.events(events))[-1]
    assert (last["type"], last["state"]) == ("run.finished", "completed")


def test_a_signal_to_the_server_itself_does_the_same(configured):
    server = configured()
    os.kill(server.served.pid, signal.SIGHUP)
    assert server.log.until("reloaded")[-1].endswith(": nothing changed")


def test_under_nohup_the_signal_stays_ignored(tmp_path):
    serve = (sys.executable, "-m", "clinvk", "serve", "--port", "0")
    served = Served(tmp_path, argv=("sh", "-c", 'trap "" HUP; exec "$@"', "sh", *serve))
    try:
        assert ignores(served.pid, signal.SIGHUP)
    finally:
        served.end()
