"""A real server, its guardian above it, and a notify socket of ours in the place of systemd's."""

import contextlib
import os
import signal
from pathlib import Path

import pytest

from clinvk import processes
from tests.e2e.conftest import gone
from tests.service.conftest import SERVE, tcp

pytestmark = pytest.mark.e2e

BEAT = {"WATCHDOG_USEC": "100000"}


def test_it_is_ready_when_it_answers_and_tells_its_runs_and_its_end(service, news):
    server = service(NOTIFY_SOCKET=news.address, **BEAT)
    assert news.next() == {"READY": "1"}  # nothing came before it
    assert server.call("GET", "/health")[0] == 200
    address = server.announced()
    news.until("STATUS", f"{address}: 0 live, 0 queued")
    server.start("/hang")
    assert news.until("STATUS", f"{address}: 1 live, 0 queued")[-1]["WATCHDOG"] == "1"
    server.guardian.terminate()
    ending = news.until("STOPPING", "1")[-1]
    assert int(ending["EXTEND_TIMEOUT_USEC"]) > 0
    assert server.code() == 0


def test_who_cannot_start_is_never_ready(service, news):
    with tcp() as taken:
        port = str(taken.getsockname()[1])
        server = service(command=(*SERVE, "--port", port), NOTIFY_SOCKET=news.address)
        assert server.code() == 1
    assert [each for each in news.rest() if "READY" in each] == []


def test_while_it_drains_it_says_so_and_asks_for_more_time_beat_by_beat(service, news, tmp_path):
    _configure(tmp_path, "server:\n  shutdown_grace_secs: 60\n")
    server = service(NOTIFY_SOCKET=news.address, **BEAT)
    server.start("/hang")
    news.until("STATUS", "1 live")
    server.guardian.terminate()
    news.until("STATUS", "draining: 1 live, 0 queued")
    beats = [news.next() for _ in range(3)]
    assert [set(beat) for beat in beats] == [{"WATCHDOG", "EXTEND_TIMEOUT_USEC"}] * 3
    server.end()


def test_what_the_manager_says_is_not_for_the_clis_even_if_they_are_to_see_it(service, news, tmp_path):
    names = ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"]
    _configure(tmp_path, f"backends:\n  demo:\n    pass_env: [{', '.join(names)}, SEEN]\n")
    with tcp() as listening:
        server = service(listening, NOTIFY_SOCKET=news.address, LISTEN_FDNAMES="web", SEEN="1", **BEAT)
        run = server.start("/hang")
        news.until("STATUS", "1 live")
        pid = server.call("GET", f"/api/v1/runs/{run}")[1]["pid"]
        held = _opened(pid)
        ours = f"socket:[{os.fstat(listening.fileno()).st_ino}]"
        assert ours in _opened(server.server)
    seen = {entry.partition("=")[0] for entry in Path(f"/proc/{pid}/environ").read_text().split("\0")}
    assert "SEEN" in seen
    assert not seen & set(names)
    assert ours not in held


def test_a_watchdog_that_loses_patience_ends_the_server_and_all_that_it_started(service, news):
    server = service(NOTIFY_SOCKET=news.address, **BEAT)
    server.start_children()
    family = processes.descendants(server.guardian.pid, processes.table())
    server.guardian.send_signal(signal.SIGABRT)  # as systemd does: to its main process
    assert server.code() == 128 + signal.SIGABRT
    assert gone(family)


def _opened(pid):
    """What a process has open; but for what it closes meanwhile, as whoever loads modules does all the time."""
    found = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(str(link.readlink()))
    return found


def _configure(home, text):
    (home / "clinvk").mkdir()
    (home / "clinvk" / "config.yaml").write_text(text)
