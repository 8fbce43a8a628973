"""A chat completion's request, as what is wanted: pure."""

import pytest

from clinvk.api.dialects.ask import TREATMENT, ignored
from clinvk.api.openai.chat import REQUEST
from clinvk.api.openai.chat_translate import conversation, to_ask
from clinvk.api.problems import Kind, Problem
from clinvk.domain.conversation import Conversation, Turn
from clinvk.schemas import Schemas

SCHEMA = Schemas().documents[REQUEST]
CHECKER = Schemas().checker(REQUEST)
HELLO = {"role": "user", "content": "hello"}
CALL = {"id": "call_1", "type": "function", "function": {"name": "grep", "arguments": '{"for":"x"}'}}
CUSTOM = {"id": "call_2", "type": "custom", "custom": {"name": "shell", "input": "ls"}}


def asked(*messages, **fields):
    """What such a request wants, of the backend claude. Its body must be right by the schema."""
    body = {"model": "m", "messages": list(messages or [HELLO]), **fields}
    assert CHECKER.faults(body) == []
    return to_ask(body, "claude", ignored(body, SCHEMA))


def turns(*messages):
    return [(turn.speaker, turn.text) for turn in asked(*messages).conversation.turns]


def refusal(*messages, **fields):
    with pytest.raises(Problem) as caught:
        asked(*messages, **fields)
    return caught.value


def test_a_lone_message_of_a_user_is_the_prompt_as_it_is_whatever_the_users_name():
    assert asked(HELLO).conversation == Conversation((Turn("user", "hello"),))
    assert asked({**HELLO, "name": "alice"}).conversation.prompt == "hello"
    assert (
        asked({"role": "system", "content": "Be brief."}, {**HELLO, "name": "bob"}).conversation.prompt == "hello"
    )


def test_a_conversation_is_told_in_its_order_and_says_who_of_several_speaks():
    told = turns(
        {**HELLO, "name": "alice"},
        {"role": "assistant", "content": "hi", "name": "demo"},
        {"role": "assistant", "content": [{"type": "text", "text": "again"}]},
        {**HELLO, "name": None},
        {"role": "user", "content": "bye", "name": ""},
    )
    assert told == [
        ("user (alice)", "hello"), ("assistant (demo)", "hi"), ("assistant", "again"), ("user", "hello"),
        ("user", "bye"),
    ]  # fmt: skip


def test_instructions_go_into_the_system_prompt_wherever_they_stand_and_are_no_turns():
    conversation = asked(
        {"role": "system", "content": "One.", "name": "rules"},
        HELLO,
        {"role": "developer", "content": [{"type": "text", "text": "Two."}, {"type": "text", "text": "Three."}]},
    ).conversation
    assert conversation.system == ("One.", "Two.\n\nThree.")
    assert conversation.prompt == "hello"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("hello", "hello"),
        ([{"type": "text", "text": "a"}], "a"),
        ([{"type": "input_text", "text": "a"}, {"type": "output_text", "text": "b"}], "a\n\nb"),
        ([{"type": "text", "text": "a\n"}, {"type": "refusal", "refusal": "no"}], "a\n\n\nno"),
    ],
)
def test_parts_of_text_are_joined_by_a_blank_line(content, text):
    assert turns({"role": "user", "content": content}) == [("user", text)]


def test_calls_of_tools_and_their_results_are_turns_of_their_own_that_name_the_tool_and_the_call():
    told = turns(
        HELLO,
        {"role": "assistant", "content": "Let me look.", "tool_calls": [CALL, CUSTOM]},
        {"role": "tool", "tool_call_id": "call_2", "content": "file"},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "x"}]},
        {"role": "tool", "tool_call_id": "call_9", "content": ""},
    )
    assert told[1:] == [
        ("assistant", "Let me look."),
        ("assistant calls grep (call_1)", '{"for":"x"}'),
        ("assistant calls shell (call_2)", "ls"),
        ("result of shell (call_2)", "file"),
        ("result of grep (call_1)", "x"),
        ("result of a tool (call_9)", ""),
    ]


def test_calls_of_functions_and_their_results_are_told_alike():
    told = turns(
        HELLO,
        {"role": "assistant", "content": None, "function_call": {"name": "grep", "arguments": "{}"}},
        {"role": "function", "name": "grep", "content": "found"},
        {"role": "function", "name": "grep", "content": None},
    )
    assert told[1:] == [("assistant calls grep", "{}"), ("result of grep", "found"), ("result of grep", "")]


def test_what_is_said_of_a_call_may_be_next_to_nothing():
    told = turns(HELLO, {"role": "assistant", "tool_calls": [{}, {"function": {"name": "f"}}]})
    assert told[1:] == [("assistant calls a tool", ""), ("assistant calls f", "")]


def test_an_assistant_that_says_nothing_has_no_turn_and_a_refusal_is_what_it_said():
    told = turns(
        HELLO,
        {"role": "assistant", "content": None, "audio": None, "tool_calls": None, "function_call": None},
        {"role": "assistant", "content": ""},
        {"role": "assistant"},
        {"role": "assistant", "content": None, "refusal": "I will not."},
        {"role": "assistant", "content": "", "refusal": None},
    )
    assert told == [("user", "hello"), ("assistant", "I will not.")]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Be brief."}],
        [{"role": "developer", "content": []}],
        [{"role": "user", "content": ""}],
        [{"role": "user", "content": " \n"}, {"role": "assistant", "content": None}],
        [{"role": "user", "content": []}],
    ],
)
def test_a_conversation_that_says_nothing_to_answer_is_a_fault_of_the_request(messages):
    problem = refusal(*messages)
    (fault,) = problem.faults
    assert (problem.kind, fault.path) == (Kind.INVALID_REQUEST, "/messages")
    assert "instructions alone ask for nothing" in fault.expected


@pytest.mark.parametrize(
    ("part", "what"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.com/x.png"}}, "an image"),
        ({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA", "detail": "low"}}, "an image"),
        ({"type": "file", "file": {"file_id": "file-1"}}, "a file"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "sound"),
    ],
)
def test_a_part_that_is_no_text_is_refused_by_its_place_with_the_name_of_the_backend(part, what):
    problem = refusal(HELLO, {"role": "user", "content": [{"type": "text", "text": "see"}, part]})
    assert problem.kind is Kind.UNSUPPORTED
    assert problem.detail == (
        f"/messages/1/content/1 is {what}, which the backend 'claude' is not given here (expected text)"
    )
    assert problem.body("req_1")["error"]["param"] == "messages.1.content.1"


def test_the_sound_of_an_earlier_answer_is_refused_since_it_cannot_be_read():
    problem = refusal(HELLO, {"role": "assistant", "content": None, "audio": {"id": "audio_1"}})
    assert (problem.kind, problem.faults[0].path) == (Kind.UNSUPPORTED, "/messages/1/audio")


@pytest.mark.parametrize(
    "fields",
    [
        {"logprobs": True},
        {"top_logprobs": 1},
        {"modalities": ["text", "audio"]},
        {"audio": {"voice": "alloy", "format": "wav"}},
        {"tool_choice": "required"},
        {"tool_choice": {"type": "function", "function": {"name": "grep"}}},
        {"function_call": {"name": "grep"}},
        {"response_format": {"type": "json_object"}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": {}}}},
    ],
    ids=str,
)
def test_what_would_be_answered_otherwise_than_its_client_relies_on_is_refused(fields):
    (name,) = fields
    problem = refusal(**fields)
    assert (problem.kind, problem.status, problem.faults[0].path) == (Kind.UNSUPPORTED, 400, f"/{name}")
    assert SCHEMA["properties"][name][TREATMENT] == "refused"
    assert problem.body("req_1")["error"]["code"] == "unsupported_parameter"


HARMLESS = {
    "logprobs": False, "top_logprobs": 0, "modalities": ["text"], "tool_choice": "auto", "function_call": "none",
    "response_format": {"type": "text"},
}  # fmt: skip


def test_what_is_refused_is_fine_where_it_asks_for_nothing_special():
    assert asked(**HARMLESS).ignored == ()
    assert asked(tool_choice="none", function_call="auto").ignored == ()


def test_null_is_as_good_as_absent_in_every_field_but_the_required_ones():
    nothing = dict.fromkeys(set(SCHEMA["properties"]) - set(SCHEMA["required"]))
    assert asked(**nothing) == asked()


@pytest.mark.parametrize("required", ["model", "messages"])
def test_what_is_required_cannot_be_null(required):
    (fault,) = CHECKER.faults({"model": "m", "messages": [HELLO], required: None})
    assert fault.path == f"/{required}"


def test_whatever_has_no_effect_is_accepted_and_named():
    sent = {
        "temperature": "hot",
        "n": 3,
        "tools": [{}],
        "max_tokens": 5,
        "user": 7,
        "of_tomorrow": {},
        "seed": None,
    }
    ask = asked(**sent, stream=True, stop="x")
    assert ask.ignored == ("temperature", "n", "tools", "user", "of_tomorrow")


def test_every_field_says_what_becomes_of_it_and_those_without_effect_take_anything():
    treatments = {name: told[TREATMENT] for name, told in SCHEMA["properties"].items()}
    assert set(treatments.values()) == {"honoured", "advisory", "ignored", "refused"}
    odd = {name: {"odd": [1.5]} for name, treatment in treatments.items() if treatment == "ignored"}
    of_lists = {"tools": [], "functions": []}
    assert set(asked(**odd | of_lists).ignored) == set(odd)


@pytest.mark.parametrize(
    ("stop", "stops"),
    [(None, ()), ("END", ("END",)), (["a", "b"], ("a", "b")), ([], ()), (["x"] * 16, ("x",) * 16)],
)
def test_one_stop_sequence_or_several_are_taken(stop, stops):
    assert asked(stop=stop).stops == stops


@pytest.mark.parametrize(
    "wrong",
    [
        {"stop": ""}, {"stop": ["a", ""]}, {"stop": ["x"] * 17}, {"stop": 5}, {"max_tokens": 0},
        {"max_completion_tokens": 1.5}, {"max_tokens": "5"}, {"stream": "yes"}, {"model": ""}, {"model": "a\0b"},
        {"model": "x" * 257}, {"messages": []}, {"messages": "hello"}, {"reasoning_effort": ""},
        {"stream_options": {"include_usage": 1}}, {"dry_run": "no"}, {"tools": {}},
        {"messages": [{"role": "tool", "content": "x"}]}, {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": None}]}, {"messages": [{"content": "x"}]},
        {"messages": [{"role": "nobody", "content": "x"}]}, {"messages": [{"role": "function", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "smell"}]}]},
        {"messages": [{"role": "user", "content": [{"type": "text"}]}]},
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_value_of_what_has_an_effect_is_a_fault_at_its_place(wrong):
    ((name, _),) = wrong.items()
    faults = CHECKER.faults({"model": "m", "messages": [HELLO], **wrong})
    assert faults
    assert all(fault.path.startswith(f"/{name}") for fault in faults)


def test_of_two_limits_of_tokens_the_newer_name_counts():
    assert asked(max_tokens=5).max_tokens == 5
    assert asked(max_completion_tokens=7).max_tokens == 7
    assert asked(max_tokens=5, max_completion_tokens=7).max_tokens == 7
    assert asked(max_tokens=5, max_completion_tokens=None).max_tokens == 5


@pytest.mark.parametrize(
    ("fields", "effort", "reasoning"),
    [
        ({}, None, False),
        ({"reasoning_effort": "low"}, "low", True),
        ({"reasoning_effort": "none"}, "none", False),
        ({"include_reasoning": True}, None, True),
        ({"reasoning_effort": "none", "include_reasoning": True}, "none", True),
        ({"reasoning_effort": "high", "include_reasoning": False}, "high", False),
    ],
)
def test_reasoning_is_told_to_whoever_asks_for_an_effort_or_for_itself(fields, effort, reasoning):
    ask = asked(**fields)
    assert (ask.effort, ask.reasoning, ask.effort_field) == (effort, reasoning, "reasoning_effort")


def test_the_model_stays_as_it_was_asked_for_and_so_do_the_ways_to_answer():
    ask = asked(model="vendor/claude:x", stream=True, dry_run=True)
    assert (ask.model, ask.stream, ask.dry_run) == ("vendor/claude:x", True, True)
    assert not asked(stream=False, dry_run=False).stream


def test_the_same_conversation_is_the_same_prompt():
    messages = [HELLO, {"role": "assistant", "content": None, "tool_calls": [CALL]}]
    assert conversation(messages, "a").prompt == conversation(messages, "b").prompt
    assert "=== assistant calls grep (call_1)" in conversation(messages, "a").prompt
