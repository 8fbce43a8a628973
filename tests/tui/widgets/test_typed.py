"""What is typed or pasted into a bar is clean, and is what is looked for."""

import pytest
from textual.events import Paste

from tests.tui.conftest import Open, Person
from tui.screens.runs import RunsScreen
from tui.widgets.filterbar import FilterBar
from tui.widgets.findbar import FindBar
from tui.widgets.typed import TypedLine

DIRTY = "\na\x9b31m\u202eb\x1b[2Jc\r\nd\n"
CLEAN = "a 31mbc  d"


def typed(person: Person) -> TypedLine:
    found = person.console.focused
    assert isinstance(found, TypedLine)
    return found


async def test_a_paste_is_cleaned_and_submits_nothing(open_console: Open) -> None:
    async with open_console() as person:
        await person.until(lambda: isinstance(person.console.screen, RunsScreen))
        await person.press("slash")
        person.console.screen.post_message(Paste(DIRTY))
        await person.until(lambda: typed(person).value == CLEAN)
        bar = person.console.screen.query_one(FilterBar)
        await person.until(lambda: bar.text == CLEAN)
        assert bar.typing
        await person.press("x")
        assert typed(person).value == CLEAN + "x"


@pytest.mark.parametrize("how", ["insert", "value"])
async def test_whatever_way_it_comes_in_it_is_clean(open_console: Open, how: str) -> None:
    async with open_console() as person:
        await person.press("5")
        await person.until(lambda: bool(person.console.screen.query(FindBar)))
        await person.press("slash")
        line = typed(person)
        if how == "insert":
            line.insert_text_at_cursor("a\u202eb\x9bc")
            assert line.cursor_position == 4
        else:
            line.value = "a\u202eb\x9bc"
        assert line.value == "ab c"


async def test_a_filter_that_was_set_is_clean(open_console: Open) -> None:
    async with open_console() as person:
        await person.until(lambda: isinstance(person.console.screen, RunsScreen))
        bar = person.console.screen.query_one(FilterBar)
        bar.set("a\u202eb\x9bc")
        await person.press("slash")
        await person.until(lambda: bar.typing and isinstance(person.console.focused, TypedLine))
        assert bar.text == typed(person).value == "ab c"
