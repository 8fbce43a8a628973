"""Identifiers sort by time and do not meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.domain import ids

moments = st.integers(0, (1 << 48) - 1)
entropies = st.binary(min_size=ids.ENTROPY_BYTES, max_size=ids.ENTROPY_BYTES)


@given(moments, moments, entropies, entropies)
def test_ids_sort_by_their_time(one, other, entropy, more):
    first, second = ids.new("run", one, entropy), ids.new("run", other, more)
    if one != other:
        assert (first < second) is (one < other)


@given(st.sets(st.tuples(moments, entropies), min_size=2))
def test_ids_of_different_times_or_entropy_differ(origins):
    assert len({ids.new("run", *origin) for origin in origins}) == len(origins)


@given(moments, entropies)
def test_an_id_is_its_kind_and_26_characters_nobody_misreads(moment, entropy):
    kind, _, rest = ids.new("session", moment, entropy).partition("_")
    assert kind == "session"
    assert len(rest) == 26
    assert set(rest) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_an_id_is_a_ulid():
    # The specification's own example, in lower case.
    entropy = bytes.fromhex("d6764c61efb99302bd5b")
    assert ids.new("run", 0x01563E3AB5D3, entropy) == "run_01arz3ndektsv4rrffq69g5fav"


@pytest.mark.parametrize("length", [0, 9, 11])
def test_too_little_or_too_much_entropy_is_refused(length):
    with pytest.raises(ValueError, match=f"10 bytes of entropy, not {length}"):
        ids.new("run", 0, bytes(length))


@given(moments, entropies)
def test_an_id_tells_when_it_was_made(moment, entropy):
    assert ids.born(ids.new("run", moment, entropy)) == moment / 1000
