"""A request for a response, as what is wanted: pure."""

import pytest

from clinvk.api.dialects.ask import TREATMENT, ignored
from clinvk.api.openai.responses import REQUEST
from clinvk.api.openai.responses_translate import to_ask, to_asked
from clinvk.api.openai.responses_voice import Asked
from clinvk.api.problems import Kind, Problem
from clinvk.domain.conversation import Conversation, Turn
from clinvk.schemas import Schemas

SCHEMA = Schemas().documents[REQUEST]
CHECKER = Schemas().checker(REQUEST)
HELLO = {"role": "user", "content": "hello"}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "grep", "arguments": '{"for":"x"}'}
RESULT = {"type": "function_call_output", "call_id": "call_1", "output": "two lines"}
IMAGE = {"type": "input_image", "image_url": "data:image/png;base64,AA=="}


def asked(*items, **fields):
    """What such a request wants, of the backend claude. Its body must be right by the schema."""
    body = {"model": "m", "input": list(items) or "hello", **fields}
    assert CHECKER.faults(body) == []
    return to_ask(body, "claude", ignored(body, SCHEMA))


def turns(*items):
    return [(turn.speaker, turn.text) for turn in asked(*items).conversation.turns]


def refusal(*items, **fields):
    with pytest.raises(Problem) as caught:
        asked(*items, **fields)
    return caught.value


def paths(problem):
    return [fault.path for fault in problem.faults]


@pytest.mark.parametrize(
    "said",
    [
        "hello",
        [HELLO],
        [{**HELLO, "type": "message"}],
        [{**HELLO, "type": None}],
        [{"role": "user", "content": [{"type": "input_text", "text": "hello"}]}],
    ],
)
def test_a_lone_message_of_a_user_is_the_prompt_as_it_is_in_every_form(said):
    assert asked(input=said).conversation == Conversation((Turn("user", "hello"),))
    assert asked(input=said).conversation.prompt == "hello"


def test_instructions_come_before_those_in_the_input_wherever_these_stand():
    told = asked(HELLO, {"role": "developer", "content": "Two."}, {"role": "system", "content": "Three."},
                 instructions="One.").conversation  # fmt: skip
    assert told == Conversation((Turn("user", "hello"),), ("One.", "Two.", "Three."))
    assert told.system_prompt == "One.\n\nTwo.\n\nThree."


def test_an_answer_of_ours_can_be_sent_back_as_it_came():
    part = {"type": "output_text", "text": "hello to you", "annotations": [], "logprobs": []}
    message = {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [part]}
    reasoning = {"type": "reasoning", "id": "rs_1", "status": None, "summary": [], "encrypted_content": None}
    assert turns(HELLO, reasoning, message, HELLO) == [
        ("user", "hello"),
        ("assistant", "hello to you"),
        ("user", "hello"),
    ]


def test_calls_and_their_results_are_turns_of_their_own_and_a_result_names_its_call():
    assert turns(HELLO, CALL, RESULT) == [
        ("user", "hello"),
        ("assistant calls grep (call_1)", '{"for":"x"}'),
        ("result of grep (call_1)", "two lines"),
    ]


def test_a_result_may_come_in_parts_and_without_its_call():
    parts = [{"type": "input_text", "text": "one"}, {"type": "output_text", "text": "two"}]
    assert turns(HELLO, {**RESULT, "output": parts})[1:] == [("result of a tool (call_1)", "one\n\ntwo")]


def test_every_kind_of_text_is_text():
    parts = [
        {"type": "input_text", "text": "a"},
        {"type": "output_text", "text": "b"},
        {"type": "text", "text": "c"},
        {"type": "refusal", "refusal": "d"},
    ]
    assert turns({"role": "assistant", "content": parts}) == [("assistant", "a\n\nb\n\nc\n\nd")]


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (IMAGE, "an image"),
        ({"type": "input_file", "file_id": "file-1"}, "a file"),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, "sound"),
    ],
)
def test_what_is_no_text_is_refused_by_its_place_and_the_backend(part, what):
    problem = refusal(HELLO, {"role": "user", "content": [{"type": "input_text", "text": "see"}, part]})
    assert (problem.kind, paths(problem)) == (Kind.UNSUPPORTED, ["/input/1/content/1"])
    assert f"is {what}, which the backend 'claude' is not given here" in problem.detail


def test_what_is_no_text_in_a_result_is_refused_too():
    assert paths(refusal(HELLO, CALL, {**RESULT, "output": [IMAGE]})) == ["/input/2/output/0"]


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("previous_response_id", "resp_1", "/previous_response_id"),
        ("previous_response_id", "", "/previous_response_id"),
        ("conversation", "conv_1", "/conversation"),
        ("conversation", {"id": "conv_1"}, "/conversation"),
        ("prompt", {"id": "pmpt_1"}, "/prompt"),
        ("background", True, "/background"),
        ("tool_choice", "required", "/tool_choice"),
        ("tool_choice", {"type": "function", "name": "grep"}, "/tool_choice"),
        ("top_logprobs", 1, "/top_logprobs"),
        ("text", {"format": {"type": "json_object"}}, "/text/format"),
        ("text", {"format": {"type": "json_schema", "name": "x", "schema": {}}}, "/text/format"),
    ],
)
def test_what_cannot_be_had_is_refused_by_its_field(field, value, path):
    problem = refusal(**{field: value})
    assert (problem.kind, paths(problem)) == (Kind.UNSUPPORTED, [path])
    assert SCHEMA["properties"][field][TREATMENT] == "refused"
    assert f"{path} " in problem.detail


def test_an_item_by_its_id_is_refused():
    problem = refusal(HELLO, {"type": "item_reference", "id": "msg_1"})
    assert (problem.kind, paths(problem)) == (Kind.UNSUPPORTED, ["/input/1"])


@pytest.mark.parametrize(
    "fields",
    [
        {"background": False},
        {"tool_choice": "auto", "tools": [{"type": "function", "name": "grep"}]},
        {"tool_choice": "none"},
        {"top_logprobs": 0},
        {"text": {"format": {"type": "text"}, "verbosity": "low"}},
        {"text": {}},
        {"text": {"format": None}},
    ],
)
def test_what_asks_for_nothing_of_the_kind_passes(fields):
    assert asked(**fields).conversation.prompt == "hello"


@pytest.mark.parametrize("field", sorted(set(SCHEMA["properties"]) - {"model", "input"}))
def test_null_is_as_good_as_absent_in_every_field(field):
    assert asked(**{field: None}) == asked()


@pytest.mark.parametrize(
    "items",
    [
        [{"role": "system", "content": "Be brief."}],
        [{"type": "reasoning", "summary": []}],
        [{"role": "user", "content": []}],
        [{"role": "user", "content": " "}],
    ],
)
def test_an_input_that_says_nothing_is_a_fault_of_the_request(items):
    problem = refusal(*items, instructions="Be brief.")
    assert (problem.kind, paths(problem)) == (Kind.INVALID_REQUEST, ["/input"])


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"input": "hello"}, "/model"),
        ({"model": "m"}, "/input"),
        ({"model": "m", "input": None}, "/input"),
        ({"model": "m", "input": ""}, "/input"),
        ({"model": "m", "input": []}, "/input"),
        ({"model": "m", "input": [{"role": "tool", "content": "x"}]}, "/input/0/role"),
        ({"model": "m", "input": [{"type": "message", "role": "tool", "content": "x"}]}, "/input/0/role"),
        ({"model": "m", "input": [{"role": "user"}]}, "/input/0/content"),
        ({"model": "m", "input": [{"type": "no_such", "role": "user", "content": "x"}]}, "/input/0/type"),
        ({"model": "m", "input": [{**HELLO, "content": [{"type": "no_such"}]}]}, "/input/0/content/0/type"),
        ({"model": "m", "input": "x", "max_output_tokens": 0}, "/max_output_tokens"),
        ({"model": "m", "input": "x", "max_output_tokens": 1.5}, "/max_output_tokens"),
        ({"model": "m", "input": "x", "stream": "yes"}, "/stream"),
    ],
)
def test_a_body_that_breaks_the_schema_is_told_where(body, path):
    assert [fault.path for fault in CHECKER.faults(body)] == [path]


def test_what_has_no_effect_is_named_known_or_not():
    sent = {
        "temperature": 0.2, "top_p": 1, "store": True, "include": [], "tools": [], "user": "alice",
        "max_output_tokens": 1, "parallel_tool_calls": False, "no_such_field": 1, "truncation": None,
    }  # fmt: skip
    assert set(asked(**sent).ignored) == set(sent) - {"truncation", "max_output_tokens"}
    assert asked(**sent).max_tokens == 1


@pytest.mark.parametrize(
    ("reasoning", "effort", "wanted"),
    [
        (None, None, False),
        ({}, None, False),
        ({"effort": "high"}, "high", False),
        ({"effort": None, "summary": None}, None, False),
        ({"effort": "low", "summary": "auto"}, "low", True),
        ({"summary": "concise"}, None, True),
        ({"summary": "detailed"}, None, True),
    ],
)
def test_reasoning_is_told_only_if_a_summary_is_asked_for(reasoning, effort, wanted):
    ask = asked(reasoning=reasoning)
    assert (ask.effort, ask.effort_field, ask.reasoning) == (effort, "reasoning", wanted)


def test_the_answer_repeats_what_was_asked():
    body = {
        "model": "vendor/m", "input": "hello", "instructions": "Be brief.", "max_output_tokens": 5,
        "reasoning": {"effort": "low", "summary": "auto"}, "metadata": {"ticket": "42"},
    }  # fmt: skip
    assert to_asked(body) == Asked("vendor/m", "Be brief.", 5, "low", "auto", {"ticket": "42"})
    assert to_asked({"model": "m", "input": "x", "reasoning": None, "metadata": None}) == Asked("m")


def test_every_field_says_what_becomes_of_it():
    treatments = {told[TREATMENT] for told in SCHEMA["properties"].values()}
    assert treatments == {"honoured", "advisory", "ignored", "refused"}
    assert SCHEMA.get("additionalProperties", True) is True
