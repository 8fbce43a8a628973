"""The results as JSON: what was measured with and on, how quiet it was, rows, and what could not be measured."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from figures import Row, Skipped

_DIGITS = 4
"""That count; more would be noise."""


def whole(made: dict[str, Any], noise: dict[str, Any], found: Sequence[Row | Skipped]) -> dict[str, Any]:
    return {
        "made": made,
        "noise": noise,
        "rows": [of(one) for one in found if isinstance(one, Row)],
        "skipped": [of(one) for one in found if isinstance(one, Skipped)],
    }


def of(one: Row | Skipped) -> dict[str, Any]:
    """A row, or what was skipped, as JSON."""
    told: dict[str, Any] = _shortened(one.as_json() if isinstance(one, Row) else asdict(one))
    return told


def _shortened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _shortened(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_shortened(each) for each in value]
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value
