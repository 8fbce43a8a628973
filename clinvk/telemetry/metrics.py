"""The metrics of one server, for Prometheus: what there is, and how it is counted. `docs/metrics.md` lists them.

Every label has few values, all of them known before: routes, backends, statuses and the like, nothing that a
client may choose. Names of keys, addresses and models are none.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from prometheus_client import exposition
from prometheus_client.core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from clinvk.domain.run import Run
from clinvk.telemetry.gauges import gauges
from clinvk.telemetry.levels import Levels
from clinvk.telemetry.series import MOST, OTHER, About, Counter, Gauge, Histogram

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_STATUSES: Final = range(100, 600)
_REQUESTS: Final = 900
"""More than all routes with all their statuses are: see the test."""
_PLAIN: Final = "text/plain; version=0.0.4; charset=utf-8"

_REQUEST_SECS: Final = (0.005, 0.025, 0.1, 0.5, 2.5, 10.0, 60.0, 300.0, 1800.0)
_RUN_SECS: Final = (1.0, 5.0, 15.0, 60.0, 180.0, 600.0, 1800.0, 3600.0)
_OUTPUT_SECS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 60.0, 120.0)
_QUEUE_SECS: Final = (0.01, 0.1, 1.0, 5.0, 15.0, 60.0, 180.0, 600.0)
_LAG_SECS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)


@dataclass(frozen=True, slots=True)
class Exposition(Collector):
    """The metrics of one moment: whatever becomes of the server meanwhile, they stay as they are."""

    series: tuple[Counter | Gauge | Histogram, ...]
    process: ProcessCollector

    def collect(self) -> Iterable[Metric]:
        """For the library of Prometheus."""
        yield from (each.family() for each in self.series)
        yield from self.process.collect()

    def encoded(self, accept: str) -> tuple[bytes, str]:
        """Their text in the form that an `Accept` header asks for, with the media type of that. Takes a while."""
        try:
            encode, media_type = exposition.choose_encoder(accept)
        except (TypeError, ValueError):  # a version that is no number: a client's slip
            encode, media_type = exposition.generate_latest, _PLAIN
        return encode(self), media_type


class Metrics:
    """Counts what happens in one server. Belongs to the loop's thread."""

    def __init__(self) -> None:
        self._requests = _counter(
            "clinvk_http_requests_total",
            "HTTP requests that were answered, or left by their client (499).",
            ("route", "method", "status"),
            _REQUESTS,
        )
        self._request_secs = _histogram(
            "clinvk_http_request_duration_seconds",
            "From a request's head to the end of its answer; a stream lasts until its last byte.",
            _REQUEST_SECS,
            ("route",),
        )
        self._lag = _histogram(
            "clinvk_event_loop_lag_seconds",
            "How late the event loop came to due work, measured four times a second.",
            _LAG_SECS,
        )
        self._runs = _Runs()
        self._process = ProcessCollector(registry=None)
        self.turn = asyncio.Lock()
        """Whose it is to make a text of them: several at once would only take the loop's time."""

    def request(self, route: str, method: str | None, status: int, seconds: float) -> None:
        """A request for the path `route` of the table has ended."""
        verb = method if method in METHODS else OTHER
        self._requests.add(route, verb, str(status) if status in _STATUSES else OTHER)
        self._request_secs.observe(seconds, route)

    def lag(self, seconds: float) -> None:
        """The loop was so late."""
        self._lag.observe(seconds)

    def started(self, run: Run) -> None:
        """It got its child."""
        self._runs.started(run)

    def stopped(self, run: Run) -> None:
        """It was asked to end."""
        self._runs.stopped(run)

    def ended(self, run: Run) -> None:
        """It has ended."""
        self._runs.ended(run)

    def exposition(self, levels: Levels) -> Exposition:
        """All of it as it is now, quickly: what takes longer is to be done with the copy."""
        counted = (self._requests, self._request_secs, *self._runs.series(), self._lag)
        return Exposition((*(each.copy() for each in counted), *gauges(levels)), self._process)


class _Runs:
    """What is counted of runs."""

    def __init__(self) -> None:
        self._ended = _counter(
            "clinvk_runs_total",
            "Runs that have ended, by the state in which they did.",
            ("backend", "dialect", "state"),
        )
        self._failures = _counter(
            "clinvk_run_failures_total",
            "Runs that ended with an error, by its code; `cancelled` is one.",
            ("backend", "error"),
        )
        self._stops = _counter(
            "clinvk_run_stops_total", "Runs that were asked to end before their time, by the cause.", ("cause",)
        )
        self._starts = _counter(
            "clinvk_run_starts_total",
            "Runs that have ended and had a child, by how they came by it.",
            ("backend", "start"),
        )
        self._saved_secs = _counter(
            "clinvk_start_saved_seconds_total",
            "Seconds that the start of a child had taken before a run came that it waited for.",
            ("backend",),
        )
        self._secs = _histogram(
            "clinvk_run_duration_seconds",
            "From taking a run to its end, the wait in the queue included.",
            _RUN_SECS,
            ("backend",),
        )
        self._output_secs = _histogram(
            "clinvk_run_first_output_seconds",
            "From taking a run to its first text, reasoning or use of a tool.",
            _OUTPUT_SECS,
            ("backend",),
        )
        self._queue_secs = _histogram(
            "clinvk_run_queue_seconds",
            "From taking a run to the start of its child, or to its end where it never had one.",
            _QUEUE_SECS,
            ("backend",),
        )
        self._tokens = _counter(
            "clinvk_tokens_total",
            "Tokens of ended runs, as the CLIs tell them; the kinds of a direction add up to it.",
            ("backend", "direction", "kind"),
        )
        self._cost = _counter(
            "clinvk_cost_usd_total", "US dollars of ended runs, where the CLI tells them.", ("backend",)
        )

    def series(self) -> Iterable[Counter | Histogram]:
        yield from (self._ended, self._failures, self._stops, self._starts, self._saved_secs)
        yield from (self._tokens, self._cost)
        yield from (self._secs, self._output_secs, self._queue_secs)

    def started(self, run: Run) -> None:
        self._queue_secs.observe(_seconds(run.created_at, run.started_at), run.spec.backend)

    def stopped(self, run: Run) -> None:
        assert run.stop, "it was stopped"
        self._stops.add(run.stop.cause)

    def ended(self, run: Run) -> None:
        backend, seconds = run.spec.backend, _seconds(run.created_at, run.finished_at)
        self._ended.add(backend, run.spec.origin.dialect, run.state)
        if run.error:
            self._failures.add(backend, run.error.code)
        if run.start:
            self._starts.add(backend, run.start)
            self._saved_secs.add(backend, amount=run.start_saved_secs)
        self._secs.observe(seconds, backend)
        if run.started_at is None:
            self._queue_secs.observe(seconds, backend)
        if run.first_output_at is not None:
            self._output_secs.observe(_seconds(run.created_at, run.first_output_at), backend)
        self._spent(run)

    def _spent(self, run: Run) -> None:
        usage = run.usage
        cached, written = usage.cached_tokens, usage.cache_write_tokens
        for direction, kind, amount in (
            ("input", "new", usage.input_tokens - cached - written),
            ("input", "cache_read", cached),
            ("input", "cache_write", written),
            ("output", "answer", usage.output_tokens - usage.reasoning_tokens),
            ("output", "reasoning", usage.reasoning_tokens),
        ):
            self._tokens.add(run.spec.backend, direction, kind, amount=amount)
        if usage.cost_usd is not None:
            self._cost.add(run.spec.backend, amount=usage.cost_usd)


def _counter(name: str, told: str, labels: tuple[str, ...] = (), most: int = MOST) -> Counter:
    return Counter(About(name, told, labels, most))


def _histogram(name: str, told: str, bounds: tuple[float, ...], labels: tuple[str, ...] = ()) -> Histogram:
    return Histogram(About(name, told, labels), bounds)


def _seconds(since: float, until: float | None) -> float:
    """Never below zero, though the clock was set back meanwhile; nothing without an end."""
    return 0.0 if until is None else max(0.0, until - since)
