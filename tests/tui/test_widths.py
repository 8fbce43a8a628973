"""Whatever anybody writes, a terminal gives it the room that the console reckons with."""

import ctypes
import locale
from collections.abc import Callable, Iterator

import pytest
from rich.cells import cell_len

from clinvk.domain.run import RunState
from tests.tui.conftest import Open
from tests.tui.samples import a_run
from tests.tui.scripted import Server
from tui.reading.wrapping import cells, crop, visible, wrap
from tui.widgets.cells import clean, fitted

HINDI = "हिन्दी में किसी की कीमत "
TAMIL = "தமிழ் கொடுமை "
KNOWN = {
    "\u0903": 1,
    "\u093e": 1,
    "\u0940": 1,
    "\u0bbe": 1,
    "\u0bca": 1,
    "\u0e31": 0,
    "\u093f": 1,
    "\u094d": 0,
    "語": 2,
}
"""What terminals make of some characters: also where no C library can be asked."""
_SCALARS = [*range(0x20, 0xD800), *range(0xE000, 0x20000), *range(0xE0000, 0xE0200)]


@pytest.fixture
def wcwidth() -> Iterator[Callable[[str], int]]:
    """The C library's measure of a character; -1 for what it does not know."""
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, "C.UTF-8")
        measure = ctypes.CDLL(None).wcwidth
    except (locale.Error, AttributeError, OSError, TypeError):
        pytest.skip("there is no C library to ask, or no UTF-8 in it")
    measure.argtypes = [ctypes.c_wchar]
    yield measure
    locale.setlocale(locale.LC_CTYPE, before)


@pytest.mark.parametrize(("character", "width"), KNOWN.items())
def test_marks_that_take_room_have_it(character: str, width: int) -> None:
    assert (cells(character), cell_len(character)) == (width, width)


@pytest.mark.parametrize("shown", [clean, visible])
def test_no_character_is_wider_or_narrower_than_the_c_library_says(
    wcwidth: Callable[[str], int], shown: Callable[[str], str]
) -> None:
    text = "".join(sorted(set(shown("".join(map(chr, _SCALARS)))) - {"\n"}))
    measured = [(each, wcwidth(each), cell_len(each)) for each in text]
    assert [(hex(ord(each)), its, ours) for each, its, ours in measured if its not in (ours, -1)] == []


@pytest.mark.parametrize("text", [HINDI * 40, TAMIL * 60])
@pytest.mark.parametrize("width", [7, 40, 113])
def test_indic_text_is_kept_and_fits(text: str, width: int) -> None:
    assert clean(text) == visible(text) == text
    assert "".join(wrap(text, width)) == text
    assert all(cell_len(row.rstrip()) <= width for row in wrap(text, width))
    assert cell_len(fitted(text, width)) == width >= cells(crop(text, width))


async def test_a_list_and_a_dialog_of_indic_text_keep_their_lines(
    server: Server, open_console: Open, wcwidth: Callable[[str], int]
) -> None:
    server.put(a_run(1, RunState.RUNNING, prompt_preview=HINDI * 4))
    async with open_console((100, 30)) as person:
        await person.sees(HINDI.strip())
        person.console.notify(f"{TAMIL}\x9b31m\u202e")
        await person.sees(TAMIL.strip())
        for keys in ((), ("c",)):
            await person.press(*keys)
            strips = person.console.screen._compositor.render_strips(None)
            drawn = ["".join(segment.text for segment in strip) for strip in strips]
            assert {sum(map(wcwidth, line)) for line in drawn} == {100}
            assert not set("\x9b\u202e") & set("".join(drawn))
