"""API keys as the server knows them."""

import pytest

from clinvk.domain.access import NO_KEYS, Grant, Keyring, digest, listed, unfit

ONE, OTHER = Grant("one"), Grant("other", backends=frozenset({"demo"}))
KEYRING = Keyring({digest("k" * 16): ONE, digest("ключ"): OTHER})


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("", []),
        (" , \n,", []),
        ("a", ["a"]),
        ("a,b", ["a", "b"]),
        (" a ,\tb\r\nc\n", ["a", "b", "c"]),
        ('"a","b c"', ['"a"', '"b c"']),
        ("a\\,b", ["a\\", "b"]),
    ],
)
def test_a_list_is_taken_literally(text: str, keys: list[str]) -> None:
    assert listed(text) == keys


@pytest.mark.parametrize("key", ["k", "k" * 256, "!~", "=+/-_.:"])
def test_what_a_header_can_hold_can_be_a_key(key: str) -> None:
    assert unfit(key) is None


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("k" * 257, "longer than 256"),
        ("k k", "no header may hold"),
        ("schlüssel", "no header may hold"),
        ("k\x7f", "no header may hold"),
        ("k\0", "no header may hold"),
    ],
)
def test_what_none_can_hold_is_said_without_the_key(key: str, why: str) -> None:
    reason = unfit(key)
    assert reason is not None
    assert why in reason
    assert key not in reason


@pytest.mark.parametrize(
    ("key", "grant"),
    [
        ("k" * 16, ONE),
        ("ключ", OTHER),
        ("k" * 15, None),
        ("k" * 17, None),
        ("K" * 16, None),
        ("", None),
        ("\udcff", None),  # what a header brought that is no UTF-8
    ],
)
def test_a_key_opens_what_was_granted_to_it(key: str, grant: Grant | None) -> None:
    assert KEYRING.grant(key) is grant


def test_none_of_it_holds_a_key() -> None:
    assert "k" * 16 not in repr(KEYRING)


def test_a_ring_without_keys_asks_for_none() -> None:
    assert not NO_KEYS
    assert NO_KEYS.grant("k" * 16) is None
    assert KEYRING


def test_a_grant_is_found_by_its_label() -> None:
    assert KEYRING.by_label == {"one": ONE, "other": OTHER}


@pytest.mark.parametrize(
    ("grant", "bounded"),
    [
        (Grant("k"), False),
        (Grant("k", rate_limit_rps=1.0, rate_limit_burst=2), False),
        (Grant("k", backends=frozenset()), True),
        (Grant("k", workdirs=()), True),
        (Grant("k", max_concurrent_runs=1), True),
        (Grant("k", max_queued_runs=0), True),
    ],
)
def test_what_bounds_its_runs_bounds_it(grant: Grant, bounded: bool) -> None:
    assert grant.is_bounded is bounded
