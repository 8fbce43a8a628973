"""Why a value is not right: every place, by the part of the schema that was meant, in words."""

import jsonschema_rs
import pytest

from clinvk.schemas import Checker, Schemas

SCHEMAS = Schemas()


@pytest.mark.parametrize(
    ("schema", "value", "told"),
    [
        ({"type": ["null", "array"]}, 1, "null or an array"),
        ({"const": "a"}, "b", '"a"'),
        ({"minItems": 2}, [1], "at least 2 items"),
        ({"minLength": 3}, "ab", "at least 3 characters"),
        ({"maxLength": 1}, "ab", "at most 1 characters"),
        ({"pattern": "^a"}, "b", "text that matches ^a"),
        ({"uniqueItems": True}, [1, 1], "each item once"),
        ({"not": {"description": "It is gone."}}, 1, "no such field: It is gone."),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, "a value that the schema allows"),
    ],
)
def test_what_would_be_right_is_told_in_words(schema, value, told):
    (fault,) = Checker(schema).faults(value)
    assert (fault.path, fault.expected) == ("", told)


def test_an_unknown_field_is_named_with_those_known_at_its_place():
    inner = {"type": "object", "properties": {"colour": {}, "size": {}}, "additionalProperties": False}
    schema = {
        "properties": {"list": {"items": inner}, "map": {"additionalProperties": inner}, "one": {"allOf": [inner]}}
    }
    value = {"list": [{"color": 1}], "map": {"a/b": {"siez": 1}}, "one": {"nothing": 1}}
    told = {fault.path: fault.expected for fault in Checker(schema).faults(value)}
    assert told == {
        "/list/0/color": "perhaps 'colour'",
        "/map/a~1b/siez": "perhaps 'size'",
        "/one/nothing": "a field of the schema: colour, size",
    }


def test_an_unknown_field_behind_references_is_compared_with_those_known_there():
    run = SCHEMAS.documents["domain/run"]["examples"][0]
    wrong = {
        **run,
        "token_usage": {**run["token_usage"], "cost_usdd": 1},
        "exit": {"stderr_tail": "", "singal": ""},
    }
    page = {"runs": [run, wrong], "total": 2, "limit": 50, "offset": 0}
    told = {fault.path: fault.expected for fault in SCHEMAS.checker("native/run-list").faults(page)}
    assert told == {
        "/runs/1/token_usage/cost_usdd": "perhaps 'cost_usd'",
        "/runs/1/exit/singal": "perhaps 'signal'",
    }


UNION = {
    "oneOf": [
        {
            "type": "object",
            "properties": {"type": {"const": "text"}, "text": {"type": "string"}},
            "required": ["type", "text"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "properties": {"type": {"const": "image"}, "size": {"type": "integer"}},
            "required": ["type", "size"],
        },
        {"type": "string", "minLength": 1},
    ]
}


@pytest.mark.parametrize(
    ("value", "told"),
    [
        ({"type": "text", "text": 1}, ("/text", "1 has the wrong type", "a string")),
        ({"type": "text", "text": "", "txet": 1}, ("/txet", "is not a known field", "perhaps 'text'")),
        ({"type": "image", "size": "x"}, ("/size", '"x" has the wrong type', "an integer")),
        ({"type": "image"}, ("/size", "is missing", "a value: the field is required")),
        (
            {"type": "txt"},
            ("/type", '"txt" is not one of the values allowed', 'perhaps "text": one of "text", "image"'),
        ),
        ({"type": 1}, ("/type", "1 is not one of the values allowed", 'one of "text", "image"')),
        ({"text": "x"}, ("/type", "is missing", 'one of "text", "image"')),
        ("", ("", '"" is too short', "some text")),
        (None, ("", "null has the wrong type", "an object or a string")),
    ],
)
def test_the_faults_of_a_union_are_those_of_the_one_that_was_meant(value, told):
    (fault,) = Checker({"type": "array", "items": UNION}).faults([{"type": "text", "text": "x"}, value])
    assert (fault.path.removeprefix("/1"), fault.message, fault.expected) == told


def test_of_a_union_with_one_that_has_no_constant_that_one_was_meant_where_none_is_sent():
    checker = SCHEMAS.checker("native/prompt-response")
    assert {fault.path for fault in checker.faults({"run_id": 1})} >= {"/run_id", "/exit_code"}
    assert {fault.path for fault in checker.faults({"dry_run": True})} == {"/backend", "/command"}
    (fault,) = checker.faults({"dry_run": "yes"})
    assert (fault.path, fault.expected) == ("/dry_run", "true")


def test_the_order_of_a_union_does_not_matter():
    plain = {"type": "object", "properties": {"size": {"type": "integer"}}, "required": ["size"]}
    text = UNION["oneOf"][0]
    for union in ([plain, text], [text, plain]):
        checker = Checker({"oneOf": union})
        assert {fault.path for fault in checker.faults({"type": "text", "text": 1})} == {"/text"}
        assert {fault.path for fault in checker.faults({"size": "x"})} == {"/size"}


def test_a_union_that_is_kept_to_has_no_faults_whatever_else_has():
    options = [UNION["oneOf"][0], {"type": "object", "properties": {"size": {"type": "integer"}}}]
    faults = Checker({"oneOf": options, "required": ["size"]}).faults({"type": "other"})
    assert [(fault.path, fault.message) for fault in faults] == [("/size", "is missing")]


@pytest.fixture
def judged(monkeypatch):
    """What the library was asked about: one for each call."""
    calls = []
    real = jsonschema_rs.Draft202012Validator

    class Counting:
        def __init__(self, *schema, **options):
            self._real = real(*schema, **options)

        def is_valid(self, value):
            calls.append(value)
            return self._real.is_valid(value)

        def iter_errors(self, value):
            calls.append(value)
            return self._real.iter_errors(value)

    monkeypatch.setattr(jsonschema_rs, "Draft202012Validator", Counting)
    return calls


LIST = {"items": {"type": "string"}}
MAP = {"additionalProperties": {"type": "string"}, "propertyNames": {"maxLength": 9}}


@pytest.mark.parametrize(
    ("schema", "value", "path"),
    [
        (LIST | {"maxItems": 64}, ["x"] * 50_000, ""),
        (MAP | {"maxProperties": 64}, {str(n): "x" for n in range(50_000)}, ""),
        (LIST, [*["x"] * 49_999, 1], "/49999"),
        (MAP, {**{str(n): "x" for n in range(49_999)}, "last": 1}, "/last"),
        (MAP, {**{str(n): "x" for n in range(49_999)}, "too long a name": "x"}, "/too long a name"),
    ],
)
def test_what_is_right_is_not_judged_one_by_one(judged, schema, value, path):
    (fault,) = Checker(schema).faults(value)
    assert fault.path == path
    assert len(judged) < 2_000


def test_of_too_many_items_the_first_are_looked_at():
    faults = Checker(LIST | {"maxItems": 3}).faults(["x", 1, "x", 2])
    assert [(fault.path, fault.expected) for fault in faults] == [("", "at most 3 items"), ("/1", "a string")]


def test_a_name_that_is_wrong_is_told_of_its_field():
    (fault,) = Checker(MAP).faults({"short": "x", "0123456789": "x"})
    assert fault.path == "/0123456789"
    assert fault.message == 'has a name that is not allowed: "0123456789" is too long'
    assert fault.expected == "at most 9 characters"
