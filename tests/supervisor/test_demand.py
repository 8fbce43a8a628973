"""Which children are worth starting ahead."""

from clinvk.supervisor.demand import Demand

RECENT = 300.0


def test_what_nobody_asked_for_is_worth_none():
    assert not Demand().is_worth_one(("a",))


def test_one_use_is_enough_until_one_has_waited_in_vain():
    demand = Demand()
    demand.asked(("a",), 0.0, RECENT)
    assert demand.is_worth_one(("a",))
    assert not demand.is_worth_one(("b",))
    demand.wasted(("a",))
    assert not demand.is_worth_one(("a",))
    demand.asked(("a",), 1.0, RECENT)
    assert not demand.is_worth_one(("a",))
    demand.asked(("a",), 2.0, RECENT)
    assert demand.is_worth_one(("a",))


def test_uses_that_are_long_apart_do_not_add_up():
    demand = Demand()
    demand.asked(("a",), 0.0, RECENT)
    demand.wasted(("a",))
    for when in (400.0, 800.0, 1200.0):
        demand.asked(("a",), when, RECENT)
        assert not demand.is_worth_one(("a",))


def test_waste_of_what_is_forgotten_is_no_matter():
    Demand().wasted(("a",))


def test_the_keys_that_were_asked_for_last_are_remembered():
    demand = Demand()
    for number in range(300):
        demand.asked((number,), 0.0, RECENT)
    assert not demand.is_worth_one((0,))
    assert demand.is_worth_one((299,))
