"""A grid keeps its cursor on its row, its lines in their width, and draws what is seen."""

import pytest
from rich.cells import cell_len
from rich.style import Style
from textual.events import MouseScrollDown, MouseScrollUp

from clinvk.domain.run import RunState
from tests.tui.conftest import Open, Person
from tests.tui.samples import a_run, run_id
from tests.tui.scripted import Server
from tui.screens.runs import RunsScreen
from tui.widgets.cells import clean, fitted
from tui.widgets.columns import Column, placed
from tui.widgets.grid import Grid

NASTY = (
    "把这份合同翻译成英文，并标出有风险的条款",
    "a\x1b[31mred\x07\r\n\ttab\x00\x85\u2028end",
    "👩‍🚀 and 👨‍👩‍👧 and 🇩🇪 and ❤️ and 👍🏽",
    "right\u202eto\u2066left\u200b",
    "e\u0301clair",
)


def screen(person: Person) -> RunsScreen:
    found = person.console.screen
    assert isinstance(found, RunsScreen)
    return found


async def with_runs(server: Server, person: Person, count: int) -> Grid[object]:
    """The grid, once all runs are in it."""
    await person.until(lambda: screen(person).listing.total == count)
    return screen(person).query_one(Grid)


def many(count: int) -> list[object]:
    return [a_run(number, RunState.COMPLETED, age=float(count - number) + 10) for number in range(count)]


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("width", [0, 1, 2, 7, 20, 80])
@pytest.mark.parametrize("right", [False, True])
def test_text_takes_the_cells_that_it_is_given(text: str, width: int, *, right: bool) -> None:
    shown = fitted(clean(text), width, right=right)
    assert cell_len(shown) == width
    assert shown.isprintable()


@pytest.mark.parametrize("text", NASTY)
def test_clean_text_is_as_wide_as_its_characters_are_one_by_one(text: str) -> None:
    """So that a terminal which joins characters and one which does not agree."""
    shown = clean(text)
    assert sum(cell_len(character) for character in shown) == cell_len(shown)
    assert not set(shown) & set("\x1b\x00\x07\r\n\t\u200d\ufe0f\u202e\u2066\u2028")


def test_commands_to_a_terminal_are_left_out_whole() -> None:
    assert clean("a\x1b[31;1mred\x1b[0m b") == "ared b"


def test_the_columns_that_matter_least_go_first_and_a_flexible_one_takes_what_is_left() -> None:
    def column(title: str, width: int, priority: int = 0, *, flexible: bool = False) -> Column[str]:
        return Column(
            title=title, width=width, cell=lambda row, _: (row, Style()), priority=priority, flexible=flexible
        )

    columns = [column("a", 5), column("b", 10, flexible=True), column("c", 5, 1), column("d", 5, 2)]
    wide = placed(columns, 60)
    assert [(place.column.title, place.width) for place in wide] == [("a", 5), ("b", 38), ("c", 5), ("d", 5)]
    assert wide[-1].start + wide[-1].width == 60
    assert [place.column.title for place in placed(columns, 26)] == ["a", "b", "c"]
    assert [place.column.title for place in placed(columns, 10)] == ["a", "b"]
    assert all(place.start + place.width <= 10 for place in placed(columns, 10) if place.width)


@pytest.mark.parametrize(
    ("keys", "row"),
    [
        (["j"], 98),
        (["down", "down"], 97), (["j", "j", "k"], 98), (["j", "j", "up"], 98), (["G"], 0), (["end"], 0),
        (["G", "g"], 99), (["G", "home"], 99), (["k"], 99), (["pagedown"], 80), (["ctrl+f"], 80),
        (["ctrl+f", "ctrl+f", "ctrl+b"], 80), (["pagedown", "pageup"], 99), (["G", "j"], 0),
    ],
)  # fmt: skip
async def test_keys_move_the_cursor(server: Server, open_console: Open, keys: list[str], row: int) -> None:
    server.put(*many(100))
    async with open_console((80, 24)) as person:
        grid = await with_runs(server, person, 100)
        await person.press(*keys)
        assert grid.cursor == run_id(row)
        assert f"prompt number {row} " in person.text.replace("│", " ").replace("▐", " ")


async def test_the_cursor_stays_with_its_row_where_that_goes(server: Server, open_console: Open) -> None:
    server.put(*many(10))
    async with open_console() as person:
        grid = await with_runs(server, person, 10)
        await person.press("j", "j")
        server.put(a_run(50), a_run(51))
        await with_runs(server, person, 12)
        assert grid.cursor == run_id(7)


async def test_a_row_that_goes_leaves_its_place_to_the_next(server: Server, open_console: Open) -> None:
    server.put(*many(10))
    async with open_console() as person:
        grid = await with_runs(server, person, 10)
        await person.press("j", "j")
        screen(person).board.drop(run_id(7))
        await with_runs(server, person, 9)
        await person.until(lambda: grid.cursor == run_id(6))


async def test_rows_that_come_move_nothing_on_the_screen_below_the_top(server: Server, open_console: Open) -> None:
    server.put(*many(100))
    async with open_console((80, 24)) as person:
        await with_runs(server, person, 100)
        await person.press("pagedown", "pagedown")
        before = person.lines[3:20]
        server.put(a_run(200, RunState.COMPLETED, age=1.0))
        await with_runs(server, person, 101)
        await person.until(lambda: [line[:-1].rstrip() for line in person.lines[3:20]] == [
            line[:-1].rstrip() for line in before
        ])  # fmt: skip


async def test_a_click_moves_the_cursor_and_a_second_one_opens(server: Server, open_console: Open) -> None:
    server.put(*many(10))
    async with open_console() as person:
        grid = await with_runs(server, person, 10)
        await person.pilot.click(Grid, offset=(20, 4))
        assert grid.cursor == run_id(6)
        await person.pilot.click(Grid, offset=(20, 5), times=2)
        await person.until(lambda: not isinstance(person.console.screen, RunsScreen))


async def test_a_title_that_is_clicked_sorts_and_once_more_turns_round(server: Server, open_console: Open) -> None:
    server.put(a_run(1, backend="zeta"), a_run(2, backend="alpha"))
    async with open_console() as person:
        await with_runs(server, person, 2)
        at = person.lines[2].index("backend")
        await person.pilot.click(Grid, offset=(at, 0))
        await person.sees("backend▲")
        await person.until(lambda: "alpha" in person.lines[3])
        await person.pilot.click(Grid, offset=(at, 0))
        await person.sees("backend▼")
        await person.until(lambda: "zeta" in person.lines[3])


async def test_the_wheel_moves_what_is_seen(server: Server, open_console: Open) -> None:
    server.put(*many(100))
    async with open_console((80, 24)) as person:
        grid = await with_runs(server, person, 100)
        await person.pilot._post_mouse_events([MouseScrollDown], Grid, offset=(5, 5))
        await person.until(lambda: "prompt number 96 " in person.lines[3])
        assert grid.cursor == run_id(96)
        await person.pilot._post_mouse_events([MouseScrollUp], Grid, offset=(5, 5))
        await person.until(lambda: "prompt number 99 " in person.lines[3])


async def test_what_the_mouse_selects_can_be_copied(server: Server, open_console: Open) -> None:
    server.put(*many(10))
    async with open_console() as person:
        await with_runs(server, person, 10)
        start = person.lines[4].index("prompt number")
        await person.pilot.mouse_down(Grid, offset=(start, 2))
        await person.pilot.hover(Grid, offset=(start + 15, 2))
        await person.pilot.mouse_up(Grid, offset=(start + 15, 2))
        await person.until(lambda: bool(person.console.screen.get_selected_text()))
        assert person.console.screen.get_selected_text() == "prompt number 8"
        await person.press("ctrl+c")
        assert person.console.clipboard == "prompt number 8"


async def test_no_line_is_wider_than_the_screen_whatever_was_prompted(server: Server, open_console: Open) -> None:
    server.put(*(a_run(number, prompt_preview=text * 9) for number, text in enumerate(NASTY)))
    async with open_console((80, 24)) as person:
        grid = await with_runs(server, person, len(NASTY))
        for y in range(grid.size.height):
            strip = grid.render_line(y)
            assert sum(cell_len(segment.text) for segment in strip) == 80


async def test_a_line_that_did_not_change_is_not_drawn_anew(server: Server, open_console: Open) -> None:
    server.put(*many(10), a_run(60))
    async with open_console() as person:
        grid = await with_runs(server, person, 11)
        await person.until(lambda: not grid.behind)
        before = list(grid._on_screen)
        server.put(a_run(60, output_chars=4000))
        await person.until(lambda: grid._on_screen[1] is not before[1])
        assert all(now is then for now, then in zip(grid._on_screen[2:], before[2:], strict=True))


async def test_of_many_rows_that_change_at_once_some_are_drawn_now_and_the_rest_soon(
    server: Server, open_console: Open
) -> None:
    server.put(*(a_run(number, age=10.0) for number in range(40)))
    async with open_console((120, 50)) as person:
        await person.sees("40 runs", "10s")
        grid = person.console.screen.query_one(Grid)
        await person.until(lambda: not grid.behind)
        server.clock.time += 7
        grid.redraw()
        assert grid.behind
        aged = sum(" 17s " in line for line in person.lines)
        assert 0 < aged < 40
        await person.until(lambda: sum(" 17s " in line for line in person.lines) == 40)
