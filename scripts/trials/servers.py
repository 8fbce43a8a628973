"""Ends of the server, of its guardian, of both, and of the container that they are in."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable

from family import Family
from server import Server, Stream, Unexpected
from trial import Place, Row, Trial, kept

from clinvk import processes

PART = "ends of the server"
IN_CONTAINER = ("unshare", "--pid", "--fork", "--mount", "--mount-proc")
"""The guardian is the first process of a pid namespace, as it is in a container."""


def busy(server: Server) -> tuple[Stream, Stream]:
    """A stream with four tools, and another run that hangs."""
    stream, hung = server.stream("/children"), server.stream("/hang")
    stream.until(r"pid \d+", 4)
    hung.until('"run.started"')
    return stream, hung


def going_on(server: Server, session_id: str) -> str:
    """Whether a session takes its next turn."""
    told = server.json("POST", "/api/v1/prompt", {"backend": "demo", "prompt": "hello", "session_id": session_id})
    return "its next turn is answered" if told.get("exit_code") == 0 else f"its next turn is not ({told})"


def after(place: Place, stream: Stream, hung: Stream, prefix: tuple[str, ...] = ()) -> str:
    """What the next server on the same home has of both runs."""
    server = place.start(prefix=prefix)
    told = {kept(server, one) for one in (stream, hung)}
    session = server.run(stream.run_id)["session_id"]
    return " / ".join(sorted(told)) + f"; {going_on(server, session)}"


def ended(how: Callable[[Server], None]) -> Callable[[Place], Trial]:
    """A server with two runs ends like that; then another is started on the same home."""

    def trial(place: Place) -> Trial:
        return seen(place, how)

    return trial


def seen(place: Place, how: Callable[[Server], None], prefix: tuple[str, ...] = ()) -> Trial:
    server = place.server(prefix=prefix)
    stream, hung = busy(server)
    family = Family(server.family())
    family.cause()
    how(server)
    client = stream.end()
    code = server.process.wait(30)
    left, seconds = family.gone()
    return Trial(left, seconds, f"{client}; exit code {code}", after(place, stream, hung, prefix))


def contained(how: Callable[[Server], None]) -> Callable[[Place], Trial]:
    """The same in a pid namespace."""

    def trial(place: Place) -> Trial:
        return seen(place, how, prefix=IN_CONTAINER)

    return trial


def to_server(number: signal.Signals) -> Callable[[Server], None]:
    return lambda server: os.kill(server.pid, number)


def to_guardian(number: signal.Signals) -> Callable[[Server], None]:
    return lambda server: os.kill(server.guardian, number)


def both_killed(place: Place) -> Trial:
    """Guardian and server in one moment: what they leave ends with the next start. The time counts from that."""
    server = place.server()
    stream, hung = busy(server)
    for one in (stream, hung):
        server.json("GET", f"/api/v1/runs/{one.run_id}/processes")  # a look, as there is one every two seconds
    family = Family(server.family())
    os.kill(server.guardian, signal.SIGSTOP)  # else it might be quicker than the second kill
    os.kill(server.pid, signal.SIGKILL)
    os.kill(server.guardian, signal.SIGKILL)
    client = stream.end()
    server.process.wait(30)
    family.cause()
    told = after(place, stream, hung)
    left, seconds = family.gone()
    return Trial(left, seconds, client, told)


def idle(place: Place) -> Trial:
    """A server that does nothing, with processes that wait for a next run."""
    server = place.server()
    stream = server.stream("hello")
    client = stream.end()
    until = time.monotonic() + 10
    while server.json("GET", "/health")["runs"]["live"] or not server.below():
        if time.monotonic() > until:
            raise Unexpected("no process waits")
        time.sleep(0.005)
    family = Family(server.family())
    family.cause()
    os.kill(server.pid, signal.SIGKILL)
    code = server.process.wait(30)
    left, seconds = family.gone()
    return Trial(left, seconds, f"{client}; exit code {code}", after(place, stream, stream))


def adopted(place: Place) -> Trial:
    """In a container: a process that entered from outside loses its parent, and is reaped by the guardian."""
    server = place.server(prefix=IN_CONTAINER)
    before = {row.pid for row in processes.table().values() if row.ppid == server.guardian}
    leave = "import os; os.fork() == 0 and os.read(0, 1)"
    enter = ["nsenter", "--target", str(server.guardian), "--pid", "/usr/bin/env", "python3", "-c", leave]
    with subprocess.Popen(enter, stdin=subprocess.PIPE) as entering:
        while not (left := _children(server.guardian) - before):
            os.sched_yield()
        family = Family([row for pid in left if (row := processes.read(pid))])
        family.cause()
        assert entering.stdin
        entering.stdin.close()
        gone, seconds = family.gone()
    status, _ = server.ask("GET", "/health")
    zombies = [pid for pid in _children(server.guardian) - before if not _reaped(pid)]
    return Trial(gone + len(zombies), seconds, f"/health {status}", "nothing to keep")


def _children(pid: int) -> set[int]:
    return {row.pid for row in processes.table().values() if row.ppid == pid}


def _reaped(pid: int) -> bool:
    """Whether it is gone from the table within a second."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    os.close(descriptor)
    for _ in range(1000):
        if processes.read(pid) is None:
            return True
        os.sched_yield()
    return False


def namespaces() -> str:
    """Why there can be no pid namespace here; nothing if there can."""
    if not shutil.which("unshare") or not shutil.which("nsenter"):
        return "unshare is not installed"
    tried = subprocess.run([*IN_CONTAINER, "true"], check=False, capture_output=True, text=True)
    return tried.stderr.strip()


_BUSY = "with two runs, one of them with four tools that do not want to end"
_NEXT = "then a server is started on the same home"
ROWS = [
    Row(
        "server-sigkill",
        PART,
        "SIGKILL to the server",
        f"{_BUSY}; {_NEXT}",
        alone=ended(to_server(signal.SIGKILL)),
    ),
    Row(
        "both-sigkill",
        PART,
        "SIGKILL to server and guardian in one moment",
        "the same; the time counts from the next start, which ends them",
        alone=both_killed,
    ),
    Row(
        "server-sigterm",
        PART,
        "SIGTERM",
        "the same, to the process that was started",
        alone=ended(to_guardian(signal.SIGTERM)),
    ),
    Row("server-sigint", PART, "SIGINT", "the same", alone=ended(to_guardian(signal.SIGINT))),
    Row("server-sigabrt", PART, "SIGABRT to the server", "the same", alone=ended(to_server(signal.SIGABRT))),
    Row("guardian-sigkill", PART, "SIGKILL to the guardian", "the same", alone=ended(to_guardian(signal.SIGKILL))),
    Row(
        "container-sigterm",
        PART,
        "SIGTERM in a container",
        "the guardian is PID 1 of a pid namespace",
        alone=contained(to_guardian(signal.SIGTERM)),
        needs=namespaces,
    ),
    Row(
        "container-server-sigkill",
        PART,
        "SIGKILL to the server in a container",
        "the same",
        alone=contained(to_server(signal.SIGKILL)),
        needs=namespaces,
    ),
    Row(
        "container-sigkill",
        PART,
        "SIGKILL to PID 1 of a container",
        "the kernel ends the namespace; the exit code is that of `unshare`",
        alone=contained(to_guardian(signal.SIGKILL)),
        needs=namespaces,
    ),
    Row(
        "container-orphan",
        PART,
        "an orphan in a container",
        "a process from outside loses its parent, then ends: PID 1 reaps it",
        alone=adopted,
        needs=namespaces,
    ),
    Row(
        "server-idle-sigkill",
        PART,
        "SIGKILL to an idle server",
        "one run was answered, and its process waits for the next; then as above",
        alone=idle,
        settings={},
    ),
]
