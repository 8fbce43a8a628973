"""Whatever ends, nothing that was started is left."""

import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from clinvk import processes
from clinvk.supervisor import cgroup
from tests.e2e.conftest import DEADLINE, PROMPTLY, SOAK, Served, gone, port_of
from tests.supervisor.grouping import PLACE, is_grouped, wanted

pytestmark = pytest.mark.e2e

ROUNDS = 100 if SOAK else 3


@contextlib.contextmanager
def busy(tmp_path, round_=0, more=None):
    """A server with two unpleasant runs, and the whole family below its guardian."""
    home = tmp_path / str(round_)
    home.mkdir()
    served = Served(home, more=more)
    try:
        served.start_children()
        served.start("/hang")
        family = served.family()
        assert len(family) >= 7  # the server, two demo children, four of theirs
        yield served, family
    finally:
        served.end()


def newer(rows, before):
    """Those of `rows` that were not there before."""
    known = {(row.pid, row.started) for row in before}
    return [row for row in rows if row.alive and (row.pid, row.started) not in known]


@pytest.mark.timeout(60 + ROUNDS * 15)
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGABRT], ids=lambda number: number.name)
def test_a_server_that_dies_leaves_nothing(tmp_path, number):
    for round_ in range(ROUNDS):
        with busy(tmp_path, round_) as (served, family):
            os.kill(served.pid, number)
            served.guardian.wait(PROMPTLY)
            assert gone(family)
            assert served.guardian.returncode == 128 + number


@pytest.mark.timeout(60 + ROUNDS * 15)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_server_that_is_asked_to_end_leaves_nothing(tmp_path, number):
    for round_ in range(ROUNDS):
        with busy(tmp_path, round_) as (served, family):
            served.guardian.send_signal(number)
            served.guardian.wait(PROMPTLY)
            assert gone(family)
            assert served.guardian.returncode == 0


def test_a_server_whose_guardian_is_killed_ends_and_leaves_nothing(tmp_path):
    with busy(tmp_path) as (served, family):
        server = os.pidfd_open(served.pid)
        served.guardian.kill()
        served.guardian.wait(DEADLINE)
        assert select.select([server], [], [], DEADLINE)[0]
        os.close(server)
        assert gone(family)


@pytest.mark.timeout(60 + ROUNDS * 15)
def test_what_a_server_left_that_was_killed_with_its_guardian_ends_with_the_next_start(tmp_path):
    own = temporary(tmp_path)
    for round_ in range(ROUNDS):
        with busy(tmp_path, round_, own) as (served, family):
            for run in served.json("GET", "/api/v1/runs?live=true")["runs"]:
                served.json("GET", f"/api/v1/runs/{run['id']}/processes")  # which is a look, as there is every 2 s
            served.guardian.send_signal(signal.SIGSTOP)  # as if both had died in the same moment
            os.kill(served.pid, signal.SIGKILL)
            served.guardian.kill()
            served.guardian.wait(DEADLINE)
            assert not gone(family)
            home = tmp_path / f"{round_}-next"
            home.mkdir()
            following = Served(home, more=own)
            try:
                assert gone(family)
            finally:
                following.end()


@wanted
@pytest.mark.timeout(60 + ROUNDS * 15)
def test_what_nobody_has_looked_at_yet_ends_with_the_next_start_too(tmp_path):
    own = temporary(tmp_path)
    for round_ in range(ROUNDS if SOAK else 1):
        home = tmp_path / str(round_)
        home.mkdir()
        served = Served(home, more=own)
        try:
            family = grouped_children(served)
            group = Path(PLACE, Path(cgroup.path_of(family[0].pid)).name)
            assert group.is_dir()
        finally:
            served.guardian.send_signal(signal.SIGSTOP)
            os.kill(served.pid, signal.SIGKILL)
            served.guardian.kill()
            served.end()
        assert not gone(family)
        following = Served(home, more=own)
        try:
            assert gone(family)
            assert not group.exists()
        finally:
            following.end()


def temporary(tmp_path):
    """A place for children's folders that no test beside this one sweeps: the next start is ours."""
    folder = tmp_path / "tmp"
    folder.mkdir()
    return {"TMPDIR": str(folder)}


def grouped_children(served):
    """The processes of a `/children` run, where its child was moved before it began others."""
    while True:
        before = served.family()
        run_id = served.start_children()
        family = newer(served.family(), before)
        if all(is_grouped(row.pid) for row in family):
            return family
        served.call("POST", f"/api/v1/runs/{run_id}/cancel?wait=20").read()


def test_a_client_that_leaves_leaves_nothing(served):
    for _ in range(ROUNDS):
        before = served.family()
        stream = served.stream("/children", ephemeral=True)
        run_id = stream.headers["X-Run-Id"]
        told = b""
        while len(re.findall(rb"pid \d+", told)) < 4:
            told += stream.readline()
        family = newer(served.family(), before)
        assert len(family) == 5
        stream.close()
        served.end_of(run_id)
        run = served.json("GET", f"/api/v1/runs/{run_id}")
        assert (run["state"], run["stop_cause"]) == ("cancelled", "disconnect")
        assert gone(family)


@pytest.mark.timeout(60 + ROUNDS * 15)
def test_a_timeout_leaves_nothing(served):
    for _ in range(ROUNDS):
        before = served.family()
        answer = served.prompt("/children", timeout_secs=0.7, ephemeral=True)
        assert answer["exit_code"] == 1
        assert "total of 0.7 s" in answer["error"]
        assert newer(served.family(), before) == []


def test_who_waits_for_a_next_run_is_all_that_is_there_between_two_and_goes_with_the_server(tmp_path):
    served = Served(tmp_path)
    try:
        before = served.family()
        run_id = served.start_children()
        served.call("POST", f"/api/v1/runs/{run_id}/cancel?wait=20").read()
        waiting = newer(served.family(), before)
        (demo,) = (one for one in served.json("GET", "/api/v1/backends")["backends"] if one["name"] == "demo")
        assert len(waiting) == demo["idle"] == 1
        assert served.prompt("/big 5")["exit_code"] == 0
        last = newer(served.family(), before)
        assert waiting[0].pid in {row.pid for row in last}, (
            "it has had a turn, and waits for the next of its session"
        )
        assert served.json("GET", "/api/v1/runs?limit=1")["runs"][0]["start"] == "warm"
    finally:
        served.end()
    assert gone(waiting + last)


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
@pytest.mark.timeout(60 + ROUNDS * 15)
def test_ctrl_c_in_a_real_terminal_leaves_nothing(tmp_path):
    for round_ in range(ROUNDS):
        home = tmp_path / str(round_)
        home.mkdir()
        with Terminal(home) as terminal:
            family = terminal.family
            terminal.keys("C-c")
            assert select.select([terminal.ended], [], [], PROMPTLY)[0]
            assert gone(family)


class Terminal:
    """A server in a tmux of its own, with a `/children` run."""

    def __init__(self, home):
        self._tmux = ("tmux", "-L", f"clinvk-test-{os.getpid()}-{home.name}", "-f", "/dev/null")
        fifo = home / "told"
        os.mkfifo(fifo)
        command = f"echo $$ > {home}/pid; exec {sys.executable} -m clinvk serve --port 0 > {fifo} 2>{home}/log"
        environment = {"PATH": os.environ["PATH"], "HOME": str(home), "LANG": "C.UTF-8", "TERM": "xterm-256color"}
        subprocess.run([*self._tmux, "new-session", "-d", f"sh -c '{command}'"], env=environment, check=True)
        with fifo.open("rb") as told:
            self.served = Attached(told, home)
        self.ended = os.pidfd_open(self.served.guardian.pid)
        self.served.start_children()
        self.family = self.served.family()

    def keys(self, *keys):
        subprocess.run([*self._tmux, "send-keys", *keys], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.ended)
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)


class Attached(Served):
    """A server that somebody else has started."""

    def __init__(self, told, home):
        self.port = port_of(told)
        self.guardian = processes.read(int((home / "pid").read_text()))
