"""What a request for a message means: pure, so every form of it is tried here."""

import pytest

from clinvk.api.anthropic import counting, translate
from clinvk.api.problems import Kind, Problem
from clinvk.domain.conversation import Turn
from clinvk.schemas import Schemas

CHECKER = Schemas().checker("anthropic/messages-request")
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look", "input": {"where": "Zürich"}}


def text(words):
    return {"type": "text", "text": words}


def body(*messages, **fields):
    said = [{"role": role, "content": content} for role, content in messages or [("user", "hello")]]
    made = {"model": "claude", "max_tokens": 100, "messages": said, **fields}
    assert CHECKER.faults(made) == []
    return made


def ask(*messages, **fields):
    return translate.to_ask(body(*messages, **fields), "claude", ())


def turns(*messages):
    return [(turn.speaker, turn.text) for turn in ask(*messages).conversation.turns]


def test_a_lone_message_is_the_prompt_as_it_is():
    assert ask(("user", "  hello\n")).conversation.prompt == "  hello\n"
    assert ask(("user", [text("  hello\n")])).conversation.prompt == "  hello\n"


def test_blocks_of_the_user_are_apart_and_those_of_an_answer_go_on():
    assert turns(("user", [text("one"), text(""), text("two")])) == [("user", "one\n\ntwo")]
    assert turns(("assistant", [text("Cats "), text("sleep.")])) == [("assistant", "Cats sleep.")]


def test_a_call_and_its_result_are_turns_of_their_own_in_their_order():
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "snow"}
    assert turns(
        ("user", "look"), ("assistant", [text("I look."), CALL, text("Wait.")]), ("user", [result, text("And?")])
    ) == [
        ("user", "look"),
        ("assistant", "I look."),
        ("assistant calls look (toolu_1)", '{"where":"Zürich"}'),
        ("assistant", "Wait."),
        ("result of look (toolu_1)", "snow"),
        ("user", "And?"),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [("snow", "snow"), ([text("snow"), text("fog")], "snow\n\nfog"), ("", ""), (None, ""), ([], "")],
)
def test_a_result_is_text_or_blocks_or_nothing(content, told):
    assert turns(("user", [{"type": "tool_result", "tool_use_id": "t", "content": content}])) == [
        ("result of a tool (t)", told)
    ]


@pytest.mark.parametrize(("is_error", "told"), [(True, ", which failed"), (False, ""), (None, "")])
def test_a_result_says_that_its_tool_failed(is_error, told):
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "is_error": is_error}
    assert turns(("assistant", [CALL]), ("user", [result]))[1] == (f"result of look (toolu_1){told}", "")


def test_what_a_search_found_is_told_with_its_title_and_source():
    found = {"type": "search_result", "title": "Cats", "source": "cats.txt", "content": [text("A"), text("B")]}
    assert turns(("user", [found])) == [("user", "Cats (cats.txt)\nA\n\nB")]


def test_thoughts_are_left_out():
    thoughts = [
        {"type": "thinking", "thinking": "hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "x"},
    ]
    assert turns(("user", "hi"), ("assistant", [*thoughts, text("ho")])) == [("user", "hi"), ("assistant", "ho")]


@pytest.mark.parametrize("system", ["Be brief.", [text("Be brief.")]])
def test_instructions_are_gathered_wherever_they_stand(system):
    asked = ask(("user", "hi"), ("system", "In French."), ("system", [text("In"), text("verse.")]), system=system)
    assert asked.conversation.system_prompt == "Be brief.\n\nIn French.\n\nIn\n\nverse."
    assert asked.conversation.turns == (Turn("user", "hi"),)


@pytest.mark.parametrize("system", ["", None, []])
def test_no_instructions_are_none(system):
    assert ask(system=system).conversation.system_prompt is None


@pytest.mark.parametrize("content", ["", [], [text("")], [{"type": "redacted_thinking", "data": "x"}]])
def test_a_conversation_without_a_word_is_refused(content):
    with pytest.raises(Problem) as refused:
        ask(("user", content), system="Be brief.")
    assert (refused.value.kind, refused.value.faults[0].path) == (Kind.INVALID_REQUEST, "/messages")


@pytest.mark.parametrize(
    ("content", "path", "what"),
    [
        ([text("see"), IMAGE], "/messages/1/content/1", "an image"),
        ([{"type": "document", "source": {}}], "/messages/1/content/0", "a document"),
        (
            [{"type": "tool_result", "tool_use_id": "t", "content": [text("x"), IMAGE]}],
            "/messages/1/content/0/content/1",
            "an image",
        ),
    ],
)
def test_what_no_backend_is_given_is_refused_by_its_place(content, path, what):
    with pytest.raises(Problem) as refused:
        ask(("user", "hi"), ("user", content))
    (fault,) = refused.value.faults
    assert refused.value.kind is Kind.UNSUPPORTED
    assert (fault.path, fault.message) == (path, f"is {what}, which the backend 'claude' is not given here")


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"tool_choice": {"type": "any"}}, "/tool_choice/type"),
        ({"tool_choice": {"type": "tool", "name": "look"}}, "/tool_choice/type"),
        ({"mcp_servers": [{"type": "url"}]}, "/mcp_servers"),
        ({"output_config": {"format": {"type": "json_schema", "schema": {}}}}, "/output_config/format"),
        ({"output_format": {"type": "json_schema", "schema": {}}}, "/output_format"),
    ],
)
def test_what_cannot_be_had_is_refused_by_its_name(fields, path):
    with pytest.raises(Problem) as refused:
        ask(**fields)
    assert (refused.value.kind, refused.value.faults[0].path) == (Kind.UNSUPPORTED, path)


@pytest.mark.parametrize(
    "fields",
    [
        {"tool_choice": {"type": "auto"}, "tools": [{}]},
        {"tool_choice": {"type": "none"}, "mcp_servers": []},
        {"output_config": {"format": None}, "output_format": None},
        dict.fromkeys(
            ["system", "stream", "stop_sequences", "thinking", "output_config", "mcp_servers", "tool_choice"]
        ),
    ],
)
def test_what_asks_for_nothing_special_is_taken(fields):
    assert ask(**fields) == ask()


@pytest.mark.parametrize(
    ("thinking", "wanted"),
    [
        ({"type": "enabled", "budget_tokens": 1024}, True),
        ({"type": "adaptive"}, True),
        ({"type": "between_tools", "display": "summarized"}, True),
        ({"type": "adaptive", "display": "omitted"}, False),
        ({"type": "disabled"}, False),
        (None, False),
    ],
)
def test_thoughts_are_wanted_where_the_client_says_so(thinking, wanted):
    assert ask(thinking=thinking).reasoning is wanted


def test_the_rest_is_taken_as_it_is_said():
    asked = translate.to_ask(
        body(
            stream=True, dry_run=True, stop_sequences=["END", "\n"], output_config={"effort": "high"}
        ), "claude", ("top_k",),
    )  # fmt: skip
    assert (asked.model, asked.max_tokens, asked.stops) == ("claude", 100, ("END", "\n"))
    assert (asked.effort, asked.effort_field) == ("high", "output_config")
    assert (asked.stream, asked.dry_run, asked.ignored) == (True, True, ("top_k",))


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"stop_sequences": [""]}, "/stop_sequences/0"),
        ({"stop_sequences": "END"}, "/stop_sequences"),
        ({"thinking": {"type": "much"}}, "/thinking/type"),
        (
            {"messages": [{"role": "user", "content": [{"type": "container_upload"}]}]},
            "/messages/0/content/0/type",
        ),
        ({"messages": [{"role": "user", "content": [{"text": "x"}]}]}, "/messages/0/content/0/type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "/messages/0/content/0/text"),
        ({"messages": [{"role": "user", "content": None}]}, "/messages/0/content"),
        ({"system": [IMAGE]}, "/system/0/type"),
    ],
)
def test_what_is_wrong_is_found_by_the_schema(fields, place):
    assert place in [fault.path for fault in CHECKER.faults({**body(), **fields})]


@pytest.mark.parametrize(
    ("words", "tokens"),
    [
        ("", 1),
        ("abcd", 1),
        ("abcde", 2),
        ("é" * 4, 2),
        ("日本語", 3),
        ("😀", 2),
        ("abc😀日é", 5),
        ("a" * 4000, 1000),
    ],
)
def test_tokens_are_estimated_by_the_characters(words, tokens):
    assert counting.tokens(words) == tokens
