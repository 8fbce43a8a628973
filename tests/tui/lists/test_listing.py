"""A listing shows what is wanted in the order that is wanted, and takes in changes a little at a time."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tui.lists.listing import Listing, Rank


@dataclass(frozen=True)
class Row:
    name: str
    size: int | None = 0


@dataclass(frozen=True)
class Holding:
    word: str

    def matches(self, row: Row, text: str) -> bool:
        return self.word in text


def by_size(row: Row) -> Rank:
    return row.size


def a_listing(*rows: Row, descending: bool = False) -> Listing[Row]:
    listing = Listing[Row](lambda row: row.name, by_size, descending=descending)
    listing.take({row.name: row for row in rows})
    work(listing)
    return listing


def work(listing: Listing[Row]) -> None:
    for _ in listing.steps():
        pass


def shown(listing: Listing[Row]) -> list[str]:
    return [listing.key(index) for index in range(len(listing))]


ROWS = (Row("b", 2), Row("none", None), Row("a", 1), Row("c", 3))


def test_rows_without_a_rank_come_last_in_either_direction() -> None:
    assert shown(a_listing(*ROWS)) == ["a", "b", "c", "none"]
    assert shown(a_listing(*ROWS, descending=True)) == ["c", "b", "a", "none"]


@pytest.mark.parametrize("descending", [False, True])
def test_every_row_is_found_where_it_is_shown(*, descending: bool) -> None:
    listing = a_listing(*ROWS, descending=descending)
    assert [listing.index(key) for key in shown(listing)] == [0, 1, 2, 3]
    assert listing.index("nobody") is None


def test_a_row_that_changed_moves_and_one_that_went_is_gone() -> None:
    listing = a_listing(*ROWS)
    before = listing.version
    listing.take({"a": Row("a", 9), "b": ROWS[0], "new": Row("new", 0)})
    assert shown(listing) == ["new", "b", "a"]
    assert listing.version > before
    assert listing.total == 3


def test_the_same_rows_are_no_news() -> None:
    listing = a_listing(*ROWS)
    before = listing.version
    listing.take({row.name: row for row in ROWS})
    assert listing.version == before


def test_the_old_order_is_shown_until_the_new_one_is_worked_out() -> None:
    many = tuple(Row(f"{number:04}", number) for number in range(1000))
    listing = a_listing(*many)
    listing.arrange(by_size, descending=True)
    steps = listing.steps()
    next(steps)
    assert listing.key(0) == "0000"
    work_of(steps)
    assert listing.key(0) == "0999"
    assert not listing.busy


def test_what_was_broken_off_is_begun_anew() -> None:
    listing = a_listing(*(Row(f"{number:04}", number) for number in range(1000)))
    listing.choose(Holding("99"))
    steps = listing.steps()
    next(steps)
    steps.close()  # type: ignore[attr-defined]  # it is a generator
    assert listing.busy
    work(listing)
    assert len(listing) == 19


def test_another_filter_in_the_middle_of_one_holds() -> None:
    listing = a_listing(*(Row(f"{number:04}", number) for number in range(1000)))
    listing.choose(Holding("1"))
    steps = listing.steps()
    next(steps)
    listing.choose(Holding("0007"))
    work_of(steps)
    assert shown(listing) == ["0007"]
    listing.choose(None)
    work(listing)
    assert len(listing) == 1000


def test_many_new_rows_are_taken_in_steps() -> None:
    listing = Listing[Row](lambda row: row.name, by_size)
    listing.take({str(number): Row(str(number), number) for number in range(1000)})
    assert listing.busy
    assert sum(1 for _ in listing.steps()) >= 10
    assert len(listing) == 1000


def test_a_touched_row_is_looked_at_again() -> None:
    wanted: set[str] = set()
    listing = Listing[Row](lambda row: row.name, lambda row: float(row.name in wanted))
    listing.take({row.name: row for row in ROWS})
    wanted.add("a")
    listing.touch("a")
    assert shown(listing)[-1] == "a"


def work_of(steps: Iterator[None]) -> None:
    for _ in steps:
        pass
