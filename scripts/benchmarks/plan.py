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
    "default",
    7,
    0.8,
    (1, 8, 32),
    5,
    _CLIS,
    5,
    3.0,
    (1, 50, 200),
    200_000,
    7,
    60,
    (100, 10_000, 100_000),
    7,
    2.0,
    1000,
)
QUICK = Plan("quick", 3, 0.3, (1, 32), 1, _CLIS, 2, 0.8, (1, 50, 200), 50_000, 3, 30, (100, 100_000), 2, 1.0, 100)
LEAST = Plan("least", 1, 0.1, (1, 2), 1, _CLIS, 1, 0.2, (1, 2), 500, 1, 2, (100,), 1, 0.1, 5)
