"""A supervisor whose children wait, and what they tell of themselves."""

import asyncio
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

from clinvk import processes
from clinvk.backends.base import Command, Place, Residue, SettingsFiles
from clinvk.domain.spec import Origin
from clinvk.supervisor.limits import Limits, PoolLimits
from tests.conftest import DEADLINE, FakeBackend

LODGER = Path(__file__).resolve().parents[1] / "fakecli" / "lodger.py"


class Lodger(FakeBackend):
    """One child for any number of conversations, one after the other."""

    name = "lodger"
    traits = replace(
        FakeBackend.traits,
        conversations=True,
        environment=("SOME_*",),
        settings=SettingsFiles((Place("HOME", ".lodger"),), ("settings.json",), ("LODGER.md",)),
    )

    def command(self, spec, site):
        del site
        return Command((sys.executable, "-I", "-S", str(LODGER)), spec.workdir)

    def key(self, spec):
        return (self.name, spec.workdir, spec.model or "")

    def stored(self, session_id):
        return (Residue(f".lodger/{session_id}.txt", session_id),)


class Recluse(Lodger):
    """One child for one conversation."""

    name = "recluse"
    traits = replace(Lodger.traits, conversations=False)


class Settler(Recluse):
    """Its first start in a home makes settings there."""

    name = "settler"

    def command(self, spec, site):
        settings = Path(os.environ["HOME"], ".lodger", "settings.json")
        settings.parent.mkdir(exist_ok=True)
        if not settings.exists():
            settings.write_text("new")
        return super().command(spec, site)


class House:
    """Runs of such children, and the children."""

    def __init__(self, stage):
        self.stage = stage
        self.pool = stage.supervisor.pool

    async def ask(self, prompt="hello", backend="lodger", **spec):
        """The run, ended, and its child settled."""
        run = await self.stage.start("", prompt, backend=backend, **{"model": None, "ephemeral": True, **spec})
        await run.end()
        await self.settled()
        return run

    async def told(self, prompt="hello", **spec):
        """What the child told in that run, and how the run came by it."""
        run = await self.ask(prompt, **spec)
        return json.loads(run.text), run.handle.run.start

    async def settled(self):
        """Nobody is between two runs, or on the way to its end."""
        async with asyncio.timeout(DEADLINE):
            while under_way := [*self.pool._tidying.values(), *self.pool._retiring.values()]:
                await asyncio.wait(under_way)

    @property
    def waiting(self):
        return list(self.pool._shelf)

    @property
    def pids(self):
        return [kept.child.pid for kept in self.waiting]


def of_key(label):
    return Origin(key_label=label)


def furnished(new_stage, keeping=None, **limits):
    """Room for three, or as `limits` say."""
    options = PoolLimits(**{"children": 3, **limits})
    return House(new_stage(Limits(pool=options), keeping, [Lodger(), Recluse(), Settler()]))


def is_alive(pid):
    row = processes.read(pid)
    return row is not None and row.alive
