"""What a turn's messages say: text, reasoning, tools, retries, denials."""

import pytest

from clinvk.domain.errors import ErrorCode
from clinvk.domain.events import (
    Notice,
    ReasoningDelta,
    TextDelta,
    TextDone,
    TextDropped,
    ToolDone,
    ToolStarted,
    TurnDone,
    UsageReported,
)
from clinvk.domain.run import StopReason
from clinvk.domain.usage import Usage
from tests.backends.claude_talk import RESULT, heard, prompt_ask, prompted, spec, tool_result, tool_use


def event(told, **more):
    return {"type": "stream_event", "event": told, "parent_tool_use_id": None, **more}


def start(message):
    return event({"type": "message_start", "message": {"id": message}})


def piece(text, index=0):
    return event({"type": "content_block_delta", "index": index, "delta": {"type": "text_delta", "text": text}})


def whole(message, *blocks, **more):
    return {"type": "assistant", "message": {"id": message, "content": list(blocks)}, **more}


def text(said):
    return {"type": "text", "text": said}


STOP = event({"type": "content_block_stop", "index": 0})


def test_text_streams_and_is_done_when_its_message_confirms_it():
    assert heard(prompted(), start("m"), piece("a"), piece("b"), whole("m", text("ab")), STOP) == [
        TextDelta("m:0", "a"),
        TextDelta("m:0", "b"),
        TextDone("m:0", 2, "ab"),
    ]


def test_blocks_of_one_message_are_confirmed_in_their_order():
    said = heard(prompted(), start("m"), piece("a"), piece("b", 2), whole("m", text("a")), whole("m", text("b")))
    assert said[2:] == [TextDone("m:0", 1, "a"), TextDone("m:2", 1, "b")]


def test_a_message_that_did_not_stream_is_told_whole():
    said = heard(prompted(), whole("m", text("a")), whole("m", text("b")), whole("n", text("")))
    assert said == [
        TextDelta("whole:1", "a"),
        TextDone("whole:1", 1, "a"),
        TextDelta("whole:2", "b"),
        TextDone("whole:2", 1, "b"),
    ]


@pytest.mark.parametrize(
    "again", [whole("n", text("b")), whole("n", {"type": "thinking", "thinking": ""}), start("n")]
)
def test_a_block_whose_stream_broke_is_dropped_when_another_message_begins(again):
    said = heard(prompted(), start("m"), piece("a"), STOP, again)
    assert said[:2] == [TextDelta("m:0", "a"), TextDropped("m:0")]


def test_a_confirmation_without_a_block_says_nothing():
    assert heard(prompted(), start("m"), whole("m", text(""))) == []


def test_an_open_block_is_kept_at_the_end():
    said = heard(prompted(), start("m"), piece("a"), RESULT)
    assert said[1] == TextDone("m:0", 1, "a")
    assert said[-1] == TurnDone(StopReason.END_TURN)


def test_reasoning_is_told_once_streamed_or_not():
    thinking = event({"type": "content_block_delta", "index": 0, "delta": {"thinking": "hm"}})
    block = {"type": "thinking", "thinking": "hm"}
    assert heard(prompted(), start("m"), thinking, whole("m", block)) == [ReasoningDelta("hm")]
    assert heard(prompted(), whole("n", block)) == [ReasoningDelta("hm")]
    assert heard(prompted(), whole("n", block | {"thinking": ""})) == []


def test_a_failure_in_place_of_an_answer_is_no_answer():
    assert heard(prompted(), whole("m", text("API Error"), is_api_error_message=True)) == []


def test_the_words_of_a_local_command_are_the_answer():
    assert heard(prompted(), RESULT | {"result": "w"})[:2] == [
        TextDelta("whole:1", "w"),
        TextDone("whole:1", 1, "w"),
    ]
    assert len(heard(prompted(), RESULT | {"result": None})) == 2


@pytest.mark.parametrize("streamed", [[start("m"), piece("a")], []])
def test_an_answer_is_not_told_again_by_the_result(streamed):
    said = heard(prompted(), *streamed, whole("m", text("a")), RESULT | {"result": "a"})
    assert [one.text for one in said if isinstance(one, TextDelta)] == ["a"]


def test_the_words_of_a_failure_are_no_answer():
    said = heard(prompted(), RESULT | {"is_error": True, "result": "boom"})
    assert [type(one) for one in said] == [UsageReported, TurnDone]


def test_blocks_of_one_message_are_told_in_their_order():
    thought = {"type": "thinking", "thinking": "hm"}
    use = {"type": "tool_use", "id": "1", "name": "Bash"}
    said = heard(prompted(), whole("m", thought, text("a"), thought, use, text("b"), use | {"id": "2"}))
    assert [type(one) for one in said] == [
        *(ReasoningDelta, TextDelta, TextDone, ReasoningDelta, ToolStarted),
        *(TextDelta, TextDone, ToolStarted),
    ]


def test_what_a_sub_agent_says_is_no_part_of_the_answer():
    inner = {"parent_tool_use_id": "1"}
    thought = {"type": "thinking", "thinking": "t"}
    assert heard(prompted(), whole("m", text("a"), thought, **inner), piece("a") | inner) == []
    (started,) = heard(prompted(), tool_use("2") | inner)
    assert started == ToolStarted("2", "Bash", "{}")


@pytest.mark.parametrize(
    "told", [{"type": "message_stop"}, {"type": "content_block_delta", "delta": {"partial_json": "{"}}]
)
def test_other_events_of_the_stream_say_nothing(told):
    assert heard(prompted(), event(told)) == []


@pytest.mark.parametrize("told", [{}, {"type": 1}])
def test_an_event_without_a_type_is_a_notice(told):
    assert isinstance(heard(prompted(), event(told))[0], Notice)


@pytest.mark.parametrize(
    ("content", "output"),
    [
        ("o", "o"),
        (None, None),
        ([text("a"), text("b")], "a\nb"),
        ([{"type": "image", "source": {}}, {"type": "x"}], '[image]\n{"type":"x"}'),
        ({"a": 1}, '{"a":1}'),
        ([None], ""),
    ],
)
def test_a_tool_starts_and_ends_once(content, output):
    done = tool_result(content=content)
    assert heard(prompted(), done, tool_use(), tool_use(), done, done) == [
        ToolStarted("1", "Bash", "{}"),
        ToolDone("1", True, output),
    ]


def test_a_tool_can_fail():
    assert heard(prompted(), tool_use(), tool_result(is_error=True))[1] == ToolDone("1", False, "o")


def test_an_input_nested_too_deeply_is_not_shown():
    deep = b'{"a":' * 900 + b"1" + b"}" * 900
    block = b'{"type":"tool_use","id":"1","name":"x","input":' + deep + b"}"
    (said,) = prompted().receive(b'{"type":"assistant","message":{"id":"m","content":[' + block + b"]}}\n")
    assert said.output == ToolStarted("1", "x", "[nested too deeply to be shown]")


@pytest.mark.parametrize(
    "block",
    [
        {"type": "text"},
        {"type": "thinking", "thinking": 1},
        {"type": "tool_use", "id": "1"},
        {"type": "tool_result", "tool_use_id": None},
    ],
)
def test_a_block_with_a_wrong_field_makes_its_message_a_notice(block):
    dialogue = prompted()
    heard(dialogue, start("m"), piece("a"))
    (notice,) = heard(dialogue, whole("m", text("a"), block))
    assert isinstance(notice, Notice)
    assert heard(dialogue, RESULT)[0] == TextDone("m:0", 1, "a")


def test_blocks_of_no_use_and_a_text_in_place_of_blocks_say_nothing():
    assert heard(prompted(), whole("m", {"type": "redacted_thinking"}, "word", {"type": []})) == []
    assert heard(prompted(), {"type": "user", "message": {"content": "Output token limit hit"}}) == []
    assert heard(prompted(), {"type": "user", "message": {"content": [text("x")]}}) == []
    assert heard(prompted(), {"type": "user", "message": {"content": None}}) == []
    assert heard(prompted(), whole("m", {"type": "tool_result", "tool_use_id": "1"})) == []


def retry(status, delay):
    counts = {"attempt": 1, "max_retries": 3}
    return {"type": "system", "subtype": "api_retry", "error_status": status, "retry_delay_ms": delay, **counts}


@pytest.mark.parametrize(
    ("status", "delay", "why", "wait"),
    [
        (529, 1234, "529", "1.2"),
        (529, 100_000, "529", "100.0"),
        (None, None, "unknown", "0.0"),
        (None, "soon", "unknown", "0.0"),
    ],
)
def test_a_retry_is_told(status, delay, why, wait):
    assert heard(prompted(), retry(status, delay) | {"error": "unknown"}) == [
        Notice(f"The provider failed ({why}); claude tries again in {wait} s, 1 of 3 times")
    ]


def test_a_retry_without_any_reason_is_told_too():
    assert "(no answer)" in heard(prompted(), retry(None, 1))[0].message


def test_what_claude_tells_of_itself_is_no_news():
    assert heard(prompted(), {"type": "system", "subtype": "status", "status": "requesting"}) == []


LIMITED = RESULT | {"is_error": True, "api_error_status": 429, "result": "rejected"}


@pytest.mark.parametrize(
    ("before", "wait"),
    [
        ([], None),
        ([retry(429, 30_000)], None),  # how long claude waited says nothing of when the limit ends
        (
            [
                whole(
                    "m",
                    text("limit reached|1795231000"),
                    is_api_error_message=True,
                    timestamp="2026-11-21T03:00:00Z",
                )
            ],
            1000.0,
        ),
        ([whole("m", text("limit reached"), is_api_error_message=True)], None),
    ],
)
def test_a_usage_limit_says_when_to_come_back_as_far_as_claude_did(before, wait):
    error = heard(prompted(), *before, LIMITED)[-1].error
    assert (error.code, error.retry_after_secs) == (ErrorCode.USAGE_LIMIT, wait)


def denial(**more):
    return {"tool_name": "Bash", "tool_use_id": "1", **more}


def test_a_denial_by_claudes_own_rules_is_told_once():
    told = {"type": "system", "subtype": "permission_denied", **denial(message="by a rule")}
    end = RESULT | {"permission_denials": [denial(), denial(tool_use_id="2"), denial(tool_use_id="3"), "word"]}
    said = heard(prompted(), told, told, end)
    assert [one.message for one in said if isinstance(one, Notice)] == [
        "claude's own rules denied the use of Bash: by a rule",
        "claude's own rules denied the use of Bash",
        "claude's own rules denied the use of Bash",
    ]


def test_a_denial_that_was_our_own_answer_is_no_news():
    said = heard(prompted(), prompt_ask(), RESULT | {"permission_denials": [denial()]})
    assert not [one for one in said if isinstance(one, Notice)]


def test_the_end_tells_the_usage_and_the_limit_that_was_set():
    used = {"input_tokens": 1, "cache_read_input_tokens": 2, "cache_creation_input_tokens": 4, "output_tokens": 8}
    end = RESULT | {"usage": used | {"output_tokens_details": {"thinking_tokens": 3}}, "total_cost_usd": 0.5}
    assert heard(prompted(), end)[0] == UsageReported(Usage(7, 8, 2, 4, 3, 0.5))
    stopped = RESULT | {"is_error": True, "terminal_reason": "max_turns"}
    done = heard(prompted(spec(max_turns=5)), stopped)[-1]
    assert (done.stop_reason, done.error.code) == (StopReason.MAX_TURNS, ErrorCode.MAX_TURNS)
    assert " 5 turns" in done.error.message
