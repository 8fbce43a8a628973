"""A child is had whole or not at all, and put away whatever happens. Always real files and processes."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from clinvk.backends.base import Command, Residue
from clinvk.backends.registry import Registry
from clinvk.clock import SystemClock
from clinvk.domain import events
from clinvk.domain.errors import BackendNotFound, ErrorCode
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.supervisor import Supervisor
from tests.conftest import FakeBackend, Stage
from tests.supervisor.bench import SomeBackend


class MovableBackend(SomeBackend):
    """One that is started as it was found."""

    def command(self, spec, site):
        return replace(super().command(spec, site), argv=site.installation.argv)


class Untidy(FakeBackend):
    """One whose residue cannot be looked for."""

    def residue(self, session_id):
        return (Residue("x" * 5000 + "/*", session_id),)


class Noting(FakeBackend):
    """One that makes a file for itself at every start."""

    def command(self, spec, site):
        return replace(super().command(spec, site), leaves=(Residue("notes/*.txt", "for itself"),))


class Furnished(FakeBackend):
    """One that has files, of which the spec's system prompt is the text."""

    def command(self, spec, site):
        command = super().command(spec, site)
        return Command(command.argv, command.cwd, command.env, {"system.md": spec.system_prompt})


@pytest.fixture
async def staged(tmp_path):
    """Makes a stage with one backend."""
    stages = []

    def make(backend):
        registry = Registry([backend])
        numbers = iter(range(1000))
        supervisor = Supervisor(registry, Limits(), SystemClock(), lambda kind: f"{kind}_{next(numbers)}")
        stages.append(Stage(supervisor, tmp_path))
        return stages[-1]

    yield make
    for stage in stages:
        await stage.all_gone()


def sites(stage):
    return [path.name for path in Path(stage.supervisor.pool.sites.root).iterdir() if path.is_dir()]


async def test_a_cli_that_moved_is_looked_for_again_by_the_next_run(staged, tmp_path, monkeypatch):
    program = tmp_path / "one" / "some-cli"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho cli 1.5\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'one'}:{tmp_path / 'two'}:{os.environ['PATH']}")
    stage = staged(MovableBackend())
    await stage.supervisor.probe.look()
    program.parent.rename(tmp_path / "two")
    first = await stage.start("", backend="some")
    assert (await first.end()).error.code is ErrorCode.SPAWN_FAILED
    second = await stage.start("", backend="some")
    assert (await second.end()).error.code is not ErrorCode.SPAWN_FAILED
    program = tmp_path / "two" / "some-cli"
    program.unlink()
    await (await stage.start("", backend="some")).end()
    with pytest.raises(BackendNotFound, match="some is not installed"):
        await stage.start("", backend="some")


async def test_what_no_argument_can_hold_is_told_and_leaves_no_folder(staged):
    stage = staged(FakeBackend())
    run = await stage.start("a\0b")
    judgement = await run.end()
    assert judgement.error.code is ErrorCode.SPAWN_FAILED
    assert "null byte" in judgement.error.message
    assert sites(stage) == []


async def test_files_are_in_the_childs_own_folder(staged):
    stage = staged(Furnished())
    run = await stage.start("bound wait", system_prompt="be brief")
    await run.first(events.TextDelta)
    assert (Path(run.text) / "system.md").read_text() == "be brief"
    run.handle.stop(Stop(StopCause.CLIENT))
    await run.end()


async def test_what_a_child_makes_for_itself_goes_with_it(staged, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    notes, other = tmp_path / "notes" / "some.txt", tmp_path / "notes" / "other.txt"
    notes.parent.mkdir()
    stage = staged(Noting())
    run = await stage.start("bound wait")
    await run.first(events.TextDelta)
    notes.write_text("for itself")
    other.write_text("for others")
    run.handle.stop(Stop(StopCause.CLIENT))
    await run.end()
    await stage.all_gone()
    assert [notes.exists(), other.exists()] == [False, True]


async def test_a_file_that_cannot_be_written_is_told_and_leaves_no_folder(staged):
    stage = staged(Furnished())
    run = await stage.start("none", system_prompt="\ud800")
    assert (await run.end()).error.code is ErrorCode.SPAWN_FAILED
    assert sites(stage) == []


@pytest.mark.parametrize("then", ["wait", "done"])
async def test_residue_that_cannot_be_looked_for_keeps_no_run_from_its_end(staged, then):
    stage = staged(Untidy())
    run = await stage.start(f"bound {then}")
    if then == "wait":
        await run.first(events.TextDelta)
        run.handle.stop(Stop(StopCause.CLIENT))
    expected = {"wait": RunState.CANCELLED, "done": RunState.COMPLETED}[then]
    assert (await run.end()).state is expected
    await stage.all_gone()
    assert stage.supervisor.live == 0
