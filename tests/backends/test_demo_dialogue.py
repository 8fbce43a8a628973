"""The demo child's protocol, message by message."""

import json

import pytest

from clinvk.backends.base import Dialogue, Outgoing, Said
from clinvk.backends.demo.dialogue import DemoDialogue
from clinvk.domain.approvals import Verdict
from clinvk.domain.errors import ErrorCode, LineTooLong, RunError
from clinvk.domain.events import (
    ApprovalAsked,
    Notice,
    ReasoningDelta,
    SessionBound,
    TextDelta,
    TextDone,
    ToolDone,
    ToolStarted,
    TurnDone,
    UsageReported,
)
from clinvk.domain.run import Exit, Start, StopReason
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage

SPEC = RunSpec("demo", "hello", "/project")
DONE = {"type": "done", "stop_reason": "end_turn", "error": None}


@pytest.fixture
def dialogue():
    """A dialogue with the turn "t" under way."""
    dialogue: Dialogue = DemoDialogue()
    dialogue.open()
    dialogue.begin("t", SPEC)
    dialogue.outgoing()
    return dialogue


def line(message, turn="t"):
    return json.dumps({"turn": turn, **message}).encode() + b"\n"


def heard(dialogue, *messages):
    """What the turn "t" says."""
    said = dialogue.receive(b"".join(map(line, messages)))
    assert {one.turn for one in said} <= {"t"}
    return [one.output for one in said]


def sent(dialogue):
    data, close_stdin = dialogue.outgoing()
    assert not close_stdin
    return [json.loads(one) for one in data.splitlines()]


def test_a_prompt_is_sent_at_once_with_all_it_needs():
    dialogue = DemoDialogue()
    dialogue.begin("t", RunSpec("demo", "h\u00e9\ud800", "/", model="m", resume="c", system_prompt="s"))
    assert sent(dialogue) == [
        {
            "type": "prompt",
            "turn": "t",
            "prompt": "h\u00e9\ud800",
            "conversation": "c",
            "system": "s",
            "model": "m",
        }
    ]
    assert dialogue.outgoing() == Outgoing(b"")


def test_the_child_is_told_that_it_may_keep_the_conversation_and_else_nothing_of_it():
    dialogue = DemoDialogue()
    dialogue.begin("t", RunSpec("demo", "hello", "/", ephemeral=False))
    assert sent(dialogue)[0]["keep"] is True


@pytest.mark.parametrize(
    ("message", "output"),
    [
        ({"type": "conversation", "id": "demo-1"}, SessionBound("demo-1")),
        ({"type": "text", "block": "b", "text": "x"}, TextDelta("b", "x")),
        ({"type": "reasoning", "text": "x"}, ReasoningDelta("x")),
        ({"type": "tool", "id": "1", "name": "ls", "input": "."}, ToolStarted("1", "ls", ".")),
        ({"type": "tool", "id": "1", "name": "ls", "input": {"a": 1}}, ToolStarted("1", "ls", '{"a":1}')),
        ({"type": "tool", "id": "1", "name": "ls"}, ToolStarted("1", "ls")),
        (
            {"type": "ask", "ask": "1", "tool": "t", "action": "edit", "paths": ["/a"], "detail": "d"},
            ApprovalAsked("1", "t", "edit", ("/a",), "d"),
        ),
        ({"type": "ask", "ask": "1", "tool": "t", "action": "dance"}, ApprovalAsked("1", "t", "other")),
        (
            {"type": "usage", "input_tokens": 4, "output_tokens": 3, "cached_tokens": 2, "reasoning_tokens": 1},
            UsageReported(Usage(4, 3, 2, 0, 1)),
        ),
        ({"type": "usage"}, UsageReported(Usage())),
        (DONE, TurnDone(StopReason.END_TURN)),
        ({"type": "done"}, TurnDone()),
        ({"type": "done", "stop_reason": "boredom"}, TurnDone()),
        ({"type": "done", "stop_reason": ["end_turn"]}, TurnDone()),
    ],
)
def test_each_message_gives_its_event(dialogue, message, output):
    assert heard(dialogue, message) == [output]


@pytest.mark.parametrize(
    ("error", "known"),
    [
        ({"code": "backend_failed", "message": "m"}, RunError(ErrorCode.BACKEND_FAILED, "m")),
        (
            {"code": "usage_limit", "message": "m", "retry_after_secs": 3600},
            RunError(ErrorCode.USAGE_LIMIT, "m", 3600.0),
        ),
        (
            {"code": "overloaded", "message": "m", "retry_after_secs": "soon"},
            RunError(ErrorCode.OVERLOADED, "m"),
        ),
        ({"code": "no_such_code", "message": "m"}, RunError(ErrorCode.BACKEND_FAILED, "m")),
        ({"code": "interrupted", "message": "m"}, RunError(ErrorCode.BACKEND_FAILED, "m")),
        ({"code": 1, "message": "m"}, None),
        ({"message": "m"}, None),
        ("it broke", None),
        (False, None),
    ],
)
def test_an_error_is_an_error_however_badly_it_is_told(dialogue, error, known):
    (done,) = heard(dialogue, {"type": "done", "error": error})
    assert done.error == (
        known or RunError(ErrorCode.BACKEND_FAILED, "The demo backend failed and did not say why")
    )


def test_a_tool_ends_once_and_only_after_it_began(dialogue):
    tool_end = {"type": "tool_end", "id": "1", "ok": False, "output": ["o"]}
    outputs = heard(dialogue, tool_end, {"type": "tool", "id": "1", "name": "ls"}, tool_end, tool_end)
    assert [type(output) for output in outputs] == [Notice, ToolStarted, ToolDone, Notice]
    assert outputs[2] == ToolDone("1", False, '["o"]')


def test_text_is_told_whole_when_its_block_ends(dialogue):
    text, text_end = {"type": "text", "block": "b", "text": "x"}, {"type": "text_end", "block": "b"}
    assert heard(dialogue, text_end, text, text, text_end) == [
        TextDelta("b", "x"),
        TextDelta("b", "x"),
        TextDone("b", 2, "xx"),
    ]


def test_open_blocks_are_told_before_the_turn_is_done(dialogue):
    text = {"type": "text", "block": "b", "text": "x"}
    assert heard(dialogue, text, DONE)[1:] == [TextDone("b", 1, "x"), TurnDone(StopReason.END_TURN)]


@pytest.mark.parametrize(
    "message",
    [
        {"type": "conversation", "id": 1},
        {"type": "text", "block": "b"},
        {"type": "text", "block": 1, "text": "x"},
        {"type": "text", "block": "b", "text": None},
        {"type": "text_end", "block": []},
        {"type": "reasoning"},
        {"type": "tool", "id": "1"},
        {"type": "tool_end", "id": {}},
        {"type": "tool_end", "id": "open", "ok": "yes"},
        {"type": "ask", "ask": "1", "tool": "t"},
        {"type": "ask", "ask": "1", "tool": "t", "action": "edit", "paths": "/a"},
        {"type": "ask", "ask": "1", "tool": "t", "action": "edit", "paths": ["/a", 1]},
        {"type": "usage", "input_tokens": -1},
        {"type": "usage", "output_tokens": "many"},
    ],
)
def test_a_message_with_a_wrong_field_is_a_notice_of_its_turn(dialogue, message):
    heard(dialogue, {"type": "tool", "id": "open", "name": "ls"})
    (notice,) = heard(dialogue, message)
    assert notice == Notice(f"The CLI wrote: {line(message).decode().strip()}")


def test_a_message_nested_too_deeply_is_a_notice_too(dialogue):
    deep = b"[" * 900 + b"]" * 900
    (said,) = dialogue.receive(b'{"type": "tool", "turn": "t", "id": "1", "name": "ls", "input": ' + deep + b"}\n")
    assert (said.turn, type(said.output)) == ("t", Notice)


@pytest.mark.parametrize(
    "data",
    [
        b"plain text",
        b'{"half": ',
        b'["a", "list"]',
        line({"type": "no-such-type"}).strip(),
        line({"type": ["text"]}).strip(),
        line({"no": "type"}).strip(),
        line({"type": "text", "block": "b", "text": "x"}, turn="another").strip(),
        line(DONE, turn=["t"]).strip(),
        b'{"type": "done"}',
    ],
)
def test_a_line_nobody_understands_is_a_notice_about_the_child(dialogue, data):
    assert dialogue.receive(data + b"\n") == [Said(None, Notice(f"The CLI wrote: {data.decode()}"))]
    assert heard(dialogue, DONE) == [TurnDone(StopReason.END_TURN)]


@pytest.mark.parametrize("data", [b"\n", b"  \r\n", b'{"type": "hello", "version": 1}\n', b'{"type": "hello"}\n'])
def test_a_blank_line_and_a_greeting_say_nothing(dialogue, data):
    assert dialogue.receive(data) == []


def test_a_turn_is_done_once_and_says_nothing_more(dialogue):
    heard(dialogue, DONE)
    said = dialogue.receive(line(DONE) + line({"type": "text", "block": "b", "text": "x"}))
    assert [(one.turn, type(one.output)) for one in said] == [(None, Notice), (None, Notice)]


def test_text_that_utf_8_cannot_carry_is_replaced(dialogue):
    data = b'{"type": "text", "turn": "t", "block": "b", "text": "a\\ud800b"}\n'
    assert dialogue.receive(data) == [Said("t", TextDelta("b", "a\ufffdb"))]


def test_a_line_beyond_the_ceiling_is_refused(dialogue):
    with pytest.raises(LineTooLong):
        dialogue.receive(b"x" * ((16 << 20) + 1))


def test_an_interrupt_is_asked_of_the_turn_under_way_only(dialogue):
    assert dialogue.interrupt("t") is True
    assert dialogue.interrupt("another") is False
    assert sent(dialogue) == [{"type": "interrupt", "turn": "t"}]
    heard(dialogue, DONE)
    assert dialogue.interrupt("t") is False
    assert sent(dialogue) == []


def test_all_that_waits_is_written_at_once(dialogue):
    dialogue.interrupt("t")
    dialogue.interrupt("t")
    assert [message["type"] for message in sent(dialogue)] == ["interrupt", "interrupt"]


def test_an_open_ask_is_answered_once(dialogue):
    heard(dialogue, {"type": "ask", "ask": "1", "tool": "t", "action": "edit", "paths": []})
    for turn, ask in [("another", "1"), ("t", "unknown"), ("t", "1"), ("t", "1")]:
        dialogue.answer(turn, ask, Verdict(False, "nobody is there"))
    assert sent(dialogue) == [
        {"type": "answer", "turn": "t", "ask": "1", "allow": False, "reason": "nobody is there"}
    ]


def test_a_child_takes_one_turn_at_a_time_in_any_conversation(dialogue):
    resumed = RunSpec("demo", "again", "/project", resume="demo-1")
    assert dialogue.fit(SPEC) is None
    heard(dialogue, {"type": "conversation", "id": "demo-1"}, DONE)
    assert (dialogue.fit(SPEC), dialogue.fit(resumed)) == (Start.WARM, Start.LIVE)
    dialogue.begin("u", resumed)
    assert [message["conversation"] for message in sent(dialogue)] == ["demo-1"]


def test_a_busy_child_takes_no_second_turn(dialogue):
    with pytest.raises(AssertionError, match=r"^the child is busy or gone$"):
        dialogue.begin("u", SPEC)


def test_a_child_that_is_gone_takes_none(dialogue):
    dialogue.exited(Exit(0))
    assert dialogue.fit(SPEC) is None


@pytest.mark.parametrize(
    ("rest", "outputs"),
    [
        (b"", [TextDone("b", 1, "x")]),
        (
            line({"type": "text", "block": "b", "text": "y"})[:-1],
            [TextDelta("b", "y"), TextDone("b", 2, "xy")],
        ),
        (line(DONE)[:-1], [TextDone("b", 1, "x"), TurnDone(StopReason.END_TURN)]),
        (b'{"type": "do', [Notice('The CLI wrote: {"type": "do'), TextDone("b", 1, "x")]),
    ],
)
def test_at_the_exit_the_last_line_and_open_blocks_are_told_but_no_end_is_invented(dialogue, rest, outputs):
    heard(dialogue, {"type": "text", "block": "b", "text": "x"})
    assert dialogue.receive(rest) == []
    said = dialogue.exited(Exit(1))
    assert [one.output for one in said] == outputs
    assert {one.turn for one in said if not isinstance(one.output, Notice)} == {"t"}
    assert dialogue.exited(Exit(1)) == []
