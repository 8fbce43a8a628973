"""Moments as they are written."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.clock import rfc3339


def by_the_calendar(wall):
    return datetime.fromtimestamp(wall, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@given(st.floats(-1e9, 1e10))
def test_a_moment_is_what_the_calendar_says(wall):
    assert rfc3339(wall) == by_the_calendar(wall)


@pytest.mark.parametrize("wall", [0.0, -0.5, 0.9999996, 1.0009999, 1_700_000_000.9999999, 1_699_999_999.9999])
def test_also_at_the_edges_of_a_second(wall):
    assert rfc3339(wall) == by_the_calendar(wall)
