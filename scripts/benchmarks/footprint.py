"""How soon a server answers, and what it holds of the machine's memory: against Python and Tornado alone."""

import json
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from figures import CLINVK, Row
from goals import PYTHON, row
from plan import Plan
from processor import spent
from programs import Program
from server import DEADLINE, Clinvk, NotServed, child_of, environment, memory, run

from tests import ports

WHAT = "footprint"
TORNADO = "import tornado"
_ASKED = b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
_CODE = {
    PYTHON: "pass",
    TORNADO: "import asyncio, tornado.web, tornado.httpserver",
}


def measure(plan: Plan, folder: Path, program: Program, _: str | None) -> Iterator[Row]:
    took: dict[str, list[float]] = {CLINVK: [], **{name: [] for name in _CODE}}
    computed: dict[str, list[float]] = {name: [] for name in took}
    for number in range(plan.start_rounds + 1):  # the first of all reads from the disk, and writes bytecode
        found = {CLINVK: first_health(folder / f"start-{number}")}
        found |= {name: python(code) for name, code in _CODE.items()}
        for name, (passed, cpu) in found.items() if number else ():
            took[name].append(passed * 1000)
            computed[name].append(cpu * 1000)
    yield row(f"{WHAT}.start", "from start to the first answer of /health", "ms", took)
    yield row(f"{WHAT}.start-cpu", "CPU of all its processes until then", "ms", computed)
    yield from _memory(plan, folder, program)


def first_health(home: Path) -> tuple[float, float]:
    """Seconds from the start of `clinvk serve` to the first answer of /health, and those of CPU in them."""
    home.mkdir(parents=True)
    with ports.held() as port:
        return _first_health(home, port)


def _first_health(home: Path, port: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "clinvk", "serve", "--port", str(port), "--log-level", "warning"]
    began, quiet = time.perf_counter(), subprocess.DEVNULL
    with subprocess.Popen(command, stdin=quiet, stdout=quiet, env=environment(home), cwd=home) as process:
        try:
            while not _healthy(port):
                if time.perf_counter() - began > DEADLINE or process.poll() is not None:
                    raise NotServed("/health is not answered")
                time.sleep(0.002)
            passed = time.perf_counter() - began
            return passed, spent(process.pid) + spent(child_of(process.pid))
        finally:
            process.terminate()


def _healthy(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), DEADLINE) as plain:
            plain.sendall(_ASKED)
            return plain.recv(64).startswith(b"HTTP/1.1 200")
    except ConnectionError:
        return False


def python(code: str) -> tuple[float, float]:
    """The same of Python with this code."""
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
    passed, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return passed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _memory(plan: Plan, folder: Path, program: Program) -> Iterator[Row]:
    """RSS and PSS, which counts what processes share only once."""
    idle: dict[str, list[float]] = {"server": [], "server, PSS": [], "guardian": [], "guardian, PSS": []}
    bare: list[float] = []
    for number in range(max(1, plan.start_rounds // 2)):
        served = Clinvk(folder / f"idle-{number}")
        try:
            served.ask("GET", "/health")
            time.sleep(plan.idle_seconds)
            for name, pid in {"server": served.pid, "guardian": served.process.pid}.items():
                rss, pss = memory(pid)
                idle[name].append(rss)
                idle[f"{name}, PSS"].append(pss)
        finally:
            served.end()
        bare.append(_tornado_alone())
    server = {CLINVK: idle["server"], "PSS": idle["server, PSS"], TORNADO: bare}
    yield row(f"{WHAT}.idle", "memory of an idle server, RSS", "MB", server)
    guardian = {CLINVK: idle["guardian"], "PSS": idle["guardian, PSS"]}
    yield row(f"{WHAT}.guardian", "memory of its guardian, RSS", "MB", guardian)
    yield row(
        f"{WHAT}.loaded", f"memory after {plan.loaded_runs:,} runs, RSS", "MB", _loaded(plan, folder, program)
    )


def _tornado_alone() -> float:
    """Megabytes of a Python that has loaded Tornado, and no more."""
    code = f"{_CODE[TORNADO]}; print(flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-I", "-c", code], **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout
        process.stdout.readline()
        rss, _ = memory(process.pid)
        process.communicate(b"\n")
    return rss


def _loaded(plan: Plan, folder: Path, program: Program) -> Mapping[str, list[float]]:
    """What a server holds after so many runs, eight at a time."""
    served = Clinvk(folder / "loaded", program)
    try:
        body = json.dumps({"backend": "demo", "prompt": "hello"})
        asked = {"port": served.port, "path": "/api/v1/prompt", "body": body, "pid": served.pid}
        run("load.py", {**asked, "at_once": 8, "seconds": 0, "most": plan.loaded_runs})
        served.quiet()
        rss, pss = memory(served.pid)
        return {CLINVK: [rss], "PSS": [pss]}
    finally:
        served.end()
