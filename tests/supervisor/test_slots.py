"""Whose turn is next: fair between the holders of keys, first come first served for each of them."""

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.domain.access import Grant
from clinvk.domain.errors import QueueFull
from clinvk.supervisor.limits import BackendOptions, Limits
from clinvk.supervisor.slots import Slots


def limits(slots=1, queue=1000, backends=None, **grants):
    """`grants` by label, as (runs at once, runs that wait)."""
    return Limits(
        max_concurrent_runs=slots,
        max_queued_runs=queue,
        backends={name: BackendOptions(max_concurrent=most) for name, most in (backends or {}).items()},
        grants={
            label: Grant(label, max_concurrent_runs=at_once, max_queued_runs=queued)
            for label, (at_once, queued) in grants.items()
        },
    )


class Queue:
    """Slots, and the tickets of a test by their names: the party's in front."""

    def __init__(self, **bounds):
        self.slots = Slots(limits(**bounds))
        self.tickets = {}

    def enter(self, *names, backend="demo", **how):
        for name in names:
            self.tickets[name] = self.slots.enter(backend, name[0], **how)

    def end(self, *names):
        for name in names:
            self.tickets.pop(name).release()

    @property
    def held(self):
        return {name for name, ticket in self.tickets.items() if ticket.granted.done()}

    @property
    def positions(self):
        waiting = {name: ticket for name, ticket in self.tickets.items() if not ticket.granted.done()}
        return {name: ticket.position for name, ticket in waiting.items()}

    def turns(self):
        """Who is next, until nobody waits: each ends before the next begins."""
        order = []
        while self.held:
            (name,) = self.held
            order.append(name)
            self.end(name)
        return order


async def test_a_single_run_does_not_wait_for_the_many_of_another_key():
    queue = Queue()
    queue.enter(*(f"a{number}" for number in range(200)))
    queue.enter("b0")
    assert queue.tickets["b0"].position == 0
    assert queue.turns()[:4] == ["a0", "b0", "a1", "a2"]


async def test_parties_take_turns_and_within_one_the_first_comes_first():
    queue = Queue()
    queue.enter("a0", "a1", "a2", "a3", "b0", "b1", "c0")
    assert queue.turns() == ["a0", "b0", "c0", "a1", "b1", "a2", "a3"]


async def test_next_is_who_holds_the_fewest_slots():
    queue = Queue(slots=4)
    queue.enter("a0", "a1", "a2", "b0", "a3", "a4", "b1", "b2")
    queue.end("a0")
    assert queue.held == {"a1", "a2", "b0", "b1"}
    queue.end("a1")
    assert queue.held == {"a2", "b0", "b1", "a3"}
    queue.end("b0")
    assert queue.held == {"a2", "b1", "a3", "b2"}


async def test_those_who_come_anew_each_time_keep_nobody_waiting_for_ever():
    queue = Queue()
    queue.enter("b0", "a0", "c0")
    order = []
    for number in range(1, 5):
        (name,) = queue.held
        order.append(name)
        queue.end(name)
        queue.enter(f"{name[0]}{number}")
    assert order == ["b0", "a0", "c0", "b1"]


async def test_without_keys_it_is_first_come_first_served():
    slots = Slots(limits(slots=1))
    tickets = [slots.enter("demo") for _ in range(5)]
    assert [ticket.position for ticket in tickets] == [0, 0, 1, 2, 3]
    for ticket, following in pairwise(tickets):
        ticket.release()
        assert following.granted.done()


async def test_a_key_has_no_more_runs_at_once_than_it_may_and_others_pass():
    queue = Queue(slots=3, a=(1, None))
    queue.enter("a0", "a1", "b0", "b1", "b2")
    assert queue.held == {"a0", "b0", "b1"}
    queue.end("a0")
    assert queue.held == {"a1", "b0", "b1"}


async def test_a_key_has_no_more_runs_waiting_than_it_may():
    queue = Queue(slots=2, a=(1, 1))
    queue.enter("a0", "a1")
    with pytest.raises(QueueFull) as full:
        queue.enter("a2")
    assert str(full.value) == (
        "The queue is full for the key 'a': 1 of its runs are waiting, and max_queued_runs of the key is 1"
    )
    assert 1 <= full.value.retry_after_secs <= 60
    with pytest.raises(QueueFull):
        queue.slots.check({"demo"}, "a")
    queue.slots.check({"demo"}, "b")
    queue.enter("a2", admitted=True)
    queue.enter("b0")
    assert queue.held == {"a0", "b0"}
    assert queue.positions == {"a1": 0, "a2": 1}


async def test_a_key_that_may_have_none_wait_has_what_begins_at_once():
    queue = Queue(slots=2, a=(None, 0))
    queue.enter("a0", "a1")
    with pytest.raises(QueueFull):
        queue.enter("a2")
    assert queue.slots.waiting == 0
    queue.end("a0")
    queue.enter("a2")
    assert queue.held == {"a1", "a2"}


async def test_a_full_queue_takes_one_run_of_a_key_of_which_none_waits():
    queue = Queue(queue=3)
    queue.enter("a0", "a1", "a2", "a3")
    with pytest.raises(QueueFull) as full:
        queue.enter("a4")
    assert str(full.value) == "The queue is full: 3 runs are waiting for a free slot"
    queue.slots.check({"demo"}, "b")
    queue.enter("b0")
    with pytest.raises(QueueFull):
        queue.enter("b1")
    queue.enter("c0")
    assert queue.positions == {"b0": 0, "c0": 1, "a1": 2, "a2": 3, "a3": 4}


async def test_where_nothing_may_wait_that_holds_for_every_key():
    queue = Queue(queue=0)
    queue.enter("a0")
    for party in ("a1", "b0"):
        with pytest.raises(QueueFull):
            queue.enter(party)
        with pytest.raises(QueueFull):
            queue.slots.check({"demo"}, party[0])


async def test_a_backend_at_its_limit_stands_in_nobodys_way():
    queue = Queue(slots=2, backends={"slow": 1})
    queue.enter("a0", "a1", "b0", backend="slow")
    queue.enter("a2", "b1", "b2")
    assert queue.held == {"a0", "a2"}
    queue.end("a2")
    assert queue.held == {"a0", "b1"}
    queue.end("a0")
    assert queue.held == {"b1", "a1"}


async def test_new_limits_hold_for_those_who_wait():
    queue = Queue(slots=4, a=(1, None))
    queue.enter("a0", "a1", "a2", "a3")
    assert queue.held == {"a0"}
    queue.slots.adjust(limits(slots=4, a=(2, 0)))
    assert queue.held == {"a0", "a1"}
    assert set(queue.positions) == {"a2", "a3"}
    queue.slots.adjust(limits(slots=3))  # the key's grant is gone: its runs are not
    assert queue.held == {"a0", "a1", "a2"}
    queue.slots.adjust(limits(slots=1, a=(0, 0)))
    assert queue.held == {"a0", "a1", "a2"}


async def test_one_that_leaves_the_queue_moves_the_others_up():
    queue = Queue()
    queue.enter("a0", "a1", "a2", "b0", "a3")
    queue.end("a1", "b0")
    assert queue.positions == {"a2": 0, "a3": 1}
    ticket = queue.tickets["a2"]
    queue.end("a2")
    ticket.release()
    assert (queue.positions, ticket.position) == ({"a3": 0}, 0)


async def test_nothing_is_left_of_those_who_have_gone():
    queue = Queue(slots=1)
    for party in "abcdef":
        queue.enter(f"{party}0", f"{party}1")
    queue.turns()
    slots = queue.slots
    assert (slots.held, slots.waiting) == (0, 0)
    assert not any((slots._held_of, slots._lines, slots._served, slots._held))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), st.sampled_from("abcd"), st.sampled_from(["x", "y"])),
        st.tuples(st.just("release"), st.integers(0, 30), st.none()),
    ),
    max_size=60,
)


def worked(slots, steps):
    """The tickets that are left after `steps`."""
    tickets = []
    for what, which, backend in steps:
        if what == "enter":
            tickets.append(slots.enter(backend, which))
        elif tickets:
            tickets.pop(which % len(tickets)).release()
    return tickets


@given(steps=STEPS, size=st.integers(1, 4))
def test_every_position_is_true_to_the_order(steps, size):
    async def check():
        slots = Slots(limits(slots=size))
        waiting = [ticket for ticket in worked(slots, steps) if not ticket.granted.done()]
        assert sorted(ticket.position for ticket in waiting) == list(range(len(waiting)))
        for following in sorted(waiting, key=lambda ticket: ticket.position):
            assert following.position == 0
            slots.adjust(limits(slots=slots.held + 1))
            assert following.granted.done()

    asyncio.run(check())


@given(steps=STEPS, size=st.integers(1, 4), of_x=st.integers(1, 4), of_a=st.integers(0, 3))
def test_no_bound_is_broken_and_no_slot_is_idle_while_one_may_begin(steps, size, of_x, of_a):
    async def check():
        bounds = limits(slots=size, backends={"x": of_x}, a=(of_a, None))
        slots = Slots(bounds)
        tickets = worked(slots, steps)
        held = [ticket for ticket in tickets if ticket.granted.done()]
        waiting = [ticket for ticket in tickets if not ticket.granted.done()]
        in_x = sum(ticket.backend == "x" for ticket in held)
        of_party = sum(ticket.party == "a" for ticket in held)
        assert (slots.held, slots.waiting) == (len(held), len(waiting))
        assert len(held) <= size
        assert in_x <= of_x
        assert of_party <= of_a
        for ticket in waiting:
            blocked = (ticket.backend == "x" and in_x == of_x) or (ticket.party == "a" and of_party == of_a)
            assert len(held) == size or blocked

    asyncio.run(check())
