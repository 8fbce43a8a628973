"""Where runs may work, and that a child is started there and nowhere else."""

import os
import sys

import pytest

from clinvk.domain import events
from clinvk.domain.errors import ErrorCode, Forbidden, InvalidInput
from clinvk.domain.run import RunState, Stop, StopCause
from clinvk.supervisor import spawning, workdir
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.workdir import Bounds

LINUX_ONLY = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a folder is known by its path only")
ALLOWED = "it is in no folder of server.allowed_workdir_prefixes"
BLOCKED = "server.blocked_workdir_prefixes has it, or a folder above it"


@pytest.fixture
def home(tmp_path):
    """Folders with names that begin alike, and links between them."""
    for name in ("dev/project/deep", "developer", "dev/secret"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "link").symlink_to("dev/project")
    (tmp_path / "dev/out").symlink_to(tmp_path / "developer")
    return tmp_path


def fault(folder, allowed=(), blocked=()):
    return Bounds(tuple(map(str, allowed)), tuple(map(str, blocked))).fault(workdir.real(str(folder)))


@pytest.mark.parametrize("allowed", ["dev", "dev/", "dev//", "./dev/.", "dev/project/..", "developer/../dev"])
@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("dev", None),
        ("dev/", None),
        ("dev/project/deep", None),
        ("dev/project/../secret", None),
        ("link", None),
        ("link/deep/..", None),
        ("developer/../dev", None),
        ("developer", ALLOWED),
        ("dev/out", ALLOWED),
        ("dev/..", ALLOWED),
        ("dev/project/../../developer", ALLOWED),
        ("dev/out/../dev", None),
        ("DEV", ALLOWED),
        ("nowhere", ALLOWED),
        ("dev/nowhere", None),
    ],
)
def test_what_is_allowed_is_a_folder_and_all_below_it_on_the_borders_of_names(home, allowed, folder, told):
    assert fault(f"{home}/{folder}", [f"{home}/{allowed}"]) == told


def test_links_in_what_is_configured_are_followed(home):
    assert fault(home / "dev/project", [home / "link"]) is None
    assert fault(home / "dev/project/deep", [home / "link/"]) is None
    assert fault(home / "dev", [home / "link"]) == ALLOWED
    assert fault(home / "developer", [home], [home / "dev/out"]) == BLOCKED


def test_what_is_blocked_is_blocked_wherever_it_is_allowed(home):
    assert fault(home / "dev/secret", [home / "dev/secret"], [home / "dev"]) == BLOCKED
    assert fault(home / "dev", [home / "dev"], [home / "dev/secret"]) is None
    assert fault(home / "dev/secret", (), [home / "dev/secret/"]) == BLOCKED
    assert fault(home / "developer", (), [home / "dev"]) is None
    assert fault("/", (), [home]) is None


@pytest.mark.parametrize("root", ["/", "//", "/."])
def test_the_root_allows_or_blocks_everything(home, root):
    for folder in ("/", home, home / "nowhere", "//tmp"):
        assert fault(folder, [root]) is None
        assert fault(folder, [root], [root]) == BLOCKED
        assert fault(folder, (), [root]) == BLOCKED


def test_without_bounds_everything_is_allowed(home):
    assert fault(home) is fault("/") is None


def test_names_are_compared_byte_by_byte(tmp_path):
    composed, decomposed = tmp_path / "caf\u00e9", tmp_path / "cafe\u0301"
    composed.mkdir()
    decomposed.mkdir()
    if composed.samefile(decomposed):
        pytest.skip("this file system takes both for one name")
    assert fault(decomposed, [composed]) == ALLOWED
    assert fault(decomposed, (), [composed]) is None


def test_what_is_blocked_is_found_by_another_name_of_it_too(home, monkeypatch):
    """As on a file system to which upper and lower case are one, or where it is mounted twice."""
    real_stat = os.stat

    def stat(path, *args, **more):
        return real_stat(str(path).replace(f"{home}/DEV", f"{home}/dev"), *args, **more)

    monkeypatch.setattr(os, "stat", stat)
    assert fault(home / "DEV/project", (), [home / "dev"]) == BLOCKED
    assert fault(home / "DEV/project", [home / "dev"]) == ALLOWED


def test_a_folder_that_cannot_be_is_in_none(home):
    for path in ("/a\0b", f"{home}/{'x' * 5000}", "/" + "y/" * 5000):
        assert fault(path, [home / "dev"]) == ALLOWED
        assert fault(path, (), [home]) in {None, BLOCKED}


async def test_a_run_outside_is_refused_before_it_is_looked_whether_the_folder_is_there(new_stage, home):
    stage = new_stage(Limits(workdirs=Bounds((str(home / "dev"),), (str(home / "dev/secret"),))))
    for folder, told in [("developer", ALLOWED), ("nowhere", ALLOWED), ("dev/secret", BLOCKED)]:
        asked = str(home / folder)
        with pytest.raises(Forbidden) as refused:
            await stage.demo("hello", workdir=asked)
        assert str(refused.value) == f"Runs may not work in '{asked}': {told}"
    with pytest.raises(InvalidInput, match="is not there"):
        await stage.demo("hello", workdir=str(home / "dev/nowhere"))
    run = await stage.demo("/big 5", workdir=str(home / "link"))
    assert (await run.end()).state is RunState.COMPLETED


async def test_bounds_that_change_hold_for_the_next_run(new_stage, home):
    stage = new_stage()
    await (await stage.demo("/big 5")).end()
    await stage.supervisor.adjust(Limits(workdirs=Bounds((str(home / "dev"),))))
    with pytest.raises(Forbidden):
        await stage.demo("/big 5")


def swap(folder, target):
    """Put a link in the place of a folder."""
    folder.rename(folder.with_name("moved"))
    folder.symlink_to(target)


@pytest.mark.parametrize("swapped", ["dev/project", "dev"], ids=["itself", "above it"])
async def test_a_link_put_in_its_place_while_a_run_waits_leads_nowhere(new_stage, home, swapped):
    stage = new_stage(Limits(max_concurrent_runs=1, workdirs=Bounds((str(home / "dev"),))))
    (home / "developer/project").mkdir()
    folder = home / "dev/project"
    first = await stage.start("then-silent", workdir=str(home / "dev"))
    run = await stage.start("touch", workdir=str(folder))
    await first.first(events.TextDelta)
    assert run.handle.run.state is RunState.QUEUED
    swap(home / swapped, home / "developer")
    assert folder.is_dir()
    first.handle.stop(Stop(StopCause.CLIENT))
    judgement = await run.end()
    assert judgement.error.code is ErrorCode.SPAWN_FAILED
    assert judgement.error.message == (
        f"The CLI was not started: the working directory '{folder}' is not the folder any more that it was when "
        "the run was taken"
    )
    assert not list(home.rglob("touched"))
    assert run.said(events.RunStarted) == []


async def test_a_folder_that_is_gone_or_a_file_by_the_time_of_the_start_is_named(new_stage, home):
    stage = new_stage(Limits(max_concurrent_runs=1))
    first = await stage.start("then-silent")
    gone = await stage.start("touch", workdir=str(home / "developer"))
    file = await stage.start("touch", workdir=str(home / "dev/secret"))
    (home / "developer").rmdir()
    (home / "dev/secret").rmdir()
    (home / "dev/secret").touch()
    first.handle.stop(Stop(StopCause.CLIENT))
    for run, why in ((gone, "No such file or directory"), (file, "Not a directory")):
        judgement = await run.end()
        folder = run.handle.run.spec.workdir
        assert judgement.error.message == f"The CLI could not be started: {why} '{folder}'"


async def test_a_folder_that_may_not_be_entered_is_named(stage, monkeypatch):
    """Root may enter every folder: what the kernel tells others is told here in its place."""

    def refuse(argv, *, cwd, **_):
        raise PermissionError(13, "Permission denied", cwd)

    monkeypatch.setattr(spawning.subprocess, "Popen", refuse)
    judgement = await (await stage.start("touch")).end()
    monkeypatch.undo()
    assert judgement.error.message == f"The CLI could not be started: Permission denied '{stage.workdir}'"


@LINUX_ONLY
def test_what_is_held_is_the_folder_and_not_its_name(home):
    folder = home / "dev/project"
    with workdir.held(str(folder)) as name:
        swap(folder, home / "developer")
        assert os.path.realpath(name) == str(home / "dev/moved")
    with pytest.raises(workdir.Replaced), workdir.held(str(folder)):
        pass


@pytest.mark.parametrize(
    "name", ["with space", "new\nline", "caf\u00e9", "-rf", "a (deleted)", "'\"$(x)`", "\\134"]
)
async def test_a_folder_of_any_name_is_worked_in(stage, name):
    folder = stage.workdir / name
    folder.mkdir()
    run = await stage.start("where", workdir=str(folder))
    await run.end()
    assert run.text == str(folder)


def test_where_a_folder_is_known_by_its_path_only_that_is_looked_at_again(home, monkeypatch):
    monkeypatch.setattr(workdir.sys, "platform", "darwin")
    folder = home / "dev/project"
    with workdir.held(str(folder)) as name:
        assert name == str(folder)
    swap(folder, home / "developer")
    with pytest.raises(workdir.Replaced), workdir.held(str(folder)):
        pass
