"""Fixtures that every test may use: a real supervisor over real children."""

import asyncio
import ctypes
import itertools
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import hypothesis
import pytest

from clinvk import processes
from clinvk.backends.base import (
    Backend,
    Command,
    Dialogue,
    Executable,
    Installation,
    PoolKey,
    Residue,
    Rung,
    Site,
    Step,
    Traits,
)
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.demo.dialogue import DemoDialogue
from clinvk.backends.registry import Registry
from clinvk.clock import SystemClock
from clinvk.domain.answer import Answer
from clinvk.domain.errors import Fault, RunError
from clinvk.domain.events import Event
from clinvk.domain.judge import Judgement
from clinvk.domain.run import Exit
from clinvk.domain.spec import RunSpec
from clinvk.store.spool import Spool
from clinvk.supervisor import pressure
from clinvk.supervisor.handle import RunHandle
from clinvk.supervisor.keeping import Keeping
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.supervisor import Supervisor

FAKECLI = Path(__file__).parent / "fakecli" / "fakecli.py"
DEADLINE = 20.0
PR_SET_CHILD_SUBREAPER = 36

# How long an example takes is the machine's affair: by default one of more than 0.2 s is a failure.
hypothesis.settings.register_profile(
    "clinvk", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("clinvk")


@pytest.fixture(scope="session", autouse=True)
def subreaper() -> Iterator[None]:
    """The server adopts its orphans, so the process that hosts it in a test must too."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    yield
    until = time.monotonic() + DEADLINE
    while left := [row for row in processes.descendants(os.getpid(), processes.table()) if row.alive]:
        assert time.monotonic() < until, f"left behind: {left}"
        time.sleep(0.02)  # nobody tells of what others began


@pytest.fixture(scope="session", autouse=True)
def hang_ups_are_heard() -> None:
    """What the tests start hears SIGHUP, under nohup too: a handler is not inherited, an ignored signal is."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: None)


@pytest.fixture(autouse=True)
def own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a child keeps, it keeps in no machine's HOME."""
    monkeypatch.setenv("HOME", str(tmp_path_factory.mktemp("home")))


class FakeBackend:
    """`fakecli` with the fault that the spec's model names: `model="exit 3"`."""

    name = "fake"
    traits = Traits(
        stop=(Rung(Step.INTERRUPT, 0.05), Rung(Step.CLOSE_STDIN, 0.05), Rung(Step.SIGTERM, 0.05)),
        retire=(Rung(Step.CLOSE_STDIN, 0.3), Rung(Step.SIGTERM, 0.05)),
    )

    executable: Executable | None = None

    def faults(self, spec: RunSpec) -> list[Fault]:
        return []

    def command(self, spec: RunSpec, site: Site) -> Command:
        fault = (spec.model or "none").split()
        return Command((sys.executable, "-I", "-S", str(FAKECLI), *fault), spec.workdir, {"ADDED": "by us"})

    def key(self, spec: RunSpec) -> PoolKey:
        return (spec.model or "",)

    def dialogue(self, spec: RunSpec) -> Dialogue:
        return DemoDialogue()

    def explain(self, exit_: Exit) -> RunError | None:
        return None

    def residue(self, session_id: str) -> tuple[Residue, ...]:
        return ()

    def stored(self, session_id: str) -> tuple[Residue, ...]:
        return ()

    def deletion(self, session_id: str, installation: Installation) -> Command | None:
        return None


class MissingBackend(FakeBackend):
    """One whose program is not there."""

    name = "missing"

    def command(self, spec: RunSpec, site: Site) -> Command:
        return Command(("/nowhere/cli",), spec.workdir)


class Later:
    """A clock that is so many seconds ahead."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    def wall(self) -> float:
        return SystemClock().wall() + self._seconds

    def monotonic(self) -> float:
        return SystemClock().monotonic()


@dataclass
class Witness:
    """One run, and everything it said."""

    handle: RunHandle
    events: list[Event]
    answer: Answer = field(default_factory=Answer)

    async def end(self) -> Judgement:
        """The end of the run, within the deadline."""
        async with asyncio.timeout(DEADLINE):
            return await asyncio.shield(self.handle.finished)

    async def first(self, kind: type[Event]) -> Event:
        """The first event of `kind`, within the deadline."""
        async with asyncio.timeout(DEADLINE):
            while True:
                changed = self.handle.log.changed()
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                assert not self.handle.log.closed, f"no {kind} before the end: {self.events}"
                await changed

    def said(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def text(self) -> str:
        return self.answer.output


def _children() -> set[tuple[int, int]]:
    """The living processes below this one."""
    rows = processes.descendants(os.getpid(), processes.table())
    return {(row.pid, row.started) for row in rows if row.alive}


class Stage:
    """A supervisor and the means to run things on it."""

    def __init__(self, supervisor: Supervisor, workdir: Path) -> None:
        self.supervisor = supervisor
        self.workdir = workdir
        self._before = _children()

    async def start(
        self,
        fault: str = "none",
        prompt: str = "hello",
        observe: Callable[[Event], None] = lambda _: None,
        **spec: object,
    ) -> Witness:
        """A run of the fake CLI. `observe` hears every event, those before this returns too."""
        asked = {"backend": "fake", "model": fault, "workdir": str(self.workdir), **spec}
        events: list[Event] = []
        answer = Answer()

        def note(event: Event) -> None:
            events.append(event)
            answer.fold(event)
            observe(event)

        handle = await self.supervisor.start(RunSpec(prompt=prompt, **asked), observe=note)  # type: ignore[arg-type]
        return Witness(handle, events, answer)

    async def demo(
        self, prompt: str, observe: Callable[[Event], None] = lambda _: None, **spec: object
    ) -> Witness:
        """A run of the demo backend."""
        return await self.start("", prompt, observe, **{"backend": "demo", "model": None, **spec})

    def newest(self) -> RunHandle:
        """The run taken last, in the moment of its first event already."""
        return list(self.supervisor.history._handles.values())[-1]

    async def all_gone(self) -> None:
        """End everything, and see that no process is left of it."""
        async with asyncio.timeout(DEADLINE):
            await self.supervisor.drain(0)
        assert not _children() - self._before


def _factories() -> list[object]:
    """Server tasks must be right under both: Textual sets the eager one where it exists."""
    eager = pytest.param("eager", marks=pytest.mark.eager)
    return ["lazy", eager] if sys.version_info >= (3, 12) else ["lazy"]


@pytest.fixture(params=_factories())
def task_factory(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def close(keeping: Keeping) -> None:
    """Let go of what a supervisor kept its runs in."""
    if keeping.spool:
        await keeping.spool.close()
    if keeping.store:
        await keeping.store.close()


@pytest.fixture
async def new_stage(
    task_factory: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Callable[..., Stage]]:
    """Makes stages with limits of one's own; each is drained afterwards."""
    if task_factory == "eager":
        asyncio.get_running_loop().set_task_factory(asyncio.eager_task_factory)  # type: ignore[attr-defined]
    monkeypatch.setenv("HOME", str(tmp_path))  # the demo child keeps its conversations there
    monkeypatch.setattr(pressure, "is_high", lambda: False)  # whatever else is on this machine
    stages: list[Stage] = []
    keepings: list[Keeping] = []
    numbers = itertools.count()

    def make(
        limits: Limits | None = None, keeping: Keeping | None = None, backends: Iterable[Backend] = ()
    ) -> Stage:
        keepings.append(keeping or Keeping(Spool(tmp_path / "home" / "runs")))
        registry = Registry([DemoBackend(), FakeBackend(), MissingBackend(), *backends])
        clock = SystemClock()
        supervisor = Supervisor(
            registry, limits or Limits(), clock, lambda kind: f"{kind}_{next(numbers)}_{os.getpid()}",
            keeping=keepings[-1],
        )  # fmt: skip
        stages.append(Stage(supervisor, tmp_path))
        return stages[-1]

    yield make
    for stage in stages:
        await stage.all_gone()
    for keeping in keepings:
        await close(keeping)


@pytest.fixture
async def stage(new_stage: Callable[..., Stage]) -> Stage:
    """A supervisor with the usual limits."""
    return new_stage()
