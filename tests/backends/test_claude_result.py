"""How claude's results and exits are judged."""

import pytest

from clinvk.backends.claude import result
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import Exit, StopReason
from clinvk.domain.usage import Usage

FAILED = {"subtype": "success", "is_error": True, "stop_reason": "stop_sequence", "terminal_reason": "api_error"}


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        ({"api_error_status": 401, "result": "no"}, ErrorCode.NOT_AUTHENTICATED, "/login"),
        ({"api_error_status": 403}, ErrorCode.FORBIDDEN, "403"),
        ({"api_error_status": 404}, ErrorCode.MODEL_NOT_FOUND, "404"),
        ({"api_error_status": 429}, ErrorCode.USAGE_LIMIT, "429"),
        ({"api_error_status": 500}, ErrorCode.PROVIDER_ERROR, "500"),
        ({"api_error_status": 529}, ErrorCode.OVERLOADED, "529"),
        ({"api_error_status": True, "result": "x"}, ErrorCode.BACKEND_FAILED, "claude failed: x"),
        ({"result": "Not logged in · Please run /login"}, ErrorCode.NOT_AUTHENTICATED, "Not logged in"),
        ({"result": "Invalid API key"}, ErrorCode.NOT_AUTHENTICATED, "Invalid API key"),
        ({"result": "Claude AI usage limit reached|1795231000"}, ErrorCode.USAGE_LIMIT, "usage limit"),
        ({"result": "You've hit your session limit"}, ErrorCode.USAGE_LIMIT, "session limit"),
        ({"result": "Connection refused (ECONNREFUSED)"}, ErrorCode.NETWORK, "ECONNREFUSED"),
        ({"errors": ["No conversation found with session ID: x"]}, ErrorCode.RESUME_FAILED, "No conversation"),
        ({"errors": ["Error: --resume requires a valid session ID"]}, ErrorCode.RESUME_FAILED, "--resume"),
        ({"terminal_reason": "aborted_streaming", "errors": ["ede"]}, ErrorCode.BACKEND_FAILED, "interrupted"),
        (
            {"terminal_reason": "budget_exhausted", "errors": ["$1"]},
            ErrorCode.BACKEND_FAILED,
            "--max-budget-usd: $1",
        ),
        ({"result": "API Error: 401 no"}, ErrorCode.NOT_AUTHENTICATED, "/login"),
        ({"errors": ["a", 1]}, ErrorCode.BACKEND_FAILED, "claude failed: a; 1"),
        ({"result": 7, "errors": ["a"]}, ErrorCode.BACKEND_FAILED, "claude failed: a"),
        ({"is_error": None}, ErrorCode.BACKEND_FAILED, "claude failed"),
        (
            {"terminal_reason": "max_turns", "errors": ["Reached maximum number of turns (7)"]},
            ErrorCode.MAX_TURNS,
            "7",
        ),
        ({"subtype": "error_max_turns"}, ErrorCode.MAX_TURNS, "0"),
    ],
)
def test_a_failure_is_told_in_our_words(told, code, words):
    error = result.failure(FAILED | told, None)
    assert error.code is code
    assert words in error.message


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({}, "claude failed"),
        ({"terminal_reason": "aborted_tools"}, "claude was interrupted in the middle of its turn"),
    ],
)
def test_a_failure_without_a_word_of_its_own_is_a_sentence(told, words):
    assert result.failure(FAILED | told, None) == RunError(ErrorCode.BACKEND_FAILED, words)


@pytest.mark.parametrize("told", [{"result": "usage limit reached"}, {"api_error_status": 429}])
def test_a_usage_limit_says_how_long_to_wait(told):
    assert result.failure(FAILED | told, None, 30.0).retry_after_secs == 30.0


def test_only_the_word_that_nothing_failed_is_success():
    assert result.failure({"is_error": False, "subtype": "error_during_execution"}, None) is None
    assert result.failure({"subtype": "success"}, None).code is ErrorCode.BACKEND_FAILED


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ({"stop_reason": "end_turn"}, StopReason.END_TURN),
        ({"stop_reason": "stop_sequence"}, StopReason.END_TURN),
        ({"stop_reason": "max_tokens"}, StopReason.MAX_TOKENS),
        ({"stop_reason": "refusal"}, StopReason.REFUSAL),
        ({"stop_reason": "refusal", "is_error": True}, StopReason.REFUSAL),
        ({"stop_reason": "boredom"}, None),
        ({"stop_reason": ["end_turn"]}, None),
        ({"stop_reason": "end_turn", "is_error": True}, None),
        ({"stop_reason": "tool_use", "is_error": True, "terminal_reason": "max_turns"}, StopReason.MAX_TURNS),
    ],
)
def test_why_the_model_stopped(told, reason):
    assert result.stop_reason({"is_error": False} | told) is reason


@pytest.mark.parametrize("told", [None, [], {"input_tokens": -1, "output_tokens_details": 3}])
def test_a_usage_that_makes_no_sense_counts_nothing(told):
    assert result.usage({"usage": told}, 0.0) == Usage()


@pytest.mark.parametrize(
    ("total", "before", "cost"),
    [(0.3, 0.1, 0.2), (0.1, 0.3, 0.0), (0.3, None, None), (None, 0.0, None), ("0.3", 0.0, None)],
)
def test_a_cost_is_the_part_of_this_turn(total, before, cost):
    assert result.usage({"total_cost_usd": total}, before).cost_usd == cost


@pytest.mark.parametrize(
    ("said", "now", "seconds"),
    [
        ("limit reached|1795231000", "2026-11-21T03:00:00.000Z", 1000.0),
        ("limit reached|1795231000", "2026-11-21T04:00:00Z", 0.0),
        ("limit reached|1795231000", "yesterday", None),
        ("limit reached|1795231000", None, None),
        ("limit reached", "2026-11-21T03:00:00Z", None),
    ],
)
def test_a_time_of_reset_becomes_seconds(said, now, seconds):
    assert result.seconds_until(said, now) == seconds


@pytest.mark.parametrize(
    ("stderr", "code", "words"),
    [
        ("error: unknown option '--frobnicate=1'\n", ErrorCode.BACKEND_EXITED, "update it: error: unknown"),
        (
            "error: option '--max-budget-usd <amount>' argument 'abc' is invalid.",
            ErrorCode.BACKEND_EXITED,
            "`extra`",
        ),
        ("--dangerously-skip-permissions cannot be used with root/sudo", ErrorCode.BACKEND_EXITED, "defaultMode"),
        ("No conversation found with session ID: x", ErrorCode.RESUME_FAILED, "begin a new one"),
        ("Not logged in · Please run /login", ErrorCode.NOT_AUTHENTICATED, "/login"),
    ],
)
def test_an_exit_is_explained_by_stderr(stderr, code, words):
    error = result.exit_meaning(Exit(1, None, stderr))
    assert error.code is code
    assert words in error.message


WARNING = "Commands will run WITHOUT sandboxing. Network and filesystem restrictions will NOT be enforced.\n"


@pytest.mark.parametrize(
    "exit_",
    [
        Exit(1),
        Exit(1, None, "words\n"),
        Exit(1, None, WARNING),
        Exit(0, None, "unknown option"),
        Exit(None, "SIGKILL", "unknown option"),
    ],
)
def test_other_exits_are_nothing_special(exit_):
    assert result.exit_meaning(exit_) is None
