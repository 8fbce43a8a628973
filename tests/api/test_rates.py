"""How often a client may ask. No test waits: the clock is ours."""

import pytest

from clinvk.api.problems import Kind, Problem
from clinvk.api.rates import Limit, Rates
from clinvk.domain.access import Grant

HERE = "192.0.2.1"


class Clock:
    """Stands still until it is told."""

    def __init__(self):
        self.now = 1000.0

    def wall(self):
        return self.now

    def monotonic(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def passed(rates, address=HERE, grant=None, most=1000):
    """How many requests pass at once."""
    for count in range(most):
        try:
            rates.check(address, grant)
        except Problem:
            return count
    return most


def refusal(rates, address=HERE, grant=None):
    with pytest.raises(Problem) as refused:
        rates.check(address, grant)
    return refused.value


def test_without_a_limit_everyone_may_ask_as_often_as_he_likes(clock):
    rates = Rates(clock)
    assert passed(rates) == passed(rates, "x", Grant("ci")) == 1000
    assert len(rates) == 0


def test_after_a_silence_a_burst_passes_and_then_the_pace_holds(clock):
    rates = Rates(clock, Limit(enabled=True, rps=10, burst=20))
    assert passed(rates) == 20
    clock.now += 0.5
    assert passed(rates) == 5
    clock.now += 1000
    assert passed(rates) == 20


def test_each_address_has_a_bucket_of_its_own(clock):
    rates = Rates(clock, Limit(enabled=True, burst=3))
    assert passed(rates) == 3
    assert passed(rates, "192.0.2.2") == 3
    assert passed(rates, "unix") == 3
    assert passed(rates) == 0


@pytest.mark.parametrize(
    ("first", "second", "left"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", 0),
        ("2001:db8::1", "2001:db8:0:1::1", 3),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", 3),
        ("::1", "127.0.0.1", 3),
    ],
)
def test_whoever_has_a_network_of_ipv6_is_one_client(clock, first, second, left):
    rates = Rates(clock, Limit(enabled=True, burst=3))
    assert passed(rates, first) == 3
    assert passed(rates, second) == left


def test_a_key_counts_wherever_it_is_used(clock):
    rates = Rates(clock, Limit(enabled=True, burst=3))
    assert passed(rates, HERE, Grant("ci")) == 3
    assert passed(rates, "192.0.2.2", Grant("ci")) == 0
    assert passed(rates, HERE, Grant("other")) == 3
    assert passed(rates, HERE) == 3


def test_no_key_can_be_named_so_that_it_uses_up_an_address(clock):
    rates = Rates(clock, Limit(enabled=True, burst=3))
    assert passed(rates, HERE, Grant(HERE)) == 3
    assert passed(rates) == 3


def test_what_a_key_is_bound_to_holds_even_where_the_server_has_no_limit(clock):
    rates = Rates(clock, Limit(enabled=False, rps=10, burst=20))
    ci = Grant("ci", rate_limit_rps=1, rate_limit_burst=2)
    assert passed(rates, grant=ci) == 2
    clock.now += 1
    assert passed(rates, grant=ci) == 1
    assert passed(rates, grant=Grant("other")) == 1000
    assert passed(rates, grant=Grant("slow", rate_limit_rps=1)) == 20
    assert passed(rates, grant=Grant("quick", rate_limit_burst=50)) == 50


def test_what_a_key_is_bound_to_comes_before_what_holds_for_all(clock):
    rates = Rates(clock, Limit(enabled=True, rps=1, burst=2))
    assert passed(rates, grant=Grant("ci", rate_limit_rps=100, rate_limit_burst=100)) == 100


def test_a_refusal_names_the_setting_and_when_to_come_again(clock):
    rates = Rates(clock, Limit(enabled=True, rps=0.25, burst=2))
    passed(rates)
    told = refusal(rates)
    assert (told.kind, told.headers["Retry-After"]) == (Kind.RATE_LIMITED, "4")
    assert told.detail == (
        "Too many requests: 0.25 a second, and 2 at once after a silence, are the limit"
        " (server.rate_limit_rps, server.rate_limit_burst)"
    )
    clock.now += 3.5
    assert refusal(rates).headers["Retry-After"] == "1"
    clock.now += 0.5
    assert passed(rates) == 1
    own = Grant("ci", rate_limit_rps=0.001, rate_limit_burst=1)
    passed(rates, grant=own)
    assert refusal(rates, grant=own).headers["Retry-After"] == "60"
    assert "(of the key 'ci')" in refusal(rates, grant=own).detail


def test_a_refused_request_costs_nothing(clock):
    rates = Rates(clock, Limit(enabled=True, rps=1, burst=1))
    passed(rates)
    for _ in range(50):
        refusal(rates)
    clock.now += 1
    assert passed(rates) == 1


def test_new_bounds_let_nobody_begin_anew(clock):
    rates = Rates(clock, Limit(enabled=True, rps=1, burst=5))
    assert passed(rates) == 5
    rates.limit = Limit(enabled=True, rps=1, burst=8)
    assert passed(rates) == 3
    rates.limit = Limit(enabled=True, rps=1, burst=4)
    assert passed(rates) == 0
    clock.now += 5
    assert passed(rates) == 1


def test_a_new_pace_does_not_hold_for_the_past(clock):
    rates = Rates(clock, Limit(enabled=True, rps=1, burst=100))
    passed(rates)
    clock.now += 10
    rates.limit = Limit(enabled=True, rps=50, burst=100)
    assert passed(rates) == 10


def test_the_table_is_bounded_and_who_is_full_again_goes_first(clock):
    rates = Rates(clock, Limit(enabled=True, rps=1, burst=10), clients=3)
    passed(rates, "busy")
    clock.now += 2
    rates.check("light", None)
    rates.check("other", None)
    clock.now += 1
    rates.check("new", None)
    assert len(rates) == 2
    assert passed(rates, "busy") == 3


def test_where_nobody_is_full_again_who_was_silent_longest_goes(clock):
    rates = Rates(clock, Limit(enabled=True, rps=0.01, burst=2), clients=3)
    for name in ("a", "b", "c", "a", "d"):
        rates.check(name, None)
    assert len(rates) == 3
    assert [passed(rates, name) for name in ("d", "c", "a")] == [1, 1, 0]


def test_a_crowd_of_addresses_does_not_make_the_table_grow_nor_search_it_each_time(clock):
    rates = Rates(clock, Limit(enabled=True, rps=0.01, burst=2), clients=100)
    sweeps = []
    sweep, rates._sweep = rates._sweep, lambda now: (sweeps.append(now), sweep(now))
    for number in range(5000):
        clock.now += 0.001
        rates.check(f"10.0.{number >> 8}.{number & 255}", None)
    assert len(rates) == 100
    assert len(sweeps) <= 5


def test_who_is_silent_is_forgotten_but_not_before_he_is_full_again(clock):
    rates = Rates(clock, Limit(enabled=True, rps=0.01, burst=2, cleanup_secs=60))
    rates.check("slow", None)
    rates.check("slow", None)
    rates.check("quick", Grant("quick", rate_limit_rps=1))
    clock.now += 61
    rates.check("another", None)
    assert len(rates) == 2
    assert passed(rates, "slow") == 0
