"""What the holder of a key may have run, and how much of it."""

import asyncio
from dataclasses import replace

import pytest

from clinvk.domain import events
from clinvk.domain.access import Grant
from clinvk.domain.errors import BackendNotFound, ErrorCode, Forbidden, InvalidInput, QueueFull
from clinvk.domain.group import GroupKind, GroupSpec
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.domain.spec import Origin, RunSpec
from clinvk.supervisor.groups import Groups
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.workdir import Bounds
from tests.conftest import DEADLINE

MINE = Origin(key_label="ci")
OF_GROUP = replace(MINE, group_id="grp_1")


def limits(slots=8, **bounds):
    """Limits with one key, `ci`."""
    return Limits(max_concurrent_runs=slots, grants={"ci": Grant("ci", **bounds)})


def group_of(stage, *backends, origin=OF_GROUP, **more):
    specs = tuple(RunSpec(backend, "/hang", str(stage.workdir), origin=origin) for backend in backends)
    places = tuple(f"/tasks/{index}" for index in range(len(specs)))
    return GroupSpec(GroupKind.PARALLEL, specs, places, **{"at_once": len(specs), **more})


def groups(stage):
    return Groups(stage.supervisor, stage.supervisor._clock)


async def started(stage, count):
    """Wait until so many runs have had a child."""
    journal = stage.supervisor.journal
    async with asyncio.timeout(DEADLINE):
        while sum(entry.type == "run.started" for entry in await journal.read()) < count:
            await journal.changed()


async def test_a_key_may_use_its_backends_and_no_others(new_stage):
    stage = new_stage(limits(backends=frozenset({"demo", "fake"})))
    assert (await (await stage.demo("/big 5", origin=MINE)).end()).state is RunState.COMPLETED
    with pytest.raises(Forbidden) as refused:
        await stage.start(backend="missing", origin=MINE)
    told = "The key 'ci' may not use the backend 'missing': its backends are demo, fake"
    assert str(refused.value) == told
    for other in (Origin(), Origin(key_label="another")):
        assert (await (await stage.start(origin=other)).end()).state is RunState.COMPLETED
    with pytest.raises(BackendNotFound):
        await stage.start(backend="no-such", origin=Origin(key_label="another"))
    with pytest.raises(Forbidden):  # whether there is such a one is not for it to learn
        await stage.start(backend="no-such", origin=MINE)


@pytest.mark.parametrize("bound", [{"backends": frozenset()}, {"workdirs": ()}], ids=["backends", "workdirs"])
async def test_a_key_that_may_have_none_is_told_so(new_stage, bound):
    stage = new_stage(limits(**bound))
    with pytest.raises(Forbidden, match=r"are none$"):
        await stage.demo("hello", origin=MINE)


async def test_a_key_may_work_in_its_folders_and_below_them_only(new_stage, tmp_path):
    for name in ("dev/project", "developer"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "dev")
    (tmp_path / "dev/out").symlink_to(tmp_path / "developer")
    stage = new_stage(limits(workdirs=(str(tmp_path / "link"),)))
    for folder in ("dev", "dev/project", "link", "link/project", "link/out/../dev", "dev/project/.."):
        run = await stage.start("where", workdir=str(tmp_path / folder), origin=MINE)
        await run.end()
        assert run.text == str((tmp_path / folder).resolve())
    for folder in ("developer", "dev/out", "dev/..", ".", "nowhere", "dev/out/nowhere"):
        asked = f"{tmp_path}/{folder}"
        with pytest.raises(Forbidden) as refused:
            await stage.start("where", workdir=asked, origin=MINE)
        told = f"The key 'ci' may not work in '{asked}': its workdirs are {tmp_path}/link"
        assert str(refused.value) == told
    await (await stage.start("where", workdir=str(tmp_path / "developer"))).end()


async def test_a_key_has_no_folder_that_the_server_does_not_allow(new_stage, tmp_path):
    grant = Grant("ci", workdirs=(str(tmp_path),))
    stage = new_stage(Limits(workdirs=Bounds(blocked=(str(tmp_path),)), grants={"ci": grant}))
    with pytest.raises(Forbidden, match="blocked_workdir_prefixes"):
        await stage.demo("hello", origin=MINE)


async def test_what_is_only_shown_is_bounded_too(new_stage):
    stage = new_stage(limits(backends=frozenset({"demo"}), workdirs=("/nowhere",)))
    spec = RunSpec("fake", "hello", str(stage.workdir), origin=MINE)
    with pytest.raises(Forbidden, match="backend 'fake'"):
        await stage.supervisor.command(spec)
    with pytest.raises(Forbidden, match="its workdirs are /nowhere"):
        await stage.supervisor.command(replace(spec, backend="demo"))
    assert stage.supervisor.live == 0


async def test_a_session_is_gone_on_with_in_folders_and_on_backends_of_the_key_only(new_stage, keep):
    stage = new_stage(keeping=await keep())
    first = await stage.demo("hello", ephemeral=False)
    await first.end()
    session = first.handle.run.spec.session_id
    asked = {"workdir": "", "session_id": session, "ephemeral": False, "origin": MINE}
    for bound in ({"backends": frozenset({"fake"})}, {"workdirs": (f"{stage.workdir}/elsewhere",)}):
        await stage.supervisor.adjust(limits(**bound))
        with pytest.raises(Forbidden):
            await stage.demo("more", **asked)
    await stage.supervisor.adjust(limits(backends=frozenset({"demo"}), workdirs=(str(stage.workdir),)))
    assert (await (await stage.demo("more", **asked)).end()).state is RunState.COMPLETED


async def test_a_group_is_refused_whole_where_one_of_its_runs_is_not_for_the_key(new_stage):
    stage = new_stage(limits(backends=frozenset({"demo"})))
    with pytest.raises(Forbidden, match="backend 'fake'"):
        await groups(stage).start("grp_1", group_of(stage, "demo", "fake"), "owner")
    assert stage.supervisor.history.live() == []


async def test_what_is_wrong_with_a_group_is_told_before_what_is_not_allowed(new_stage):
    stage = new_stage(limits(backends=frozenset({"demo"})))
    asked = group_of(stage, "fake", "demo")
    broken = replace(asked, specs=(asked.specs[0], replace(asked.specs[1], workdir="/not/there")))
    with pytest.raises(InvalidInput) as refused:
        await stage.supervisor.vet(broken)
    assert [fault.path for fault in refused.value.faults] == ["/tasks/1/workdir"]


async def test_a_key_has_so_many_runs_at_once_and_so_many_waiting(new_stage):
    stage = new_stage(limits(max_concurrent_runs=1, max_queued_runs=1))
    first, second = await stage.start("then-silent", origin=MINE), await stage.start(origin=MINE)
    with pytest.raises(QueueFull, match="max_queued_runs of the key is 1"):
        await stage.start(origin=MINE)
    assert (await (await stage.start()).end()).state is RunState.COMPLETED
    assert second.handle.run.state is RunState.QUEUED
    first.handle.stop(Stop(StopCause.CLIENT))
    assert (await second.end()).state is RunState.COMPLETED


async def test_a_group_takes_no_more_places_than_its_key_has_slots(new_stage):
    stage = new_stage(limits(max_concurrent_runs=2, max_queued_runs=0))
    group = await groups(stage).start("grp_1", group_of(stage, *["demo"] * 5), "owner")
    await started(stage, 2)
    other = await stage.demo("/big 5")  # taken behind whatever the group would have taken at once
    await other.end()
    assert (group.live, stage.supervisor.queued) == (2, 0)
    with pytest.raises(QueueFull, match="of the key is 0"):
        await groups(stage).start("grp_2", group_of(stage, "demo"), "owner")
    group.stop(Stop(StopCause.CLIENT))
    await group.finished


async def test_runs_under_way_go_on_when_their_key_is_gone_and_those_that_wait_are_bound_no_more(new_stage):
    stage = new_stage(limits(max_concurrent_runs=1))
    first, second = await stage.start("then-silent", origin=MINE), await stage.start("then-silent", origin=MINE)
    await first.first(events.TextDelta)
    assert second.handle.run.state is RunState.QUEUED
    await stage.supervisor.adjust(Limits())
    await second.first(events.TextDelta)
    assert first.handle.run.state is RunState.RUNNING


async def test_what_a_run_may_write_is_bounded_as_it_was_when_it_was_taken(new_stage):
    stage = new_stage(Limits(run_bytes=2000))
    before = await stage.start("one-line 5000")
    await stage.supervisor.adjust(Limits(run_bytes=200_000))
    after = await stage.start("one-line 5000")
    judgement = await before.end()
    assert judgement.error.code is ErrorCode.OUTPUT_LIMIT
    assert judgement.error.message == "The run wrote more than 2000 bytes (server.max_run_output_bytes)"
    assert (await after.end()).state is RunState.COMPLETED


async def test_a_run_that_was_taken_for_a_key_is_bounded_by_it_though_the_key_is_gone(new_stage):
    stage = new_stage(Limits())
    gone = Origin(key_label="ci", grant=Grant("ci", backends=frozenset({"demo"})))
    with pytest.raises(Forbidden, match="its backends are demo"):
        await stage.start(backend="fake", origin=gone)
