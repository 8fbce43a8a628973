"""Faults of clients, of the machine and of the store."""

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

from family import Family
from server import NATIVE, Server, standing
from trial import QUIET, Row, Trial, kept, stopped_at

CLIENTS, MACHINE, STORE = "faults of clients", "faults of the machine", "faults of the store"
_SMALL = 16 << 10
_MANY = 24
_HOME = '"$CLINVK_HOME" && exec "$@"'


class Raw:
    """A client on a plain socket with a small buffer, which reads when it wants to."""

    def __init__(self, server: Server, prompt: str, model: str | None = None) -> None:
        asked: dict[str, Any] = {"backend": "demo", "prompt": prompt, "output_format": "stream-json"}
        body = json.dumps(asked | ({"model": model} if model else {}))
        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SMALL)
        self.socket.settimeout(30)
        self.socket.connect(("127.0.0.1", server.port))
        head = f"POST {NATIVE} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.socket.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())

    def until(self, word: bytes) -> bytes:
        """Read until this was read."""
        told = b""
        while word not in told and (piece := self.socket.recv(4096)):
            told += piece
        return told


def _has_no_child(run: Any) -> bool:
    """Whether it waits for one still."""
    return run["state"] in {"queued", "starting"}


def newest(server: Server) -> Any:
    """The run that was begun last."""
    return server.json("GET", "/api/v1/runs?limit=1")["runs"][0]


class Known:
    """A run by its id alone, where no stream of it is read."""

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id


def slow(server: Server) -> Trial:
    """A client that reads a little now and then, of a run that is long done by then."""
    client = Raw(server, "/big 300k")
    told = client.until(b'"run.queued"')
    run_id = newest(server)["id"]
    while server.run(run_id)["state"] != "completed":
        time.sleep(0.01)
    while piece := client.socket.recv(_SMALL):
        told += piece
        if told.endswith(b"0\r\n\r\n"):
            break
    client.socket.close()
    is_whole = told.endswith(b"0\r\n\r\n") and b'"run.finished"' in told
    return Trial(0, None, "the whole stream" if is_whole else "a part of the stream", kept(server, Known(run_id)))


def dead(server: Server) -> Trial:
    """A client that reads nothing of a stream that does not end; the time is counted from the run's stop."""
    before = server.json("GET", "/api/v1/runs?limit=1")["runs"]
    client = Raw(server, "go", "runaway gigabyte")
    # By its id, not by its state: it may have been stopped when it is looked for.
    while (runs := server.json("GET", "/api/v1/runs?limit=1")["runs"]) == before or _has_no_child(runs[0]):
        time.sleep(0.005)
    run_id = runs[0]["id"]
    family = Family(server.below())
    left, _ = family.gone(server.below)
    server.settle()
    family.cause(stopped_at(server, run_id))
    left, seconds = family.gone()
    client.socket.close()
    told = f"nothing: it does not read (stop cause {server.run(run_id).get('stop_cause')})"
    return Trial(left, seconds, told, kept(server, Known(run_id)))


def half_closed(server: Server) -> Trial:
    """A client that closes its half of the connection once it has asked, and reads on."""
    client = Raw(server, "/children")
    client.until(b'"run.started"')
    family = Family(server.below())
    family.cause()
    client.socket.shutdown(socket.SHUT_WR)
    left, seconds = family.gone(server.below)
    server.settle()
    run = newest(server)
    client.socket.close()
    told = f"its connection is closed: whoever closes a half is gone (stop cause {run.get('stop_cause')})"
    return Trial(left, seconds, told, kept(server, Known(run["id"])))


def suspended(server: Server) -> Trial:
    """The server stands still for longer than its run may take; its clocks do as well."""
    stream = server.stream("/hang", timeout_secs=2.5)
    stream.until('"run.started"')
    family = Family(server.below())
    os.kill(server.pid, signal.SIGSTOP)
    time.sleep(3)
    os.kill(server.pid, signal.SIGCONT)
    woken = time.time()
    client = stream.end()
    stopped = stopped_at(server, stream.run_id)
    late = "its time went on where it stood" if stopped - woken > 1 else "its time was up at once"
    family.cause(stopped)
    left, seconds = family.gone(server.below)
    return Trial(left, seconds, f"{client}; {late}", kept(server, stream))


def exhausted(server: Server) -> Trial:
    """More runs than there are descriptors, or processes, for; then all of them are cancelled."""
    streams = [server.stream("/hang", ephemeral=True) for _ in range(_MANY)]
    standings = {}
    until = time.monotonic() + 20
    while time.monotonic() < until:
        standings = {stream.run_id: standing(server.run(stream.run_id)) for stream in streams}
        if not {"queued", "starting"} & set(standings.values()):
            break
    family = Family(server.below())
    family.cause()
    for stream in streams:
        server.json("POST", f"/api/v1/runs/{stream.run_id}/cancel")
    ends = sorted({stream.end() for stream in streams})
    left, seconds = family.gone(server.below)
    for stream in streams:
        stream.close()
    server.settle()
    status, after = server.ask("POST", NATIVE, {"backend": "demo", "prompt": "hello"})
    went = "answered" if status == 200 and after["exit_code"] == 0 else f"not answered ({status})"
    some = "some " if len(ends) > 1 else ""
    told = f"{' / '.join(some + end for end in ends)}; the next prompt is {went}"
    return Trial(left, seconds, told, " / ".join(sorted({kept(server, stream) for stream in streams})))


def with_mount(options: str, home: str = _HOME) -> dict[str, Any]:
    """A server whose folder is a file system of its own, which is gone with it."""
    return {"prefix": ("unshare", "--mount", "sh", "-c", f"mount -t tmpfs -o {options} tmpfs {home}", "sh")}


def full(server: Server) -> Trial:
    """No space is left where it keeps what is kept."""
    filled = server.home / "filled"
    if not filled.exists():
        for _ in range(8):
            server.stream("/big 1m").end()
        filled.touch()
    return unkept(server)


def unkept(server: Server) -> Trial:
    """A prompt that cannot be kept."""
    stream = server.stream("hello")
    family = Family(server.below())
    client = stream.end()
    family.cause()
    left, seconds = family.gone(server.below)
    health, _ = server.ask("GET", "/health")
    session = "with" if '"session_id"' in stream.told else "without"
    return Trial(left, seconds, f"{client}, {session} a session; /health {health}", kept(server, stream))


def root() -> str:
    """Why nothing can be mounted, and nobody else be; nothing if it can."""
    if os.geteuid():
        return "only root may"
    return "" if shutil.which("unshare") and shutil.which("setpriv") else "unshare or setpriv is not installed"


def limited(**limits: int) -> Mapping[str, Any]:
    """A server with these limits of its own, as another user: they do not hold for root."""
    bounds = [f"--{name}={number}:{number}" for name, number in limits.items()]
    caps = "+dac_override,+dac_read_search"
    user = ("setpriv", "--reuid=54321", "--clear-groups", f"--inh-caps={caps}", f"--ambient-caps={caps}")
    return {"prefix": (*user, "prlimit", *bounds)}


def served(**server: Any) -> dict[str, Any]:
    return {**QUIET, "server": server}


_ROOM = served(max_concurrent_runs=_MANY)
_ALL: list[tuple[str, str, str, str, Callable[[Server], Trial], dict[str, Any]]] = [
    (
        "client-dead",
        CLIENTS,
        "a client that reads nothing",
        "of a run that writes without end; `write_timeout_secs` is 0.3 s here",
        dead,
        {"settings": served(write_timeout_secs=0.3)},
    ),
    ("client-slow", CLIENTS, "a client that reads slowly", "300 kB through a buffer of 16 KiB", slow, {}),
    ("client-half-closed", CLIENTS, "a client that closes its half", "and would read on", half_closed, {}),
    (
        "machine-descriptors",
        MACHINE,
        "no descriptors are left (EMFILE)",
        f"the server may open 100 files; {_MANY} runs are asked for, then cancelled",
        exhausted,
        {"settings": _ROOM, "how": {"prefix": ("prlimit", "--nofile=100:100")}},
    ),
    (
        "machine-processes",
        MACHINE,
        "no process can be started (EAGAIN)",
        f"the server's user may have 24 processes and threads; {_MANY} runs are asked for, then cancelled",
        exhausted,
        {"settings": _ROOM, "how": limited(nproc=24), "needs": root},
    ),
    (
        "store-full",
        STORE,
        "no space is left (ENOSPC)",
        "`CLINVK_HOME` is a file system of 3 MiB, and full",
        full,
        {"how": with_mount("size=3m"), "needs": root},
    ),
    (
        "store-read-only",
        STORE,
        "it cannot be written",
        "`CLINVK_HOME` is mounted read-only",
        unkept,
        {"how": with_mount("ro"), "needs": root},
    ),
    (
        "machine-suspended",
        MACHINE,
        "the server stands still",
        "SIGSTOP for 3 s to a server whose run may take 2.5 s",
        suspended,
        {"trials": 20},
    ),
]
ROWS = [Row(id_, part, name, does, trial, **more) for id_, part, name, does, trial, more in _ALL]
