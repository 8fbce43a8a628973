"""From the request to the first token of each real CLI, whose provider is a stub on loopback that answers at once.

cold   a process is started for it
warm   a new conversation, on a process that waits for one
live   the next turn of a session, on the process that had the turn before
"""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[2]))

from asking import Asked, ask
from drivers import DRIVERS, Driver
from figures import CLINVK, Row, Skipped
from goals import DRIVER, row
from plan import Plan
from programs import Program
from server import Clinvk, has_pool

from tests import clis
from tests.modelstub import client

WHAT = "first-token"
STARTS = ("cold", "warm", "live")
_TRIES = 4
_WAITING = 1.5
"""Seconds until a server that is left alone has children ready; more with each try."""
_PROGRAMS = {
    "claude": "@anthropic-ai/claude-code-*/claude",
    "codex": "@openai/codex-*/vendor/*/bin/codex",
    "gemini": ".bin/gemini",
}

Times = dict[str, dict[str, list[float]]]
"""Milliseconds of each round, by start and side."""


def measure(plan: Plan, folder: Path, _: Program, __: str | None) -> Iterator[Row | Skipped]:
    if not clis.installed():
        yield Skipped(WHAT, "the CLIs are not there: scripts/install-clis")
        return
    with ExitStack() as running:
        stub = running.enter_context(client.running())
        home = folder / "first-token"
        environment = clis.environment(home, f"http://127.0.0.1:{stub.port}")
        pools = (False, True) if has_pool() else (None,)
        servers = [Clinvk(home / f"pool-{pool}", None, pool, more=environment) for pool in pools]
        for server in servers:
            running.callback(server.end)
        for cli in plan.clis:
            bench = Bench(cli, home, environment, servers[0], servers[-1])
            bench.warm_up()
            for _number in range(plan.token_rounds):
                bench.round()
            yield from bench.told()


class Bench:
    """One CLI: clinvk without a pool and with it, and the bare driver, in turns."""

    def __init__(
        self, cli: str, home: Path, environment: Mapping[str, str], without: Clinvk, with_pool: Clinvk
    ) -> None:
        self._cli, self._home, self._environment = cli, home, environment
        self._without, self._with_pool = without, with_pool
        self._program = next(iter(sorted((clis.CLIS / "node_modules").glob(_PROGRAMS[cli]))))
        self._times: Times = {start: {CLINVK: [], DRIVER: []} for start in STARTS}
        self._began_as: dict[str, set[str]] = {start: set() for start in STARTS}
        self._workdir = home / f"work-{cli}"
        self._workdir.mkdir()

    def warm_up(self) -> None:
        """The first start of all reads the program from the disk, whoever does it."""
        self._ask(self._without)

    def round(self) -> None:
        self._driven()
        self._note("cold", self._ask(self._without))
        warm = self._warm()
        self._note("warm", warm)
        self._note("live", self._ask(self._with_pool, warm.session))

    def told(self) -> Iterator[Row | Skipped]:
        """A row for each start; without ours where the runs began in another way than it says."""
        for start, sides in self._times.items():
            if not sides[CLINVK]:
                yield Skipped(f"{WHAT}.{self._cli}.{start}", f"runs began {' and '.join(self._began_as[start])}")
            name = f"{self._cli}, {start}: first token"
            yield row(f"{WHAT}.{self._cli}.{start}", name, "ms", sides)

    def _driven(self) -> None:
        """The floor: one process cold, and for its next turn; another that waits."""
        driver = self._drive()
        try:
            driver.begin()
            self._floor("cold", driver.began, driver.turn("hello"))
            self._floor("live", time.perf_counter(), driver.turn("and again"))
            if self._cli == "claude":  # its process keeps one conversation: another one waits
                driver.end()
                driver = self._drive()
            asked = time.perf_counter()
            driver.begin()
            self._floor("warm", asked, driver.turn("hello"))
        finally:
            driver.end()

    def _drive(self) -> Driver:
        return DRIVERS[self._cli](self._program, self._home, self._workdir, self._environment)

    def _floor(self, start: str, asked: float, heard: float) -> None:
        self._times[start][DRIVER].append((heard - asked) * 1000)

    def _warm(self) -> Asked:
        """A new conversation once a child waits; the last of some tries if none ever does."""
        self._ask(self._with_pool)
        for number in range(_TRIES):
            time.sleep(_WAITING * (number + 1) if has_pool() else 0)
            asked = self._ask(self._with_pool)
            if asked.start == "warm" or not has_pool():
                break
        return asked

    def _ask(self, server: Clinvk, session: str | None = None) -> Asked:
        model = clis.MODELS[self._cli]
        body = {"backend": self._cli, "prompt": "hello", "workdir": str(self._workdir)}
        body |= {"model": model} if model else {}
        return ask(server.port, {**body, **({"session_id": session} if session else {})})

    def _note(self, start: str, asked: Asked) -> None:
        """Only what began as it should is a figure of that row."""
        self._began_as[start].add(asked.start)
        if asked.start == start:
            self._times[start][CLINVK].append(asked.first_token * 1000)
