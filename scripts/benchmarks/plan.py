"""How much is measured: the default, `--quick`, and the least that shows that it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """Rounds of each measurement, and how long or how much a round is."""

    size: str
    overhead_rounds: int
    overhead_seconds: float
    at_once: tuple[int, ...]
    token_rounds: int
    clis: tuple[str, ...]
    delta_rounds: int
    delta_seconds: float
    streams: tuple[int, ...]
    flood: int
    """Deltas of the unthrottled stream."""
    session_rounds: int
    session_requests: int
    kept: tuple[int, ...]
    """Sessions in the store."""
    start_rounds: int
    idle_seconds: float
    """Of idleness, after which memory is looked at."""
    loaded_runs: int


_CLIS = ("claude", "codex", "gemini")

DEFAULT = Plan(
    size="default",
    overhead_rounds=5, overhead_seconds=0.8, at_once=(1, 8, 32),
    token_rounds=5, clis=_CLIS,
    delta_rounds=5, delta_seconds=2.0, streams=(1, 50, 200), flood=200_000,
    session_rounds=5, session_requests=60, kept=(100, 10_000, 100_000),
    start_rounds=5, idle_seconds=2.0, loaded_runs=1000,
)  # fmt: skip
QUICK = Plan(
    size="quick",
    overhead_rounds=3, overhead_seconds=0.3, at_once=(1, 32),
    token_rounds=1, clis=_CLIS,
    delta_rounds=2, delta_seconds=0.8, streams=(1, 50, 200), flood=50_000,
    session_rounds=3, session_requests=30, kept=(100, 100_000),
    start_rounds=2, idle_seconds=1.0, loaded_runs=100,
)  # fmt: skip
LEAST = Plan(
    size="least",
    overhead_rounds=1, overhead_seconds=0.1, at_once=(1, 2),
    token_rounds=1, clis=_CLIS,
    delta_rounds=1, delta_seconds=0.2, streams=(1, 2), flood=500,
    session_rounds=1, session_requests=2, kept=(100,),
    start_rounds=1, idle_seconds=0.1, loaded_runs=5,
)  # fmt: skip
