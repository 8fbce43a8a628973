"""The published goals, by the row that each speaks of. On two cores; medians."""

from collections.abc import Mapping, Sequence

from figures import CLINVK, EPHEMERAL, NO_POOL, Goal, Row, spread

BARE = "bare spawn"
STRIPPED = "stripped handler"
READER = "bare reader"
DRIVER = "bare driver"
PYTHON = "python -c pass"

_OURS = (CLINVK, EPHEMERAL, NO_POOL)
_SPAWN = tuple(Goal(2.0, side=side, than=BARE) for side in _OURS)
_RATE = (
    *(Goal(500, at_most=False, side=side) for side in _OURS),
    *(Goal(0.5, at_most=False, side=side, than=STRIPPED, share=True) for side in _OURS),
)
_ADDED_TO_FIRST_TOKEN = {
    f"first-token.{cli}.{start}": (Goal(bound, than=DRIVER),)
    for cli in ("claude", "codex", "gemini")
    for start, bound in (("cold", 50), ("warm", 15), ("live", 10))
}

GOALS: Mapping[str, Sequence[Goal]] = {
    "overhead.1.latency": _SPAWN,
    "overhead.32.rate": _RATE,
    **_ADDED_TO_FIRST_TOKEN,
    "deltas.50.p50": (Goal(0.25, than=READER),),
    "deltas.50.p99": (Goal(5, than=READER),),
    "deltas.50.cpu": (Goal(45),),
    "deltas.50.hold": (Goal(20),),
    "deltas.flood.rate": (Goal(100_000, at_most=False),),
    "sessions.100000.create": (Goal(1, than=EPHEMERAL),),
    "sessions.100000.page": (Goal(1.5),),
    "footprint.start": (Goal(400),),
    "footprint.idle": (Goal(50),),
    "footprint.guardian": (Goal(10),),
}


def row(identity: str, name: str, unit: str, rounds: Mapping[str, Sequence[float]], better: str = "lower") -> Row:
    """A row of what each side gave in each round, judged by its goals. Sides without a round are left out."""
    measured = {side: values for side, values in rounds.items() if values}
    verdicts = (goal.judged(measured, unit) for goal in GOALS.get(identity, ()))
    sides = {side: spread(values) for side, values in measured.items()}
    return Row(identity, name, unit, better, sides, [verdict for verdict in verdicts if verdict])
