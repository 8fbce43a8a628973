"""How a run is judged: the whole truth table."""

import itertools

import pytest

from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import TurnDone
from clinvk.domain.judge import Judgement, judge
from clinvk.domain.run import Exit, RunState, Stop, StopCause, StopReason

FAILING = {"timeout", "output_limit", "memory", "max_turns"}
SAID = RunError(ErrorCode.USAGE_LIMIT, "the turn's own error")
EXPLAINED = RunError(ErrorCode.NOT_AUTHENTICATED, "what the backend makes of the exit")

STOPS = [None, *(Stop(cause, detail) for cause in StopCause for detail in ("", "the idle clock struck"))]
DONES = [None, TurnDone(StopReason.END_TURN), TurnDone(), TurnDone(error=SAID)]
EXITS = [None, Exit(0), Exit(0, None, "noise\n"), Exit(3), Exit(3, None, "a\nlast words\n"), Exit(None, "SIGSEGV")]
EXPLANATIONS = [None, EXPLAINED]


def expected(stop, done, exit_, explained):
    """State, error code and code of the API, by the order of precedence."""
    if stop:
        failing = stop.cause in FAILING
        return ("failed", stop.cause.value, 1) if failing else ("cancelled", "cancelled", -1)
    if done:
        return ("failed", "usage_limit", 1) if done.error else ("completed", None, 0)
    if explained:
        return ("failed", "not_authenticated", 1)
    if exit_ is None or exit_.code == 0:
        return ("failed", "no_result", 1)
    return ("failed", "backend_exited", 1)


@pytest.mark.parametrize(("stop", "done"), list(itertools.product(STOPS, DONES)))
def test_the_whole_table(stop, done):
    for exit_, explained in itertools.product(EXITS, EXPLANATIONS):
        judgement = judge(stop, done, exit_, explained)
        code = judgement.error.code.value if judgement.error else None
        assert (judgement.state.value, code, judgement.code) == expected(stop, done, exit_, explained)


@pytest.mark.parametrize("cause", StopCause)
def test_a_stop_is_told_in_its_detail_or_else_in_a_sentence_of_its_cause(cause):
    assert judge(Stop(cause, "the idle clock struck"), None, None, None).error.message == "the idle clock struck"
    assert judge(Stop(cause), None, None, None).error.message.startswith("The run ")


def test_the_turns_own_error_is_passed_on_as_it_is():
    assert judge(None, TurnDone(error=SAID), Exit(0), EXPLAINED) == Judgement(RunState.FAILED, SAID)
    assert judge(None, None, Exit(1), EXPLAINED) == Judgement(RunState.FAILED, EXPLAINED)


@pytest.mark.parametrize(
    ("exit_", "message"),
    [
        (Exit(3), "The CLI exited with code 3 before giving a result"),
        (
            Exit(3, None, "first\n last words \n\n"),
            "The CLI exited with code 3 before giving a result: last words",
        ),
        (Exit(None, "SIGSEGV"), "The CLI was ended by SIGSEGV before giving a result"),
        (Exit(0, None, "noise"), "The CLI ended without giving a result"),
        (None, "The CLI ended without giving a result"),
    ],
)
def test_an_exit_nobody_explains_is_told_with_the_last_line_of_stderr(exit_, message):
    assert judge(None, None, exit_, None).error.message == message
