"""Numbers and times are short and right."""

import pytest

from clinvk.domain.run import RunState
from clinvk.domain.usage import Usage
from tests.tui.samples import NOW, a_run
from tui import formats


@pytest.mark.parametrize(
    ("secs", "shown"),
    [
        (-1, "0ms"), (0.0124, "12ms"), (0.9994, "999ms"), (0.9996, "1.0s"), (9.94, "9.9s"), (9.96, "9s"),
        (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86399, "23h"), (86400, "1d"), (9e6, "104d"),
    ],
)  # fmt: skip
def test_a_duration_takes_four_characters_for_what_is_under_a_day(secs: float, shown: str) -> None:
    assert formats.duration(secs) == shown


@pytest.mark.parametrize(("secs", "shown"), [(-3, "0s"), (0.7, "0s"), (5.9, "5s"), (59.9, "59s"), (61, "1m")])
def test_an_age_is_in_whole_seconds(secs: float, shown: str) -> None:
    assert formats.age(secs) == shown


@pytest.mark.parametrize(
    ("secs", "shown"), [(45.9, "45s"), (151, "2m 31s"), (11_100, "3h 05m"), (1_051_200, "12d 4h")]
)
def test_an_uptime_has_two_units(secs: float, shown: str) -> None:
    assert formats.uptime(secs) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (999, "999"), (1000, "1.0k"), (9949, "9.9k"), (9950, "10k"), (999_499, "999k"), (999_500, "1.0M"),
        (3_400_000, "3.4M"), (5e9, "5.0G"), (2e12, "2.0T"),
    ],
)  # fmt: skip
def test_a_count_takes_four_characters(number: float, shown: str) -> None:
    assert formats.count(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(512, "512B"), (4300, "4.2K"), (90 << 20, "90M"), (1 << 30, "1.0G"), (1023 << 20, "1.0G"), (3 << 40, "3.0T")],
)
def test_a_size_is_in_powers_of_1024(number: float, shown: str) -> None:
    assert formats.size(number) == shown


@pytest.mark.parametrize(("share", "shown"), [(0, "0%"), (0.004, "0.4%"), (0.12, "12%"), (2.3, "230%")])
def test_a_share_is_in_percent(share: float, shown: str) -> None:
    assert formats.percent(share) == shown


def test_a_sparkline_is_as_high_as_its_highest_and_flat_without_any() -> None:
    assert formats.sparkline((0, 1, 4, 8)) == "▁▂▅█"
    assert formats.sparkline((0, 0)) == "▁▁"
    assert formats.sparkline(()) == ""


def test_tokens_a_second_are_counted_from_the_first_output_to_the_end() -> None:
    run = a_run(1, RunState.COMPLETED, age=10.35, token_usage=Usage(9, 100))
    assert formats.tokens_per_second(run, NOW) == (10.0, False)


def test_without_tokens_their_number_is_guessed_from_the_characters_and_said_to_be() -> None:
    run = a_run(1, RunState.RUNNING, age=10.35, output_chars=400)
    speed = formats.tokens_per_second(run, NOW)
    assert speed is not None
    assert speed == (pytest.approx(10.0), True)


def test_a_run_that_said_nothing_yet_has_no_speed() -> None:
    assert formats.tokens_per_second(a_run(1, RunState.QUEUED), NOW) is None
    assert formats.tokens_per_second(a_run(1, age=0.3), NOW) is None
