"""What codex tells of failures and retries, and what it says besides."""

import pytest

from clinvk.backends.base import Said
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import Notice, TextDone, TextDropped, TurnDone
from clinvk.domain.run import Exit, StopReason
from tests.backends.codex_talk import HERE, THREAD, Talk, stopped


def test_a_retry_drops_what_the_broken_answer_said():
    talk = Talk().started()
    talk.here("item/agentMessage/delta", itemId="m", delta="he")
    said = talk.retry("Reconnecting... 1/5", additionalDetails="network error")
    assert said == [TextDropped("m"), Notice("codex tries again: Reconnecting... 1/5: network error")]
    assert talk.completed() == [TurnDone(StopReason.END_TURN)]


def test_a_retry_that_repeats_itself_has_no_end_and_is_ended():
    talk = Talk().started()
    waiting = {"message": "Reconnecting... waiting for network", "additionalDetails": "error sending request"}
    assert [type(said) for _ in range(2) for said in talk.retry(**waiting)] == [Notice, Notice]
    (done,) = talk.retry(**waiting)
    assert done.error.code is ErrorCode.NETWORK
    assert done.error.message.endswith(": Reconnecting... waiting for network: error sending request")
    assert stopped(talk) == [HERE]


@pytest.mark.parametrize(
    "progress",
    [
        Talk.used,
        lambda talk: talk.here("item/agentMessage/delta", itemId="m", delta="he"),
        lambda talk: talk.here("item/reasoning/textDelta", delta="hm"),
    ],
)
def test_numbered_retries_and_those_after_progress_are_borne(progress):
    talk = Talk().started()
    said = [each for number in range(5) for each in talk.retry(f"Reconnecting... {number}/5")]
    said += [*talk.retry("again"), *talk.retry("again")]
    progress(talk)
    said += [*talk.retry("again"), *talk.retry("again")]
    assert {type(each) for each in said} <= {Notice, TextDropped}


def test_details_that_are_no_text_are_left_out():
    assert Talk().started().retry("again", additionalDetails=7) == [Notice("codex tries again: again")]


def test_a_failure_is_told_once_by_the_turns_end():
    talk = Talk().started()
    assert talk.here("error", error={"message": "no"}, willRetry=False) == []
    assert talk.failed("no").code is ErrorCode.BACKEND_FAILED


def test_the_token_limit_is_no_failure():
    talk = Talk().started()
    error = {"message": "Incomplete response returned, reason: max_output_tokens", "codexErrorInfo": "other"}
    assert talk.completed("failed", error=error) == [TurnDone(StopReason.MAX_TOKENS)]


def test_a_turn_that_fails_without_a_word_fails():
    (done,) = Talk().started().completed("failed", error=None)
    assert done.error == RunError(ErrorCode.BACKEND_FAILED, "codex failed and did not say why")


@pytest.mark.parametrize(
    ("limits", "completed", "expected"),
    [
        (
            {"primary": {"usedPercent": 100, "resetsAt": 1060}, "secondary": {"usedPercent": 5, "resetsAt": 9000}},
            1000,
            60,
        ),
        (
            {"primary": {"usedPercent": 5, "resetsAt": 1060}, "secondary": {"usedPercent": 100, "resetsAt": 9000}},
            1000,
            8000,
        ),
        ({"primary": {"usedPercent": 100, "resetsAt": 1060}, "secondary": None}, None, None),
        ({"primary": {"usedPercent": 50, "resetsAt": 1060}}, 1000, None),
        ({"primary": {"usedPercent": 100, "resetsAt": 900}}, 1000, None),
        (None, 1000, None),
    ],
)
def test_a_usage_limit_tells_when_it_is_lifted(limits, completed, expected):
    talk = Talk().started()
    assert talk.tell("account/rateLimits/updated", rateLimits=limits) == []
    error = talk.failed("limit", "usageLimitExceeded", completedAt=completed)
    assert (error.code, error.retry_after_secs) == (ErrorCode.USAGE_LIMIT, expected)


def test_a_usage_limit_that_tells_no_time_leaves_the_one_that_was_told():
    talk = Talk().started()
    for window in ({"usedPercent": 100, "resetsAt": 1060}, {"usedPercent": 100}):
        talk.tell("account/rateLimits/updated", rateLimits={"primary": window})
    assert talk.failed("limit", "usageLimitExceeded", completedAt=1000).retry_after_secs == 60


def test_warnings_are_notices():
    talk = Talk().started()
    for method in ("warning", "guardianWarning"):
        assert talk.tell(method, threadId=THREAD, message="mind") == [Notice("mind")]
    assert talk.here("model/rerouted", fromModel="a", toModel="b") == [Notice("The model b answers instead of a")]
    assert talk.tell("configWarning", summary="Invalid", details="line 1") == [Notice("Invalid: line 1")]
    assert talk.tell("configWarning", summary="Invalid", details=None) == [Notice("Invalid")]
    assert talk.tell("configWarning", summary="No bubblewrap on PATH", details=None) == []


def test_what_codex_learns_to_say_later_is_a_notice():
    talk = Talk().started()
    assert talk.tell("news/arrived") == [Notice("codex wrote of something unknown: news/arrived")]
    assert talk.tell("thread/news", threadId=THREAD) == []
    assert isinstance(talk.here("thread/tokenUsage/updated", tokenUsage=None)[0], Notice)


def test_at_the_exit_what_was_left_unsaid_is_said():
    talk = Talk().started()
    talk.here("item/agentMessage/delta", itemId="m", delta="he")
    talk.dialogue.receive(b"half a line")
    assert talk.dialogue.exited(Exit(1)) == [
        Said(None, Notice("The CLI wrote: half a line")),
        Said("turn", TextDone("m", 2, "he")),
    ]
    assert talk.dialogue.exited(Exit(1)) == []
