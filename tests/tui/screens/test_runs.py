"""The runs screen: what it shows of a run, and what can be done with one."""

import pytest

from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import RunState, Start
from clinvk.domain.spec import Dialect
from clinvk.domain.usage import Usage
from clinvk.views import Resources, RunView
from tests.tui.conftest import Open, Person
from tests.tui.samples import a_run, run_id, some_runs
from tests.tui.scripted import Server
from tests.tui.snapshot import SIZES, looks_as_kept
from tui.screens.runs import RunsScreen
from tui.widgets.grid import Grid

WHOLE = a_run(
    7,
    backend="codex",
    model="gpt-5.1-codex",
    prompt_preview="Explain the engine",
    session_id="ses_00000000000000000042424242",
    client="10.0.0.7",
    key_label="night",
    dialect=Dialect.OPENAI,
    start=Start.WARM,
    token_usage=Usage(12_000, 340),
    resources=Resources(3, 150 << 20, 0.23),
)


def a_busy_afternoon() -> list[RunView]:
    error = RunError(ErrorCode.USAGE_LIMIT, "the account's limit is reached; try again at 18:00")
    prompts = (
        "Explain how the analytical engine separates the mill from the store",
        "把这份合同翻译成英文，并标出有风险的条款，谢谢你的帮助",
        "a haiku 👩‍🚀 about supervisors\nand their trees 🇩🇪",
        "\x1b[31mred\x1b[0m\ttabbed",
    )
    runs = []
    for number, state in enumerate(list(RunState) * 2):
        runs.append(
            a_run(
                number,
                state,
                age=400.0 - 23 * number,
                prompt_preview=prompts[number % 4],
                backend=("claude", "codex", "gemini", "demo")[number % 4],
                model=("sonnet-5", None)[number % 2],
                session_id=f"ses_{number:026}",
                key_label=(None, "ci")[number % 2],
                dialect=list(Dialect)[number % 3],
                error=error if state is RunState.FAILED else None,
                resources=None if state.ended else Resources(2, 90 << 20, 0.4),
            )
        )
    return runs


def the_screen(person: Person) -> RunsScreen:
    screen = person.console.screen
    assert isinstance(screen, RunsScreen)
    return screen


async def with_runs(server: Server, person: Person, *runs: RunView) -> RunsScreen:
    server.put(*runs)
    screen = the_screen(person)
    await person.until(lambda: screen.listing.total >= len(runs) and screen.grid.cursor is not None)
    return screen


async def shows(person: Person, *numbers: int) -> None:
    """Exactly these runs are listed, in that order."""
    listing = the_screen(person).listing
    await person.until(
        lambda: [listing.key(index) for index in range(len(listing))] == [run_id(number) for number in numbers]
    )


@pytest.mark.parametrize("size", SIZES)
async def test_a_busy_afternoon_looks_as_kept(server: Server, open_console: Open, size: tuple[int, int]) -> None:
    server.put(*a_busy_afternoon())
    async with open_console(size) as person:
        await person.sees("14 runs", "of 8")
        await person.press("j", "m", "k")
        await looks_as_kept(person, "runs")


@pytest.mark.parametrize("size", SIZES)
async def test_a_server_without_runs_tells_how_to_start_one(open_console: Open, size: tuple[int, int]) -> None:
    async with open_console(size) as person:
        await person.sees("No runs yet", "curl http://127.0.0.1:8080/api/v1/prompt")
        await looks_as_kept(person, "runs-empty")
        await person.press("u")
        assert person.console.clipboard.startswith("curl http://127.0.0.1:8080/api/v1/prompt \\\n")


async def test_a_filter_that_is_typed_looks_as_kept(server: Server, open_console: Open) -> None:
    server.put(*a_busy_afternoon())
    async with open_console((80, 24)) as person:
        await person.sees("14 runs")
        await person.press("slash", *"engine", "space", *"fo")
        await person.sees("No run matches")
        await person.press(*":o")
        await person.sees("fo: is no field")
        await looks_as_kept(person, "runs-filter")


async def test_every_column_tells_its_part(server: Server, open_console: Open) -> None:
    async with open_console((220, 24)) as person:
        await with_runs(server, person, WHOLE)
        await person.press("m")
        await person.sees("✱", "● running", "12s", "codex", "gpt-5.1-codex", "Explain the engine", "warm", "350ms")
        await person.sees("12k→340", "150M", "23%", "…42424242", "openai", "10.0.0.7 night", WHOLE.id)


async def test_an_ended_run_tells_its_speed_and_one_that_guesses_says_so(
    server: Server, open_console: Open
) -> None:
    async with open_console() as person:
        ended = a_run(1, RunState.COMPLETED, age=17.35, token_usage=Usage(10, 340))
        await with_runs(server, person, ended, a_run(2, age=10.35, output_chars=800))
        await person.sees(" 20  ", "~20")


async def test_why_a_run_failed_stands_below_the_list(server: Server, open_console: Open) -> None:
    error = RunError(ErrorCode.USAGE_LIMIT, "the limit is reached")
    async with open_console() as person:
        await with_runs(server, person, a_run(1, RunState.FAILED, error=error))
        await person.sees("✗ usage_limit: the limit is reached")


async def test_live_runs_come_first_then_the_newest(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        old_and_live = a_run(1, age=500.0)
        ended = [a_run(number, RunState.COMPLETED, age=100.0 - number) for number in (2, 3)]
        await with_runs(server, person, old_and_live, *ended)
        await shows(person, 1, 3, 2)


async def test_s_sorts_by_the_next_column_and_shift_s_turns_it_round(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, a_run(1, backend="zeta"), a_run(2, backend="alpha", age=20.0))
        await shows(person, 1, 2)
        await person.press("s")
        await person.sees("backend▲")
        await shows(person, 2, 1)
        await person.press("S")
        await person.sees("backend▼")
        await shows(person, 1, 2)


async def test_live_and_ended_runs_are_sorted_by_the_speed_that_is_shown(
    server: Server, open_console: Open
) -> None:
    async with open_console((250, 40)) as person:
        screen = await with_runs(
            server,
            person,
            a_run(1, age=10.35, output_chars=800),  # ~20
            a_run(2, RunState.COMPLETED, age=10.35, token_usage=Usage(1, 300)),  # 30
            a_run(3, RunState.COMPLETED, age=10.35, token_usage=Usage(1, 100)),  # 10
        )
        screen.on_grid_sorted(Grid.Sorted("tok/s"))
        await shows(person, 2, 1, 3)


async def test_every_column_can_be_sorted_by(server: Server, open_console: Open) -> None:
    async with open_console((250, 40)) as person:
        screen = await with_runs(server, person, *a_busy_afternoon())
        for column in [column for column in screen._columns if column.rank]:
            await person.press("s")
            await person.until(lambda: not screen.listing.busy)
            assert len(screen.listing) == 14, column.title


async def test_the_filter_holds_as_it_is_typed_and_enter_keeps_it(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, *some_runs())
        await person.press("slash", *"state:comp")
        await shows(person, 4)
        await person.press("enter")
        await person.sees("filter: state:comp", "1 of 7 runs")
        await person.press("j")
        assert the_screen(person).focused is the_screen(person).grid


async def test_escape_gives_up_what_was_typed_and_the_next_filter_recalls_the_last(
    server: Server, open_console: Open
) -> None:
    async with open_console() as person:
        await with_runs(server, person, *some_runs())
        await person.press("slash", *"state:ended", "enter")
        await shows(person, 4, 5, 6)
        await person.press("slash", "space", *"number", "space", "5")
        await shows(person, 5)
        await person.press("escape")
        await shows(person, 4, 5, 6)
        await person.sees("filter: state:ended")


async def test_f_switches_the_filter_off_and_on_again(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, *some_runs())
        await person.press("slash", *"state:queued", "enter")
        await shows(person, 0)
        await person.press("f")
        await person.sees("filter off: state:queued", "7 runs")
        await person.press("f")
        await shows(person, 0)


async def test_a_filter_that_cannot_be_read_is_told_and_the_last_good_one_holds(
    server: Server, open_console: Open
) -> None:
    async with open_console() as person:
        await with_runs(server, person, *some_runs())
        screen = the_screen(person)
        screen.filter_by("state:queued")
        await shows(person, 0)
        screen.filter_by("foo:1")
        await person.press("slash", "enter")
        await person.sees("foo: is no field: state backend")
        await shows(person, 0)
        await person.press("backspace", "backspace", "enter")
        await person.sees("filter: foo")


async def test_a_filter_that_finds_nothing_says_how_to_be_rid_of_it(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, *some_runs())
        await person.press("slash", *"nowhere", "enter")
        await person.sees("No run matches the filter.", "f to switch it off")


async def test_a_new_run_that_the_filter_wants_comes_in(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, *some_runs())
        await person.press("slash", *"state:live", "enter")
        await shows(person, 0, 1, 2, 3)
        server.put(a_run(2, RunState.COMPLETED, age=25.0), a_run(20, age=1.0))
        await shows(person, 20, 0, 1, 3)


async def test_marked_runs_are_found_by_their_mark(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        await with_runs(server, person, *some_runs())
        await person.press("j", "m", "slash", *"is:marked", "enter")
        await shows(person, 1)
        await person.press("m")
        await shows(person)


async def test_following_keeps_the_cursor_on_the_newest_until_it_is_moved(
    server: Server, open_console: Open
) -> None:
    async with open_console() as person:
        screen = await with_runs(server, person, *some_runs())
        await person.press("F")
        await person.sees("following")
        await person.until(lambda: screen.grid.cursor == run_id(6))
        server.put(a_run(30, age=0.5))
        await person.until(lambda: screen.grid.cursor == run_id(30))
        await person.press("j")
        await person.sees_no("following")


@pytest.mark.parametrize("key", ["enter", "c", "C", "r", "R", "m", "y", "s", "S", "F", "f", "j", "G"])
async def test_no_key_harms_where_there_is_no_run(open_console: Open, key: str) -> None:
    async with open_console() as person:
        await person.sees("No runs yet")
        await person.press(key)
        await person.sees("No runs yet")


async def test_every_key_is_in_the_help(server: Server, open_console: Open) -> None:
    async with open_console((120, 70)) as person:
        await with_runs(server, person, a_run(1))
        await person.press("question_mark")
        await person.sees("Cancel the run", "Sort by the next column", "Copy the run's request", "Down", "marked")


async def test_a_light_console_is_redrawn(server: Server, open_console: Open) -> None:
    async with open_console() as person:
        screen = await with_runs(server, person, a_run(1), a_run(2))
        before = screen.grid.render_line(2)
        await person.press("ctrl+t")
        await person.until(lambda: screen.grid.render_line(2) != before)
