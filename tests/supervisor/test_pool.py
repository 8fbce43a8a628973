"""Children that wait for a next run: who gets them, and who does not. Always real children."""

import os
import signal

import pytest

from clinvk.domain import events
from clinvk.domain.run import Continuation, Start
from clinvk.supervisor import measuring
from clinvk.supervisor.limits import Limits, PoolLimits
from tests.supervisor.lodgings import House, Lodger, furnished, is_alive, of_key

COLD, WARM, LIVE = Start.COLD, Start.WARM, Start.LIVE
KEPT = {"ephemeral": False}


@pytest.fixture
async def house(new_stage, keep):
    """With room for three."""
    return furnished(new_stage, await keep())


async def test_a_child_that_has_answered_takes_the_next_run(house):
    first, start = await house.told()
    again, next_start = await house.told("another")
    assert (start, next_start) == (COLD, WARM)
    assert first["pid"] == again["pid"]


async def test_without_room_none_waits(new_stage):
    house = furnished(new_stage, children=0)
    first, _ = await house.told()
    again, start = await house.told()
    assert start is COLD
    assert first["pid"] != again["pid"]
    assert house.waiting == []


@pytest.mark.parametrize(
    "other",
    [{"model": "another"}, {"backend": "recluse"}, {"origin": of_key("theirs")}, {"workdir": "elsewhere"}],
    ids=["key of the backend", "backend", "key of the client", "workdir"],
)
async def test_what_shapes_a_child_has_to_be_the_same(house, tmp_path, other):
    (tmp_path / "elsewhere").mkdir()
    if "workdir" in other:
        other = {"workdir": str(tmp_path / "elsewhere")}
    first, _ = await house.told("mine")
    second, start = await house.told("theirs", **other)
    assert start is COLD
    assert first["pid"] != second["pid"]


@pytest.mark.parametrize("file", [".lodger/settings.json", "LODGER.md", "../LODGER.md"])
async def test_settings_that_changed_are_read_anew(house, tmp_path, file):
    (tmp_path / "work").mkdir()
    (tmp_path / ".lodger").mkdir()
    where = {"workdir": str(tmp_path / "work")}
    base = tmp_path if file.startswith(".lodger") else tmp_path / "work"
    await house.told(**where)
    (base / file).write_text("new")
    assert (await house.told(**where))[1] is COLD
    assert (await house.told(**where))[1] is WARM


async def test_another_folder_of_the_same_name_is_another_workdir(house, tmp_path):
    folder = tmp_path / "work"
    folder.mkdir()
    await house.told(workdir=str(folder))
    folder.rename(tmp_path / "old")
    folder.mkdir()
    told, start = await house.told(workdir=str(folder))
    assert (start, told["cwd"]) == (COLD, str(folder))


async def test_variables_of_the_server_are_those_of_the_next_child(house, monkeypatch):
    await house.told()
    monkeypatch.setenv("SOME_KEY", "new")
    told, start = await house.told()
    assert (start, told["env"]["SOME_KEY"]) == (COLD, "new")


async def test_a_conversation_that_is_kept_goes_on_where_it_was(house):
    first = (await house.ask("one", **KEPT)).handle.run
    second = (await house.ask("two", session_id=first.spec.session_id, **KEPT)).handle.run
    assert (second.start, second.continuation) == (LIVE, Continuation.LIVE)
    assert second.backend_session_id == first.backend_session_id


async def test_a_child_that_is_kept_for_a_conversation_is_lent_to_no_other(house):
    first = await house.ask("one", **KEPT)
    (spare,) = [kept for kept in house.waiting if kept.turns == 0]
    told, start = await house.told("two")
    assert (start, told["heard"]) == (WARM, [])
    assert told["pid"] == spare.child.pid != first.handle.run.pid


async def test_one_is_started_ahead_where_a_child_takes_one_conversation_only(house):
    first, start = await house.told(backend="recluse")
    assert start is COLD
    assert [is_alive(first["pid"]), len(house.waiting)] == [False, 1]
    second, start = await house.told(backend="recluse")
    assert (start, second["heard"]) == (WARM, [])
    assert second["pid"] != first["pid"]


async def test_one_that_is_started_ahead_is_good_for_what_the_first_start_has_made_of_the_home(house):
    assert (await house.told(backend="settler"))[1] is COLD
    assert (await house.told(backend="settler"))[1] is WARM


async def test_the_saved_start_is_known(house):
    run = await house.ask(backend="recluse")
    assert run.handle.run.start is COLD
    (kept,) = house.waiting
    assert kept.child.startup_secs > 0


async def test_a_child_that_was_started_ahead_in_vain_is_not_soon_followed_by_another(house):
    await house.ask(backend="recluse")
    house.pool.adjust(PoolLimits(3, idle_secs=0), {})
    await house.pool.look_after()
    house.pool.adjust(PoolLimits(3), {})
    await house.settled()
    assert house.waiting == []
    await house.ask(backend="recluse")
    assert house.waiting == []
    await house.ask(backend="recluse")
    assert len(house.waiting) == 1


@pytest.mark.parametrize("how", ["beside", "alone"])
async def test_what_a_turn_leaves_ends_with_it_and_so_does_its_child(house, how):
    told, _ = await house.told(f"leave {how}")
    assert [is_alive(told["left"]), is_alive(told["pid"])] == [False, False]
    assert house.waiting == []


async def test_a_file_that_a_turn_left_is_not_there_for_the_next(house):
    await house.told("write secret")
    told, start = await house.told()
    assert (start, told["files"]) == (COLD, [])


async def test_a_conversation_finds_its_own_files_again(house):
    first = await house.ask("write note", **KEPT)
    told, start = await house.told("x", session_id=first.handle.run.spec.session_id, **KEPT)
    assert (start, told["files"]) == (LIVE, ["note"])


async def test_a_conversation_whose_run_wants_another_child_is_let_go_before_it_goes_on(house):
    first = await house.ask("one", **KEPT)
    session = first.handle.run.spec.session_id
    second = await house.stage.start("", "two", backend="lodger", model="m", session_id=session, ephemeral=False)
    await second.first(events.RunStarted)
    assert not is_alive(first.handle.run.pid)
    await second.end()
    assert second.handle.run.continuation is Continuation.RESUMED


@pytest.mark.parametrize(("written", "waited"), [(False, True), (True, True), (True, False)])
async def test_a_conversation_that_others_went_on_with_is_taken_up_from_where_it_is(
    house, tmp_path, monkeypatch, written, waited
):
    """What is written in the first moments is the child's own, which has answered and then writes it down."""
    monkeypatch.setattr(measuring, "WRITTEN_SECS", 0.0 if waited else 3600.0)
    first = (await house.ask("one", **KEPT)).handle.run
    (tmp_path / ".lodger").mkdir()
    file = tmp_path / ".lodger" / f"{first.backend_session_id}.txt"
    file.write_text(first.backend_session_id)
    await house.pool.look_after()
    if written:
        file.write_text("another turn, of a terminal")
    second = (await house.ask("two", session_id=first.spec.session_id, **KEPT)).handle.run
    assert second.continuation is (Continuation.RESUMED if written and waited else Continuation.LIVE)


async def test_a_conversation_that_is_forgotten_has_no_child_any_more(house):
    first = await house.ask("one", **KEPT)
    await house.pool.forget(Lodger(), first.handle.run.backend_session_id)
    assert not is_alive(first.handle.run.pid)


async def test_what_a_turn_wrote_to_stderr_is_not_told_of_the_next(house):
    await house.ask("complain")
    (kept,) = house.waiting
    await house.ask()
    assert kept.child.stderr_tail == ""


async def test_what_a_child_says_before_any_turn_is_heard_in_the_first_only(house):
    def notices(run):
        return ["said to nobody" in notice.message for notice in run.said(events.Notice)]

    assert notices(await house.ask("one", backend="recluse")) == [True]
    warm = await house.ask("two", backend="recluse")
    assert (warm.handle.run.start, notices(warm)) == (WARM, [True])
    await house.ask("one")
    assert notices(await house.ask("two")) == []


async def test_a_child_whose_output_was_held_back_is_read_again(house):
    def hold_back(event):
        if isinstance(event, events.TurnDone):
            house.stage.newest().runner._lease.child.pause()

    run = await house.stage.start("", "one", observe=hold_back, backend="lodger", model=None)
    await run.end()
    await house.settled()
    assert (await house.told())[1] is WARM


async def test_runs_at_once_have_a_child_each(house):
    def hold(event):
        if isinstance(event, events.RunStarted):
            os.kill(event.pid, signal.SIGSTOP)  # or it may have answered before the next one comes

    runs = [await house.stage.start("", "hello", hold, backend="lodger", model=None) for _ in range(3)]
    held = [(await run.first(events.RunStarted)).pid for run in runs]
    for pid in held:
        os.kill(pid, signal.SIGCONT)
    for run in runs:
        await run.end()
    await house.settled()
    assert len({run.handle.run.pid for run in runs}) == 3
    assert sorted(house.pids) == sorted(run.handle.run.pid for run in runs)


async def test_a_slot_is_free_as_soon_as_the_child_waits(new_stage):
    limits = Limits(max_concurrent_runs=1, pool=PoolLimits(3))
    house = House(new_stage(limits, backends=[Lodger()]))
    await house.ask()
    assert house.stage.supervisor.live == 0


async def test_a_run_waits_for_a_child_that_is_being_tidied_rather_than_start_another(house):
    first = await house.stage.start("", "hello", backend="lodger", model=None)
    await first.end()
    second = await house.stage.start("", "hello", backend="lodger", model=None)
    await second.end()
    assert second.handle.run.pid == first.handle.run.pid
