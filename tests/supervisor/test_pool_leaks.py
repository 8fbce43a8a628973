"""Random runs of many kinds on few children: whatever child a run gets, nothing of anybody else's is in it."""

import json
import os
import random
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from clinvk.domain import events
from clinvk.domain.run import RunState, Start, Stop, StopCause
from clinvk.supervisor import environment
from clinvk.supervisor.limits import Limits, PoolLimits
from tests.supervisor.lodgings import House, Lodger, Recluse, of_key

SEEDS = range(40 if "CLINVK_SOAK" in os.environ else 3)
STEPS = 20
DEEDS = ("plain",) * 6 + ("write", "leave beside", "leave alone", "write", "fail", "stop", "answer and go")
ITS_OWN = {"TMPDIR", environment.MARKER, "LC_CTYPE"}
"""What a child's environment has that its run's has not; the last one Python sets itself."""


@dataclass(frozen=True)
class Kind:
    """All that shapes a child."""

    backend: str
    model: str
    workdir: str
    label: str
    some_key: str
    settings: int


@dataclass
class Past:
    """What a child was told so far: prompts, the kind of each run, and its session if that was kept."""

    prompts: list[str] = field(default_factory=list)
    kinds: set[Kind] = field(default_factory=set)
    sessions: list[str | None] = field(default_factory=list)


@dataclass
class Asked:
    """A run that was begun."""

    kind: Kind
    prompt: str
    deed: str
    kept: bool
    run: object


class Walk:
    """Random runs, a few at once, and what is known of every child."""

    def __init__(self, house, seed, folder, monkeypatch):
        self._house = house
        self._random = random.Random(seed)
        self._folder = folder
        self._monkeypatch = monkeypatch
        self._settings = 0
        self._number = 0
        self._some_key = "a"
        self._pasts = defaultdict(Past)
        self._sessions = []
        self.starts = set()

    async def step(self):
        self._change_something()
        asked = [await self._ask() for _ in range(self._random.randint(1, 3))]
        for one in asked:
            if one.deed == "stop":
                await one.run.first(events.TextDelta)
                one.run.handle.stop(Stop(StopCause.CLIENT))
            await one.run.end()
        if self._random.random() < 0.7:  # else the next ones come while children are still looked after
            await self._house.settled()
        for one in asked:
            self._check(one)

    def _change_something(self):
        match self._random.random():
            case chance if chance < 0.15:
                self._some_key = self._random.choice("ab")
                self._monkeypatch.setenv("SOME_KEY", self._some_key)
            case chance if chance < 0.3:
                self._settings += 1
                Path(os.environ["HOME"], ".lodger", "settings.json").write_text("x" * self._settings)

    async def _ask(self):
        session, kind = None, self._kind()
        kept = self._random.random() < 0.5
        if kept and self._sessions and self._random.random() < 0.6:
            session, before = self._sessions.pop(self._random.randrange(len(self._sessions)))
            kind = Kind(before.backend, before.model, before.workdir, before.label, self._some_key, self._settings)
        deed = self._random.choice(DEEDS)
        prompt = self._prompt(deed)
        run = await self._house.stage.start(
            "", prompt, backend=kind.backend, model=kind.model, workdir=kind.workdir,
            origin=of_key(kind.label), ephemeral=not kept, session_id=session,
        )  # fmt: skip
        return Asked(kind, prompt, deed, kept, run)

    def _kind(self):
        """Often the same, for few children wait; else one that differs in something."""
        pick = self._random.choice if self._random.random() < 0.5 else lambda choices: choices[0]
        workdir = str(self._folder / pick(("here", "there")))
        return Kind(
            pick(("lodger", "recluse")),
            pick("mn"),
            workdir,
            pick(("mine", "theirs")),
            self._some_key,
            self._settings,
        )

    def _prompt(self, deed):
        self._number += 1
        match deed:
            case "plain":
                return f"secret-{self._number}"
            case "write":
                return f"write file-{self._number}"
            case "stop":
                return "hang"
        return deed

    def _check(self, asked):
        run = asked.run.handle.run
        self.starts.add(run.start)
        if asked.deed == "stop":
            return
        told, session = json.loads(asked.run.text), run.spec.session_id if asked.kept else None
        past = self._pasts[told["env"][environment.MARKER]]
        past.kinds.add(asked.kind)
        assert len(past.kinds) == 1, "a child serves one kind of runs"
        past.sessions.append(session)
        kept_for = [one for one in past.sessions if one]
        assert past.sessions[len(past.sessions) - len(kept_for) :] == kept_for[:1] * len(kept_for), (
            "and once it was kept for a session, that one only"
        )
        self._check_told(asked, told, past, session)
        past.prompts.append(asked.prompt)
        if asked.kept and run.state is RunState.COMPLETED:
            self._sessions.append((session, asked.kind))

    def _check_told(self, asked, told, past, session):
        kind = asked.kind
        assert told["cwd"] == kind.workdir
        expected = environment.clean(os.environ, Lodger.traits.environment, {}, "")
        seen = {name: value for name, value in told["env"].items() if name not in ITS_OWN}
        assert seen == {name: value for name, value in expected.items() if name not in ITS_OWN}
        assert told["heard"] == past.prompts
        if kind.backend == "recluse":
            assert set(past.sessions) == {session}
            assert session is not None or not past.prompts
        its_own = {prompt.split()[1] for prompt in [*past.prompts, asked.prompt] if prompt.startswith("write")}
        assert set(told["files"]) <= its_own
        if session is None:
            assert set(told["files"]) <= set(asked.prompt.split())


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", SEEDS)
async def test_nothing_is_in_a_child_but_what_its_runs_may_know(new_stage, keep, tmp_path, monkeypatch, seed):
    for folder in ("here", "there", ".lodger"):
        (tmp_path / folder).mkdir()
    monkeypatch.setenv("SOME_KEY", "a")
    monkeypatch.setenv("OTHER_SECRET", "of the server")
    limits = Limits(pool=PoolLimits(children=4, turns=6))
    house = House(new_stage(limits, await keep(), [Lodger(), Recluse()]))
    walk = Walk(house, seed, tmp_path, monkeypatch)
    for _ in range(STEPS):
        await walk.step()
    assert walk.starts == set(Start), "there was something to leak"
