"""From the request to the first token of each real CLI, whose provider is a stub on loopback that answers at once.

cold   a process is started for it
warm   a new conversation, on a process that waits for one
live   the next turn of a session, once the answer was read, on the process that had the turn before
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
_TRIES = 3
_WAITING = 1.0
"""Seconds more than a process takes to open, twice, until a server that is left alone has one ready."""
_PROGRAMS = {
    "claude": "@anthropic-ai/claude-code-*/claude",
    "codex": "@openai/codex-*/vendor/*/bin/codex",
    "gemini": ".bin/gemini",
}

Times = dict[str, list[float]]
"""Milliseconds of each round, by start."""


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
        self._floors: Times = {start: [] for start in STARTS}
        self._ours: dict[str, list[Asked]] = {start: [] for start in STARTS}
        self._workdir = home / f"work-{cli}"
        self._workdir.mkdir()

    def warm_up(self) -> None:
        """The first start of all reads the program from the disk, whoever does it."""
        self._ask(self._without)

    def round(self) -> None:
        waiting = self._drive()
        pause = _WAITING + 2 * waiting.opening
        try:
            self._driven(pause)
            self._ours["cold"].append(self._ask(self._without))
            warm = self._warm(pause)
            self._ours["warm"].append(warm)
            time.sleep(pause)  # to read the answer: by then the process is up that was started ahead
            self._ours["live"].append(self._ask(self._with_pool, warm.session))
            asked = time.perf_counter()
            waiting.begin()
            self._floor("warm", asked, waiting.turn("hello"))
        finally:
            waiting.end()

    def told(self) -> Iterator[Row | Skipped]:
        """A row for each start, of the rounds that began as it says: without ours where none did."""
        for start in STARTS:
            identity, floors = f"{WHAT}.{self._cli}.{start}", self._floors[start]
            rounds = list(zip(self._ours[start], floors, strict=True))
            good = [(asked.first_token * 1000, floor) for asked, floor in rounds if asked.start == start]
            if len(good) < len(rounds):
                others = {asked.start for asked, _ in rounds} - {start}
                why = f"{len(rounds) - len(good)} of {len(rounds)} runs began {' and '.join(sorted(others))}"
                yield Skipped(identity, why)
            sides = {CLINVK: [ours for ours, _ in good], DRIVER: [floor for _, floor in good] or floors}
            yield row(identity, f"{self._cli}, {start}: first token", "ms", sides)

    def _driven(self, pause: float) -> None:
        """The floor of one process: cold, and for its next turn after a pause."""
        driver = self._drive()
        try:
            driver.begin()
            self._floor("cold", driver.began, driver.turn("hello"))
            time.sleep(pause)
            self._floor("live", time.perf_counter(), driver.turn("and again"))
        finally:
            driver.end()

    def _drive(self) -> Driver:
        return DRIVERS[self._cli](self._program, self._home, self._workdir, self._environment)

    def _floor(self, start: str, asked: float, heard: float) -> None:
        self._floors[start].append((heard - asked) * 1000)

    def _warm(self, seconds: float) -> Asked:
        """A new conversation once a child should wait; the last of some tries if none ever does."""
        self._ask(self._with_pool)
        for _number in range(_TRIES):
            time.sleep(seconds if has_pool() else 0)
            asked = self._ask(self._with_pool)
            if asked.start == "warm" or not has_pool():
                break
        return asked

    def _ask(self, server: Clinvk, session: str | None = None) -> Asked:
        model = clis.MODELS[self._cli]
        body = {"backend": self._cli, "prompt": "hello", "workdir": str(self._workdir)}
        body |= {"model": model} if model else {}
        return ask(server.port, {**body, **({"session_id": session} if session else {})})
