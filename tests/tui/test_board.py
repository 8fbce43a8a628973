"""What the console knows, and what it lets go of."""

from dataclasses import replace

from clinvk.domain.run import Exit, RunState
from clinvk.views import CommandView, Resources
from tests.tui.samples import NOW, a_run, run_id
from tests.tui.scripted import FixedClock, Server
from tui.board import KEPT_RUNS, Board


def board() -> Board:
    return Board(FixedClock())


def test_a_change_of_any_run_is_a_new_version() -> None:
    ours = board()
    ours.put([a_run(1)])
    before = ours.version
    ours.put([a_run(1, RunState.COMPLETED)])
    assert ours.version > before
    assert ours.runs[run_id(1)].state is RunState.COMPLETED


def test_an_answer_that_comes_late_brings_no_run_back_to_life() -> None:
    ours = board()
    ours.put([a_run(1, RunState.COMPLETED)])
    ours.put([a_run(1, RunState.RUNNING)])
    assert ours.live == []


def test_of_more_runs_than_are_kept_the_oldest_that_ended_go() -> None:
    ours = board()
    ours.put([a_run(0, RunState.RUNNING), a_run(1, RunState.COMPLETED), a_run(2, RunState.COMPLETED)])
    ours.mark(run_id(1))
    ours.put(a_run(number, RunState.COMPLETED) for number in range(3, KEPT_RUNS + 1))
    assert len(ours.runs) == KEPT_RUNS
    assert {run_id(0), run_id(1)} < set(ours.runs), "one is live, one is marked"
    assert run_id(2) not in ours.runs


def test_what_no_list_shows_is_not_kept_ten_thousand_times() -> None:
    ours = board()
    command = CommandView(("demo",), "/", (), None)
    long = replace(
        a_run(1, RunState.COMPLETED), command=command, request_as_curl="curl", exit=Exit(0, None, "x" * 9000),
        notices=("a notice",), resources=Resources(1, 1, 0.1),
    )  # fmt: skip
    ours.put([long])
    kept = ours.runs[run_id(1)]
    assert (kept.command, kept.request_as_curl, kept.exit, kept.notices, kept.resources) == (
        None,
        None,
        None,
        (),
        None,
    )


async def test_ages_are_counted_by_the_servers_clock() -> None:
    server = Server()
    ours = board()
    server.clock.time = NOW + 3600
    ours.heard(await server.status())
    assert round(ours.now - NOW) == 3600


def test_marks_come_and_go() -> None:
    ours = board()
    ours.put([a_run(1)])
    ours.mark(run_id(1))
    assert ours.marked == {run_id(1)}
    ours.mark(run_id(1))
    assert ours.marked == set()


def test_trouble_is_told_until_the_server_is_heard_again() -> None:
    ours = board()
    ours.lost("it does not answer")
    before = ours.version
    ours.lost("it does not answer")
    assert ours.version == before, "the same trouble is no news"
    assert ours.trouble == "it does not answer"
