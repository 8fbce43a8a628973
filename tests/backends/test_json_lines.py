"""JSON lines, as CLIs write them: nothing in one can raise, and what it gives can be sent on."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.backends import json_lines
from clinvk.backends.json_lines import Malformed
from clinvk.domain.events import Notice

texts = st.text(st.characters(exclude_categories=()), max_size=6)
leaves = st.none() | st.booleans() | st.integers() | st.floats() | texts
values = leaves | st.lists(leaves, max_size=2) | st.dictionaries(texts, leaves, max_size=2)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"a": 1}', {"a": 1}),
        (b' {"a": 1}\r', {"a": 1}),
        (b'{"a": "\xc3\xa9"}', {"a": "\u00e9"}),
        (b'{"a": "\xff\xc3"}', {"a": "\ufffd\ufffd"}),
        (b'{"a": "\\ud800"}', {"a": "\ufffd"}),
        (b'{"a": ["x\\udc00y\\ud83d\\ude00"]}', {"a": ["x\ufffdy\U0001f600"]}),
        (b'{"\\ud800": 1}', {"\ufffd": 1}),
        (b'{"a": "\xed\xa0\x80"}', {"a": "\ufffd\ufffd\ufffd"}),
    ],
)
def test_an_object_is_a_message_and_what_utf_8_cannot_carry_is_replaced(line, message):
    assert json_lines.parse(line) == message


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"plain text",
        b'{"half": ',
        b'["a", "list"]',
        b'"text"',
        b"12",
        b"null",
        b"\xff\xfe",
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b'{"a": "a\ttab"}',
        b'{"a": 1} {"b": 2}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"a": ' + b"9" * 5000 + b', "b": "\xff"}',
    ],
)
def test_what_is_no_object_is_no_message(line):
    assert json_lines.parse(line) is None


@given(st.binary())
def test_no_bytes_can_make_it_raise(line):
    message = json_lines.parse(line)
    assert message is None or orjson.dumps(message)
    assert orjson.dumps(json_lines.unknown(line).message)


@given(st.dictionaries(texts, values, max_size=3))
def test_whatever_a_json_encoder_wrote_can_be_sent_on(written):
    message = json_lines.parse(json.dumps(written).encode())
    assert message is None or json.loads(orjson.dumps(message)) is not None


@given(st.dictionaries(st.text(), st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text()))
def test_what_is_encoded_is_one_line_and_parsed_alike(message):
    line = json_lines.encode(message)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert json_lines.parse(line[:-1]) == message


def test_text_that_utf_8_cannot_carry_can_be_encoded():
    assert json_lines.encode({"prompt": "\ud800"}) == b'{"prompt": "\\ud800"}\n'


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (b"short", "short"),
        (b"x" * 5000, "x" * 200),
        ("\u00e9".encode() * 5000, "\u00e9" * 200),
        ("\U0001f600".encode() * 5000, "\U0001f600" * 200),
        (b"\xff" * 5000, "\ufffd" * 200),
    ],
)
def test_an_unknown_line_is_told_as_far_as_a_person_would_read(line, told):
    assert json_lines.unknown(line) == Notice(f"The CLI wrote: {told}")


@pytest.mark.parametrize("value", [None, 1, True, ["a"], {}])
def test_a_text_is_a_string(value):
    with pytest.raises(Malformed, match=r"^a$"):
        json_lines.text({"a": value}, "a")
    with pytest.raises(Malformed, match=r"^a$"):
        json_lines.text({}, "a")
    assert json_lines.text({"a": ""}, "a") == ""


@pytest.mark.parametrize("value", [None, True, -1, 1.0, "1", 2**53 + 1, 1e40])
def test_a_count_is_a_number_every_reader_can_hold(value):
    with pytest.raises(Malformed, match=r"^a$"):
        json_lines.count({"a": value}, "a")


def test_a_count_that_is_not_told_is_0():
    assert json_lines.count({}, "a") == 0
    assert json_lines.count({"a": 2**53}, "a") == 2**53


@pytest.mark.parametrize(
    ("value", "amount"),
    [(0, 0.0), (1.5, 1.5), (3600, 3600.0), (-1, None), (True, None), ("1", None), (None, None), (1e999, None)],
)
def test_an_amount_is_a_finite_number_of_no_less_than_0(value, amount):
    assert json_lines.amount(value) == amount


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), ("a string", "a string"), ({"a": [1, True]}, '{"a":[1,true]}'), (1.5, "1.5"), ([], "[]")],
)
def test_any_value_is_told_as_text(value, text):
    assert json_lines.as_text(value) == text


def test_a_value_nested_too_deeply_is_malformed():
    message = json_lines.parse(b'{"a": ' + b"[" * 1000 + b"]" * 1000 + b"}")
    with pytest.raises(Malformed, match=r"^nested too deeply$"):
        json_lines.as_text(message["a"])
