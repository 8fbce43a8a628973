"""The OpenAPI document is the route table and the schemas, and nothing else."""

import json

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from clinvk.api import openapi
from clinvk.api.problems import Kind
from clinvk.api.routes import JSON, Answer, Route
from clinvk.api.table import ROUTES
from clinvk.schemas import Schemas

SCHEMAS = Schemas()
DOCUMENT = openapi.document(ROUTES, SCHEMAS)
OPERATIONS = [(path, method) for path, methods in DOCUMENT["paths"].items() for method in methods]


def operation(route):
    return DOCUMENT["paths"][route.path][route.method.lower()]


def test_it_is_openapi_3_1():
    assert [str(error) for error in OpenAPIV31SpecValidator(DOCUMENT).iter_errors()] == []
    assert DOCUMENT["openapi"].startswith("3.1.")


def test_every_route_is_in_it_and_nothing_else_is():
    assert sorted(OPERATIONS) == sorted((route.path, route.method.lower()) for route in ROUTES)


def test_every_operation_has_a_name_of_its_own():
    names = [operation(route)["operationId"] for route in ROUTES]
    assert len(set(names)) == len(names)
    assert {operation(route)["tags"][0] for route in ROUTES} == {tag["name"] for tag in DOCUMENT["tags"]}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_problem_a_route_may_answer_is_in_it_and_no_other(route):
    kinds = {*route.problems, Kind.FORBIDDEN, Kind.INTERNAL}
    responses = operation(route)["responses"]
    told = {int(status) for status in responses} - set(route.answers)
    assert told == {kind.value.status for kind in kinds}
    for kind in kinds:
        response = responses[str(kind.value.status)]
        assert kind.value.title in response["description"].split(" or ")
        assert response["content"] == {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_answer_of_a_route_is_in_it_with_its_forms_and_headers(route):
    responses = operation(route)["responses"]
    assert {status for status in responses if int(status) < 400} <= {str(status) for status in route.answers}
    for status, answer in route.answers.items():
        told = responses[str(status)]
        assert set(told["content"]) == set(answer.content)
        assert set(told["headers"]) == {"X-Request-Id", "request-id", *answer.headers}
        assert {name for name, header in told["headers"].items() if header["required"]} == {
            "X-Request-Id",
            "request-id",
        }


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_parameter_of_a_route_is_in_it(route):
    told = {(part["name"], part["in"]): part for part in operation(route).get("parameters", [])}
    assert set(told) == {(parameter.name, parameter.place) for parameter in route.parameters}
    assert {name for name, place in told if place == "path"} == {
        part.strip("{}") for part in route.path.split("/") if part.startswith("{")
    }
    assert all(part["required"] == (part["in"] == "path") for part in told.values())


def test_every_body_is_required_and_described():
    bodies = {route.name: operation(route)["requestBody"] for route in ROUTES if route.request}
    assert all(body["required"] for body in bodies.values())
    told = bodies["createPrompt"]["content"]["application/json"]
    assert told["schema"] == {"$ref": "#/components/schemas/PromptRequest"}
    examples = SCHEMAS.documents["native/prompt-request"]["examples"]
    assert [example["value"] for example in told["examples"].values()] == examples


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_parameter_shows_an_example_that_is_right(route):
    for parameter, told in zip(route.parameters, operation(route).get("parameters", []), strict=True):
        examples = [example["value"] for example in told.get("examples", {}).values()]
        made_by_us = parameter.name == "cursor"  # and by nobody else
        assert examples or "enum" in told["schema"] or made_by_us, parameter.name
        assert [parameter.checker.faults(example) for example in examples] == [[]] * len(examples)


def test_a_problem_tells_the_headers_it_may_have():
    responses = operation(next(route for route in ROUTES if route.name == "createPrompt"))["responses"]
    always = {"X-Request-Id", "request-id"}
    assert set(responses["400"]["headers"]) == always
    assert set(responses["429"]["headers"]) == always | {"Retry-After"}
    assert set(responses["503"]["headers"]) == always | {"Retry-After"}
    assert set(responses["504"]["headers"]) == always | {"x-should-retry"}


def test_every_public_schema_is_a_component_with_its_examples():
    public = {document["title"]: document for name, document in SCHEMAS.documents.items() if "config/" not in name}
    components = DOCUMENT["components"]["schemas"]
    assert set(components) == set(public)
    registry = Registry().with_resource(
        "doc:", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012)
    )
    for title, schema in components.items():
        judge = jsonschema.Draft202012Validator({"$ref": f"doc:#/components/schemas/{title}"}, registry=registry)
        assert schema["examples"] == public[title]["examples"]
        assert all(judge.is_valid(example) for example in schema["examples"]), title


def test_no_reference_leads_out_of_it():
    text = json.dumps(DOCUMENT)
    assert '"$id"' not in text
    assert text.count('"$ref": "#/components/schemas/') == text.count('"$ref"')


def test_references_within_a_schema_and_answers_without_a_body_are_told_too(tmp_path):
    (tmp_path / "domain").mkdir()
    names = {"domain/tree": "Tree", "domain/leaf": "Leaf", "domain/problem": "Problem"}
    for name, title in names.items():
        document = {
            "$id": f"https://api.clinvk.dev/schemas/{name}.json",
            "title": title,
            "properties": {
                "self": {"$ref": "leaf.json#/$defs/a", "description": "B."},
                "whole": {"$ref": "leaf.json"},
                "leaf": {"$ref": "leaf.json#/$defs/a"},
            },
            "$defs": {"a": {"type": "string", "description": "A."}},
        }
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    route = Route(
        "DELETE", "/tree", None, "fell", "Fell it", "meta", {204: Answer("Gone."), 200: Answer("x", {JSON: ""})}
    )
    document = openapi.document([route], Schemas(tmp_path))
    responses = document["paths"]["/tree"]["delete"]["responses"]
    assert "content" not in responses["204"]
    assert responses["200"]["content"] == {JSON: {"schema": {"type": "object"}}}
    assert document["components"]["schemas"]["Tree"]["properties"] == {
        "self": {"type": "string", "description": "B."},
        "whole": {"$ref": "#/components/schemas/Leaf"},
        "leaf": {"type": "string", "description": "A."},
    }
