"""Usage adds up."""

from hypothesis import given
from hypothesis import strategies as st

from clinvk.domain.usage import Usage

tokens = st.integers(0, 1 << 40)
usages = st.builds(
    Usage, tokens, tokens, tokens, tokens, tokens, st.none() | st.integers(0, 1 << 20).map(lambda n: n / 4)
)


def test_every_part_adds_to_its_like():
    total = Usage(1, 2, 3, 4, 5, 0.5) + Usage(10, 20, 30, 40, 50, 0.25)
    assert total == Usage(11, 22, 33, 44, 55, 0.75)


def test_the_cost_stays_unknown_only_while_no_part_tells_it():
    assert (Usage() + Usage()).cost_usd is None
    assert (Usage(cost_usd=0.5) + Usage()).cost_usd == 0.5
    assert (Usage() + Usage(cost_usd=0.0)).cost_usd == 0.0


@given(usages, usages, usages)
def test_addition_has_a_zero_and_knows_no_order(one, two, three):
    assert one + Usage() == Usage() + one == one
    assert one + two == two + one
    assert (one + two) + three == one + (two + three)
