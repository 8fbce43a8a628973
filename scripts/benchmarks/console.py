"""What the console costs the server that it shares a loop with: with it against without it, in turns."""

import contextlib
import fcntl
import http.client
import json
import os
import pty
import random
import signal
import statistics
import struct
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

RUNS = 50
RATES = (10, 100)
"""Words a second of each run: 500 and 5,000 events a second in all."""
PAIRS = 7
SECONDS = 5.0
SIZE = (40, 120)
PROBES_PER_SECOND = 50
TICKS = os.sysconf("SC_CLK_TCK")
SETTINGS = f"server: {{max_concurrent_runs: {RUNS + 8}}}\nsession: {{store_content: true}}\n"
KEYS = {"the list of runs": b"", "one run, followed": b"\r"}
"""What is looked at, and the keys that lead there."""


@dataclass
class Sample:
    """One server, measured for a while."""

    cpu: float
    """Share of a core."""
    events: float
    """Events a second."""
    holds: list[tuple[float, float]]
    """The longest hold of the loop in each tenth of a second, in seconds: as time passed, and as it computed."""
    waits: list[float]
    """What each probe of /health took, in seconds."""


@dataclass
class Side:
    """All samples of one of the two."""

    samples: list[Sample] = field(default_factory=list)

    @property
    def cpu(self) -> float:
        return statistics.median(sample.cpu for sample in self.samples)

    @property
    def events(self) -> float:
        return statistics.median(sample.events for sample in self.samples)

    def worst(self, share: float) -> list[float]:
        return [percentile(sample.waits, share) for sample in self.samples]

    def hold(self, share: float, kind: int) -> float:
        return percentile([hold[kind] for sample in self.samples for hold in sample.holds], share)


def measurements() -> Iterator[str]:
    """A block of lines for each view and rate."""
    for rate in RATES:
        for view, keys in KEYS.items():
            with_console, without = Side(), Side()
            for number in range(PAIRS):
                order = [(with_console, keys), (without, None)]
                for side, pressed in order if number % 2 else reversed(order):
                    side.samples.append(sample(rate, pressed))
            yield "\n".join(told(view, rate, with_console, without))


def told(view: str, rate: int, console: Side, headless: Side) -> Iterator[str]:
    """The figures of one comparison."""
    said = console.events
    yield f"{view}, {RUNS} runs, {said:,.0f} events/s ({RUNS * rate:,} asked for), {PAIRS} pairs"
    cpu = [side.cpu for side in (console, headless)]
    yield _row("CPU, % of a core", cpu[0] * 100, cpu[1] * 100, f"console {(cpu[0] - cpu[1]) * 100:+.1f}")
    yield _row("CPU an event, us", cpu[0] / said * 1e6, cpu[1] / headless.events * 1e6)
    for kind, how in enumerate(("loop held", "computing")):
        for name, share in (("p50", 0.5), ("p99", 0.99), ("longest", 1.0)):
            held = [side.hold(share, kind) * 1000 for side in (console, headless)]
            yield _row(f"{how}, {name}, ms", held[0], held[1])
    ours, theirs = console.worst(0.99), headless.worst(0.99)
    low, high = interval(ours, theirs)
    medians = statistics.median(ours), statistics.median(theirs)
    ratio = f"ratio {medians[0] / medians[1]:.2f}, 95 % of {low:.2f} to {high:.2f}"
    yield _row("/health, p99, ms", medians[0] * 1000, medians[1] * 1000, ratio)


def _row(what: str, console: float, headless: float, more: str = "") -> str:
    return f"  {what:<24}{console:8.1f}   headless {headless:8.1f}   {more}".rstrip()


def interval(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """The 95 % bootstrap interval of the ratio of medians, pairs kept together."""
    chance = random.Random(1)
    pairs = list(zip(ours, theirs, strict=True))
    ratios = []
    for _ in range(2000):
        drawn = chance.choices(pairs, k=len(pairs))
        ratios.append(statistics.median(a for a, _ in drawn) / statistics.median(b for _, b in drawn))
    return percentile(ratios, 0.025), percentile(ratios, 0.975)


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def sample(rate: int, keys: bytes | None) -> Sample:
    """A fresh server with `RUNS` runs, looked at by a console if there are `keys`."""
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), console=keys is not None)
        try:
            for _ in range(RUNS):
                server.ask("POST", "/api/v1/prompt", prompt(rate))
            server.all_running()
            server.press(keys or b"")
            time.sleep(1.0)
            return server.measure()
        finally:
            server.end()


def prompt(rate: int) -> dict[str, object]:
    return {"backend": "demo", "prompt": f"/steady {rate} 600", "detach": True, "ephemeral": True}


class Server:
    """`clinvk serve` on a terminal of its own, which is read by a thread."""

    def __init__(self, home: Path, *, console: bool) -> None:
        (home / ".clinvk").mkdir()
        (home / ".clinvk" / "config.yaml").write_text(SETTINGS)
        self._report = home / "holds.json"
        program = [sys.executable, str(Path(__file__).with_name("served.py")), "null", str(self._report), "serve"]
        program += ["--port", "0", "--log-level", "warning", *(["--tui"] if console else [])]
        environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self._guardian, self._terminal = pty.fork()
        if self._guardian == 0:
            time.sleep(0.1)  # until the terminal has its size
            os.chdir(home)
            os.execve(program[0], program, environment)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", *SIZE, 0, 0))
        self._shown = b""
        self._listening = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()
        if not self._listening.wait(30):
            raise RuntimeError(f"the server did not start: {self._shown.decode(errors='replace')}")
        children = Path(f"/proc/{self._guardian}/task/{self._guardian}/children").read_text().split()
        self._pid = int(children[0])
        self._connect()

    def ask(self, method: str, path: str, body: object = None) -> dict[str, object]:
        data = None if body is None else json.dumps(body)
        self._http.request(method, path, data, {"Content-Type": "application/json"} if data else {})
        answer: dict[str, object] = json.loads(self._http.getresponse().read())
        return answer

    def all_running(self) -> None:
        while self._page("running")["total"] != RUNS:
            time.sleep(0.1)

    def press(self, keys: bytes) -> None:
        os.write(self._terminal, keys)

    def measure(self) -> Sample:
        events, cpu, began = self._events(), self._cpu(), time.monotonic()
        waits = list(self._probes(began + SECONDS))
        took = time.monotonic() - began
        spent, said = self._cpu() - cpu, self._events() - events
        os.kill(self._pid, signal.SIGTERM)
        os.waitpid(self._guardian, 0)
        self._guardian = 0
        holds = {int(window): tuple(hold) for window, hold in json.loads(self._report.read_text()).items()}
        windows = range(int(began * 10) + 1, int((began + took) * 10))
        return Sample(spent / took, said / took, [holds.get(window, (0.0, 0.0)) for window in windows], waits)

    def end(self) -> None:
        if self._guardian:
            os.kill(self._guardian, signal.SIGKILL)
            os.waitpid(self._guardian, 0)
        os.close(self._terminal)

    def _probes(self, until: float) -> Iterator[float]:
        due = time.monotonic()
        while due < until:
            time.sleep(max(0.0, due - time.monotonic()))
            asked = time.monotonic()
            self.ask("GET", "/health")
            yield time.monotonic() - asked
            due += 1 / PROBES_PER_SECOND

    def _events(self) -> int:
        runs = self._page("running")["runs"]
        return sum(run["events"] for run in runs)  # type: ignore[attr-defined]

    def _page(self, state: str) -> dict[str, object]:
        return self.ask("GET", f"/api/v1/runs?state={state}&limit=200")

    def _cpu(self) -> float:
        fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def _read(self) -> None:
        with contextlib.suppress(OSError):  # the terminal is gone
            while said := os.read(self._terminal, 1 << 16):
                if not self._listening.is_set():
                    self._shown += said
                    self._note()

    def _note(self) -> None:
        mark = b"starting on http://127.0.0.1:"
        _, found, rest = self._shown.partition(mark)
        if found and b"Ctrl+C" in rest:
            self._port = int(rest.split()[0])
            self._listening.set()

    def _connect(self) -> None:
        while True:
            self._http = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
            with contextlib.suppress(ConnectionError):
                self.ask("GET", "/health")
                return
            time.sleep(0.05)
