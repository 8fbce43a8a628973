"""Metrics at their fullest: every set of labels that can be counted, by the route table and the enumerations."""

from collections.abc import Iterator
from itertools import product

from clinvk.api import explorer
from clinvk.api.access import OTHER
from clinvk.api.console import routes as console
from clinvk.api.routes import Route
from clinvk.api.table import ROUTES
from clinvk.backends.registry import default_registry
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import Run, RunState, Start, Stop, StopCause
from clinvk.domain.spec import Dialect, Origin, RunSpec
from clinvk.domain.usage import Usage
from clinvk.telemetry.levels import Levels
from clinvk.telemetry.metrics import METHODS, Metrics

BACKENDS = default_registry().names()
EVERYWHERE = {400, 401, 403, 408, 413, 429, 499, 500}
"""What any request may be answered, whatever its route says."""


def statuses(route: Route) -> set[int]:
    """What an operation may be answered."""
    said = {problem.value.status for problem in route.problems}
    return {*route.answers, *said} | EVERYWHERE | ({415} if route.method == "POST" else set())


def requests() -> Iterator[tuple[str, str, int]]:
    """Every route, method and status that can come together."""
    for route in (*ROUTES, explorer.FILES, console.SOCKET, console.FILES):
        for method in (route.method, "HEAD") if route.method == "GET" else (route.method,):
            yield from ((route.path, method, status) for status in statuses(route))
    yield from (
        (OTHER, method, status) for method in (*METHODS, "BREW") for status in {*EVERYWHERE, 204, 404, 405}
    )


def run(backend: str, dialect: Dialect = Dialect.NATIVE, state: RunState = RunState.COMPLETED) -> Run:
    """One that has used a bit of everything."""
    origin = Origin(dialect, "127.0.0.1", "a-label", "req_1")
    spec = RunSpec(backend, "the prompt", "/the/workdir", origin=origin)
    used = Usage(100, 50, 30, 20, 10, 0.25)
    return Run("run_1", spec, 1000.0, state, 1001.0, 1003.0, 1010.0, usage=used)


def fill(metrics: Metrics) -> None:
    """Count all of it once."""
    for route, method, status in requests():
        metrics.request(route, method, status, 0.01)
    for backend, dialect, state in product(BACKENDS, Dialect, RunState):
        if state.ended:
            metrics.ended(run(backend, dialect, state))
    for backend, code in product(BACKENDS, ErrorCode):
        failed = run(backend)
        failed.error = RunError(code, "said in a sentence")
        metrics.ended(failed)
        metrics.started(failed)
    for backend, start in product(BACKENDS, Start):
        begun = run(backend)
        begun.start = start
        metrics.ended(begun)
    for cause in StopCause:
        stopped = run(BACKENDS[0])
        stopped.stop = Stop(cause)
        metrics.stopped(stopped)


def levels() -> Levels:
    return Levels(
        live=dict.fromkeys(BACKENDS, 1),
        available=dict.fromkeys(BACKENDS, True),
        warm=dict.fromkeys(BACKENDS, 1),
        warm_memory_bytes=dict.fromkeys(BACKENDS, 1 << 20),
        queued=2,
        lingering=1,
        max_concurrent_runs=8,
        max_queued_runs=256,
        sessions=3,
        store_is_well=True,
        draining=False,
        audit_lines_lost=0,
    )
