"""The schemas keep the rules they were written by, and two judges agree on what they mean."""

import copy
import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
from referencing import Registry, Resource

from clinvk.api.table import ROUTES
from clinvk.schemas import BASE, Schemas, folder, target

SCHEMAS = Schemas()
NAMES = sorted(SCHEMAS.documents)
OURS = jsonschema_rs.Registry([(document["$id"], dict(document)) for document in SCHEMAS.documents.values()])
THEIRS = Registry().with_resources(
    [(document["$id"], Resource.from_contents(document)) for document in SCHEMAS.documents.values()]
)
# Where a schema may hold another: by name, in a list, or as one.
BY_NAME = ("properties", "patternProperties", "$defs", "dependentSchemas")
IN_LIST = ("oneOf", "anyOf", "allOf", "prefixItems")
AS_ONE = ("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames")


def parts(schema: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """`schema` and every schema within it, each with its place."""
    yield pointer, schema
    for keyword in BY_NAME:
        for name, part in schema.get(keyword, {}).items():
            yield from parts(part, f"{pointer}/{keyword}/{name}")
    for keyword in IN_LIST:
        for number, part in enumerate(schema.get(keyword, [])):
            yield from parts(part, f"{pointer}/{keyword}/{number}")
    for keyword in AS_ONE:
        if isinstance(schema.get(keyword), dict):
            yield from parts(schema[keyword], f"{pointer}/{keyword}")


EVERY = [(name, pointer, part) for name in NAMES for pointer, part in parts(SCHEMAS.documents[name])]
SHOWN = [(name, pointer, part) for name, pointer, part in EVERY if "examples" in part]


def judges(name: str, pointer: str) -> tuple[Any, Any]:
    """Both judges of the schema at that place: the one we use, and the reference."""
    schema = {"$ref": f"{SCHEMAS.documents[name]['$id']}#{pointer}"}
    ours = jsonschema_rs.Draft202012Validator(schema, registry=OURS, offline=True)
    return ours.is_valid, jsonschema.Draft202012Validator(schema, registry=THEIRS).is_valid


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_a_schema_with_an_id_that_matches_its_path(name):
    document = SCHEMAS.documents[name]
    jsonschema.Draft202012Validator.check_schema(document)
    assert document["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert document["$id"] == f"{BASE}{name}.json"
    assert re.fullmatch("(domain|native|openai|anthropic|config)/[a-z]+(-[a-z]+)*", name)
    assert document["description"]


def test_titles_are_in_pascal_case_and_unique():
    titles = Counter(part["title"] for _, _, part in EVERY if "title" in part)
    assert all("title" in SCHEMAS.documents[name] for name in NAMES)
    assert [title for title in titles if not re.fullmatch("([A-Z][a-z0-9]*)+", title)] == []
    assert [title for title, count in titles.items() if count > 1] == []


def test_every_property_has_a_description():
    silent = [
        f"{name}{pointer}/{field}"
        for name, pointer, part in EVERY
        for field, described in part.get("properties", {}).items()
        if not led(described, name).get("description")
    ]
    assert silent == []


def test_every_object_shows_examples():
    bare = [f"{name}{pointer}" for name, pointer, part in EVERY if _is_object(part) and not part.get("examples")]
    assert bare == []


def test_every_property_is_shown_with_a_value_in_an_example():
    bare = [
        f"{name}{pointer}/{field}"
        for name, pointer, part in EVERY
        for field, described in part.get("properties", {}).items()
        if "not" not in described  # nothing can be its value
        if not any(field in example for example in [*part["examples"], *_beside(name, pointer, field, described)])
    ]
    assert bare == []


def _beside(name: str, pointer: str, field: str, described: Any) -> list[Any]:
    """Examples of the other options of a union, where these have the same field: events need not all show it."""
    union, option, _ = pointer.rpartition("/oneOf/")
    options = SCHEMAS.part(name, union)[0]["oneOf"] if option else []
    alike = [each for each in options if each.get("properties", {}).get(field) == described]
    return [example for each in alike for example in each["examples"]]


def led(part: Any, name: str) -> Any:
    """`part`, or what its reference leads to."""
    return {**SCHEMAS.part(*target(part["$ref"], name))[0], **part} if "$ref" in part else part


def _is_object(part: Any) -> bool:
    return part.get("type") == "object" or "properties" in part


def test_references_are_relative_and_lead_somewhere():
    references = [(name, part["$ref"]) for name, _, part in EVERY if "$ref" in part]
    assert references
    for name, reference in references:
        assert re.fullmatch(r"(\.\./)?([a-z-]+/)?[a-z-]+\.json(#/.*)?", reference), reference
        resolver = THEIRS.resolver(SCHEMAS.documents[name]["$id"])
        assert resolver.lookup(reference).contents


def test_unions_are_told_apart_by_a_constant_field():
    for name, pointer, part in EVERY:
        if "oneOf" in part:
            constants = [
                {field for field, described in led(option, name)["properties"].items() if "const" in described}
                for option in part["oneOf"]
            ]
            # One option may go without: it is what has none of the others' constants.
            assert sum(not found for found in constants) <= 1, f"{name}{pointer}"
        assert "anyOf" not in part


def test_native_and_config_objects_are_closed():
    open_ones = [
        f"{name}{pointer}"
        for name, pointer, part in EVERY
        if name.startswith(("native/", "config/")) and "properties" in part
        if part.get("additionalProperties") is not False
    ]
    assert open_ones == []


def test_requests_carry_no_defaults_and_settings_carry_theirs_once():
    for name, pointer, part in EVERY:
        if not name.startswith("config/"):
            assert "default" not in part, f"{name}{pointer}"
    for name, pointer, part in EVERY:
        if "default" in part:
            assert all(judge(part["default"]) for judge in judges(name, pointer)), f"{name}{pointer}"


@pytest.mark.parametrize(("name", "pointer", "part"), SHOWN, ids=[f"{name}{at}" for name, at, _ in SHOWN])
def test_every_example_is_right_to_both_judges(name, pointer, part):
    ours, theirs = judges(name, pointer)
    for example in part["examples"]:
        assert ours(example), example
        assert theirs(example), example


def mutations(value: Any, shapes: set[str], place: str = "") -> Iterator[Any]:
    """`value`, wrong in every place in every simple way. Some of them are right after all.

    What has the shape of something that was in the same place before is passed over: it is judged alike.
    """
    shape = f"{place}{shape_of(value)}"
    if shape in shapes:
        return
    shapes.add(shape)
    yield from (None, True, 0, -1, 1.5, 1.0, 10**30, "", "x", [], {}, [value], {"x": value})
    if isinstance(value, dict):
        yield from mutated_objects(value, shapes, shape)
    if isinstance(value, list):
        yield value * 70
        for index, part in enumerate(value):
            for wrong in mutations(part, shapes, f"{shape}/-"):
                yield [*value[:index], wrong, *value[index + 1 :]]
    if isinstance(value, str):
        yield from (value.upper(), value + "\n", "/" + value, "\U0001f4a9")


def shape_of(value: Any) -> str:
    """What says which option of a union it is: its fields, and those of them that name a kind."""
    if not isinstance(value, dict):
        return str(type(value))
    return f"{sorted(value)}{[value.get(name) for name in ('type', 'object', 'role')]}"


def mutated_objects(value: dict[str, Any], shapes: set[str], shape: str) -> Iterator[dict[str, Any]]:
    yield {**value, "no-such-field": 1}
    for name, part in value.items():
        yield {other: kept for other, kept in value.items() if other != name}
        yield {(name + "x" if other == name else other): kept for other, kept in value.items()}
        for wrong in mutations(part, shapes, f"{shape}/{name}"):
            yield {**value, name: wrong}


@pytest.mark.parametrize("name", NAMES)
def test_both_judges_agree_on_whatever_is_made_of_an_example(name):
    ours, theirs = judges(name, "")
    checker = SCHEMAS.checker(name)
    wrong, shapes = 0, set()
    for example in SCHEMAS.documents[name]["examples"]:
        for value in mutations(example, shapes):
            verdict = theirs(value)
            assert ours(value) is verdict, value
            faults = checker.faults(value)
            assert (faults == []) is verdict, value
            check_faults(faults)
            wrong += not verdict
    assert wrong


def check_faults(faults):
    """Each says where it is, what is wrong, and what would be right."""
    for fault in faults:
        assert fault.path == "" or fault.path.startswith("/")
        assert fault.message
        assert fault.expected
        assert len(fault.message) < 150


@pytest.mark.parametrize("missing", ["type", "seq", "at", "run_id", "backend"])
def test_every_event_needs_what_all_events_have(missing):
    for option in SCHEMAS.documents["domain/event"]["oneOf"]:
        event = copy.deepcopy(option["examples"][0])
        event.pop(missing, None)
        # But for the notice that the stream of all runs begins late, and the end of a group: they are of no run.
        without = {"notice", "group.finished"} if missing != "type" else set()
        of_no_run = event.get("type") in without and missing in {"run_id", "backend"}
        assert (SCHEMAS.checker("domain/event").faults(event) == []) is of_no_run


def test_the_schemas_of_the_checkout_are_the_ones_that_are_read(tmp_path):
    assert (folder() / "native" / "prompt-request.json").is_file()
    (tmp_path / "native").mkdir()
    document = {"$id": f"{BASE}native/thing.json", "type": "string"}
    (tmp_path / "native" / "thing.json").write_text(json.dumps(document))
    assert list(Schemas(tmp_path).documents) == ["native/thing"]


def test_a_schema_is_made_whole_by_what_its_references_lead_to():
    usage = SCHEMAS.whole("domain/run")["properties"]["token_usage"]
    target = SCHEMAS.documents["domain/usage"]
    assert usage["properties"] == target["properties"]
    assert usage["description"] == SCHEMAS.documents["domain/run"]["properties"]["token_usage"]["description"]
    assert "$id" not in usage
    assert '"$ref"' not in json.dumps({name: SCHEMAS.whole(name) for name in NAMES})


def types(part):
    """What a schema takes, of what it names."""
    named = part.get("type", [])
    return {named} if isinstance(named, str) else set(named)


def test_every_number_that_a_client_may_send_has_bounds():
    sent = [(route.name, SCHEMAS.whole(route.request)) for route in ROUTES if route.request]
    sent += [
        (route.name, {"properties": {each.name: each.schema}}) for route in ROUTES for each in route.parameters
    ]
    endless = [
        f"{name}{pointer}"
        for name, schema in sent
        for pointer, part in parts(schema)
        if {"integer", "number"} & types(part)
        if "maximum" not in part or not part.keys() & {"minimum", "exclusiveMinimum"}
    ]
    assert endless == []
