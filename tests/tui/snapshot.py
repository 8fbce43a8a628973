"""Screens as plain text, kept beside the tests: `UPDATE_SNAPSHOTS=1 pytest tests/tui` writes them anew."""

import asyncio
import difflib
import os
from pathlib import Path
from typing import Final

import pytest

from tests.tui.conftest import DEADLINE, Person

SIZES: Final = ((80, 24), (120, 40), (200, 60))
"""The terminals that every screen is looked at in."""
_FOLDER: Final = Path(__file__).parent / "snapshots"
_UPDATES: Final = bool(os.environ.get("UPDATE_SNAPSHOTS"))
_SETTLED_SECS: Final = 0.5


async def looks_as_kept(person: Person, name: str) -> None:
    """The screen comes to be what `snapshots/{name}-{width}x{height}.txt` has, to the letter."""
    size = person.console.size
    file = _FOLDER / f"{name}-{size.width}x{size.height}.txt"
    if _UPDATES:
        file.parent.mkdir(exist_ok=True)
        file.write_text(await _settled(person), encoding="utf-8")
        return
    if not file.exists():
        pytest.fail(
            f"there is no {file.name}: look at the screen, then run with UPDATE_SNAPSHOTS=1\n{person.text}"
        )
    kept = file.read_text(encoding="utf-8")
    try:
        async with asyncio.timeout(DEADLINE):
            while _text(person) != kept:
                await person.pilot.pause()
    except TimeoutError:
        there = _text(person).splitlines()
        difference = difflib.unified_diff(kept.splitlines(), there, file.name, "the screen", lineterm="")
        pytest.fail("\n".join(difference))


async def _settled(person: Person) -> str:
    """The screen once nothing moves on it."""
    while True:
        before = _text(person)
        await person.pilot.pause(_SETTLED_SECS)
        if before == _text(person):
            return before


def _text(person: Person) -> str:
    return person.text.rstrip("\n") + "\n"
