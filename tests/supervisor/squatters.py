"""Children that try to leave something to the next run, and what the tests of them share."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from clinvk.backends.base import Command, Place, SettingsFiles
from clinvk.backends.demo.dialogue import DemoDialogue
from clinvk.supervisor import leavings
from clinvk.supervisor.limits import Limits, PoolLimits
from tests.conftest import DEADLINE
from tests.supervisor.lodgings import House, Lodger

SQUATTER = Path(__file__).resolve().parents[1] / "fakecli" / "squatter.py"


class _InSteps(DemoDialogue):
    """It says when it has heard of the conversation."""

    def _line(self, message, line):
        said = super()._line(message, line)
        if message["type"] == "conversation":
            self._send(type="go", turn=message["turn"])
        return said


class Squatter(Lodger):
    """It tells of its conversation before it does anything, as the CLIs that keep their children do."""

    name = "squatter"
    traits = replace(
        Lodger.traits,
        binds_first=True,
        settings=SettingsFiles((Place("HOME", ".squatter"),), ("rules",), ()),
    )

    def dialogue(self, spec):
        del spec
        return _InSteps()

    def command(self, spec, site):
        del site
        argv = (sys.executable, "-I", "-S", str(SQUATTER))
        return Command(argv, spec.workdir, files={"policy.toml": "ask about everything"})


KEPT = {"ephemeral": False}
MINE = {"backend": "squatter"}


def furnished(new_stage: Any, keeping: Any) -> House:
    """Room for three, squatters or lodgers."""
    return House(new_stage(Limits(pool=PoolLimits(children=3)), keeping, [Lodger(), Squatter()]))


async def until(condition: Callable[[], object]) -> None:
    """Wait for something that other processes bring about, within the deadline."""
    async with asyncio.timeout(DEADLINE):
        while not condition():
            await asyncio.sleep(0.005)


def end_left(run: Any) -> None:
    """End the process that a run has told that it left."""
    os.kill(json.loads(run.text)["left"], signal.SIGKILL)


@contextlib.asynccontextmanager
async def tidying(house: Any, monkeypatch: Any, ends: bool = True, **spec: Any) -> AsyncIterator[Any]:
    """A run that has ended, while its child is still looked after: what it left ends a moment after that, or not
    before `end_left` ends it.
    """
    monkeypatch.setattr(leavings, "_PAUSES", (0.01,) * 1000)
    run = await house.stage.start("", "orphan beside", **{"backend": "squatter", "model": None, **spec})
    await run.end()
    await until(lambda: house.pool._tidying)
    if ends:
        asyncio.get_running_loop().call_later(0.5, end_left, run)
    yield run
    await house.settled()
