"""JSON by the letter: what orjson takes is read a second time, and means the same then."""

import json
import math

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.api import jsontext
from clinvk.api.body import Body
from clinvk.domain.errors import Fault, InvalidInput
from clinvk.schemas import Schemas

NUMBERS = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner),
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1]))
def test_a_value_that_was_written_is_read_and_nothing_is_doubtful(value, ascii_only, indent):
    data = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    assert jsontext.parse(data) == value
    again, doubts = jsontext.reread(data)
    assert (again, bool(doubts)) == (value, False)


@given(st.binary(max_size=30) | st.text('{}[]",:0123456789.eE+-\\u \ntrufalsn').map(str.encode))
def test_whatever_bytes_come_they_are_a_value_or_a_fault(data):
    try:
        value = jsontext.parse(data)
    except InvalidInput as wrong:
        (fault,) = wrong.faults
        assert (fault.path, fault.expected) == ("", "one JSON object in UTF-8")
    else:
        again, doubts = jsontext.reread(data)
        assert doubts or again == value == orjson.loads(data)


@pytest.mark.parametrize(
    ("text", "number"),
    [("5", 5), ("5.0", 5), ("5e0", 5), ("50E-1", 5), ("-0.0", 0), ("9007199254740991.0", 2**53 - 1), ("1e2", 100)],
)
def test_a_number_without_a_fraction_is_an_integer_however_it_is_written(text, number):
    value, _ = jsontext.reread(text.encode())
    assert (value, type(value)) == (number, int)


def test_a_body_is_what_was_meant_not_what_was_checked_first():
    body = Body(1000)
    body.add(b'{"backend": "demo", "prompt": "x", "max_turns": 5.0, ')
    body.add(b'"timeout_secs": 1e1, "metadata": {"a": "5.0"}}')
    value = body.value(Schemas().checker("native/prompt-request"))
    assert json.dumps([value["max_turns"], value["timeout_secs"], value["metadata"]]) == '[5, 10, {"a": "5.0"}]'


@pytest.mark.parametrize("text", ["5.5", "1e-400", "1e30", "9007199254740993.0", "-1.5e300"])
def test_other_numbers_are_floats(text):
    value, doubts = jsontext.reread(text.encode())
    assert (value, bool(doubts)) == (float(text), False)
    assert isinstance(value, float) or math.isclose(value, 0)


@pytest.mark.parametrize("number", [2**64, -(2**63) - 1, 10**300])
def test_an_integer_beyond_64_bits_is_doubtful(number):
    _, doubts = jsontext.reread(json.dumps({"a": [number]}).encode())
    (doubt,) = doubts.huge
    assert (doubt.path, doubt.expected) == ("/a/0", "-9223372036854775808 to 18446744073709551615")


def test_every_field_that_stands_twice_is_found_wherever_it_is():
    data = b'{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "e": 2, "d": {"f": 1, "f": 1}}], "a": {"g": 1, "g": 2}}'
    _, doubts = jsontext.reread(data)
    assert [doubt.path for doubt in doubts.twice] == ["/a", "/a/g", "/c/0/d", "/c/0/d/f"]
    assert set(doubts.twice) == {
        Fault(d.path, "stands in its object more than once", "each field once") for d in doubts.twice
    }


def test_of_many_doubts_the_first_are_told():
    _, doubts = jsontext.reread(b"[" + b",".join([b'{"a":1,"a":1}'] * 1000) + b"]")
    assert [doubt.path for doubt in doubts.twice] == [f"/{n}/a" for n in range(50)]


def test_values_may_stand_in_one_another_up_to_a_limit():
    inner = (jsontext.DEPTH - 2) * b"[" + b"{}" + (jsontext.DEPTH - 2) * b"]"
    assert jsontext.parse(b'{"a":' + inner + b"}") == orjson.loads(b'{"a":' + inner + b"}")
    with pytest.raises(InvalidInput, match="deeper than 64"):
        jsontext.parse(b'{"a":[' + inner + b"]}")


FULL = jsontext.VALUES - 1


@pytest.mark.parametrize("some", [b"1", b'"a,[{"', b'"\\\\"', b'"\\",["', b"[]", b"{ }", b"-1.5e3"])
def test_the_values_of_a_text_are_counted_to_the_last(some):
    assert len(jsontext.parse(b"[" + b",".join([some] * FULL) + b"]")) == FULL
    with pytest.raises(InvalidInput, match="holds more than 100,000 values"):
        jsontext.parse(b"[" + b" , ".join([some] * (FULL + 1)) + b"]")


def test_names_are_no_values():
    text = b"{" + b",".join(b'"%d,": "[,"' % n for n in range(FULL)) + b"}"
    assert len(jsontext.parse(text)) == FULL


@pytest.mark.parametrize("piece", ['{"a": [1, 2], "b": {}}', '",', '"[', "\\,", '\\",{[', "\n,"])
def test_a_long_string_is_one_value_whatever_is_in_it(piece):
    prompt = piece * jsontext.VALUES
    assert jsontext.parse(json.dumps({"prompt": prompt}).encode()) == {"prompt": prompt}


def test_too_many_values_are_refused_before_they_are_read(monkeypatch):
    monkeypatch.setattr(orjson, "loads", lambda _: pytest.fail("it was read"))
    for some in (b"1", b'"x"', b"[]", b'{"a":1}'):
        with pytest.raises(InvalidInput, match="holds more"):
            jsontext.parse(b"[" + b",".join([some] * (FULL + 1)) + b"]")
