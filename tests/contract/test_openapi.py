"""The OpenAPI document is the route table and the schemas, and nothing else."""

import json
import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from clinvk.api.problems import BASE, Kind
from clinvk.api.routes import NDJSON, SSE
from clinvk.api.table import ROUTES
from tests.api import anthropic_grammar, openai_grammar, responses_grammar
from tests.contract.document import DOCUMENT, SCHEMAS, faults, led

OPERATIONS = [
    (path, method) for path, item in DOCUMENT["paths"].items() for method in item if method != "parameters"
]
ALWAYS = {"X-Request-Id", "request-id", "X-Content-Type-Options"}
STREAMS = {NDJSON, SSE}


def bodies():
    """Every body of every operation: of which operation, with which status, in which form, and what is told."""
    for path, method in OPERATIONS:
        told = DOCUMENT["paths"][path][method]
        for form, media in told.get("requestBody", {"content": {}})["content"].items():
            yield told["operationId"], "request", form, media
        for status, answer in told["responses"].items():
            for form, media in answer.get("content", {}).items():
                yield told["operationId"], status, form, media


BODIES = list(bodies())


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


OPEN = {"getHealth", "getOpenapi", "getDocs", "getConsole"}
"""What needs no key, whatever the settings are."""


def problems(route):
    """What it says itself, and what every request may meet before it comes to it."""
    keys = set() if route.name in OPEN else {Kind.UNAUTHORIZED}
    rates = set() if route.name == "getHealth" else {Kind.RATE_LIMITED}
    return {*route.problems, Kind.FORBIDDEN, Kind.INTERNAL, *keys, *rates}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_operation_says_which_keys_it_takes(route):
    schemes = {name: (told["type"], told.get("scheme", told.get("name")))
               for name, told in DOCUMENT["components"]["securitySchemes"].items()}  # fmt: skip
    assert schemes == {"bearer": ("http", "bearer"), "apiKey": ("apiKey", "X-Api-Key")}
    either = [{"bearer": []}, {"apiKey": []}]
    by_settings = {"getMetrics": [{}, *either]}
    assert operation(route)["security"] == ([] if route.name in OPEN else by_settings.get(route.name, either))


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_problem_a_route_may_answer_is_in_it_and_no_other(route):
    kinds = problems(route)
    responses = operation(route)["responses"]
    told = {int(status) for status in responses} - set(route.answers)
    assert told == {kind.value.status for kind in kinds}
    for kind in kinds:
        response = responses[str(kind.value.status)]
        assert kind.value.title in response["description"].split(" or ")
        (told,) = response["content"].values()
        assert list(response["content"]) == ["application/problem+json"]
        assert told["schema"] == {"$ref": "#/components/schemas/Problem"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_problem_a_route_may_answer_shows_one_of_its_very_kind(route):
    for kind in problems(route):
        (told,) = operation(route)["responses"][str(kind.value.status)]["content"].values()
        assert kind.value.slug in told["examples"], "clinvk/api/openapi/refusals.py has no example of it"
        shown = led(told["examples"][kind.value.slug])["value"]
        assert (shown["type"], shown["title"]) == (BASE + kind.value.slug, kind.value.title)
        assert (shown["status"], shown["detail"]) == (kind.value.status, shown["error"]["message"])
        assert shown["detail"]


@pytest.mark.parametrize(
    ("name", "status", "form", "media"), BODIES, ids=[f"{n}-{s}-{f}" for n, s, f, _ in BODIES]
)
def test_every_body_shows_examples_that_its_schema_allows(name, status, form, media):
    if media["schema"] in ({"type": "object"}, {"type": "string"}):  # what is of no form of ours
        return
    assert media["examples"]
    for example in media["examples"].values():
        assert faults(media["schema"], led(example)["value"]) == []


def test_no_example_is_left_over():
    named = {example.get("$ref", "") for *_, media in BODIES for example in media.get("examples", {}).values()}
    assert {f"#/components/examples/{name}" for name in DOCUMENT["components"]["examples"]} == named - {""}


SHOWN_ONLY = {
    ("cancelRun", "200"): {"completed", "failed", "cancelled"},
    ("cancelRun", "202"): {"stopping"},
    ("deleteRun", "200"): {"completed", "failed", "cancelled"},
    ("deleteRun", "202"): {"stopping"},
    ("getRun", "200"): {"queued", "running", "stopping", "completed", "failed", "cancelled"},
    ("getHealth", "200"): {"ok", "degraded"},
    ("getHealth", "503"): {"unhealthy", "draining"},
    ("cancelGroup", "200"): {True},
    ("cancelGroup", "202"): {False},
}


@pytest.mark.parametrize(
    ("name", "status", "form", "media"), BODIES, ids=[f"{n}-{s}-{f}" for n, s, f, _ in BODIES]
)
def test_an_answer_shows_only_what_can_come_with_its_status(name, status, form, media):
    words = SHOWN_ONLY.get((name, status))
    shown = [led(example)["value"] for example in media.get("examples", {}).values()]
    if words:
        assert {value.get("state", value.get("status", value.get("ended"))) for value in shown} == words


GRAMMARS = {
    "createChatCompletion": (openai_grammar.read, lambda stream: openai_grammar.items(stream)[:-1]),
    "createMessage": (anthropic_grammar.read, anthropic_grammar.events),
    "createResponse": (responses_grammar.read, responses_grammar.events),
}
STREAMED = [(name, form, media) for name, _, form, media in BODIES if form in STREAMS]


@pytest.mark.parametrize(("name", "form", "media"), [each for each in STREAMED if each[0] in GRAMMARS])
def test_a_stream_of_a_dialect_is_told_by_one_that_keeps_to_its_grammar(name, form, media):
    (example,) = media["examples"].values()
    read, events_of = GRAMMARS[name]
    stream = example["value"].encode()
    assert read(stream).text == "the demo backend"
    events = events_of(stream)
    assert len(events) > 2
    assert [fault for event in events for fault in faults(media["x-oai-itemSchema"], event)] == []


@pytest.mark.parametrize(("name", "form", "media"), [each for each in STREAMED if each[0] not in GRAMMARS])
def test_a_stream_is_told_as_text_with_what_each_item_is_and_a_whole_one(name, form, media):
    assert media["schema"]["type"] == "string"
    (example,) = media["examples"].values()
    text = example["value"]
    assert text.endswith("\n\n" if form == SSE else "\n")
    lines = re.findall("^data: (.*)$", text, re.MULTILINE) if form == SSE else text.splitlines()
    events = [json.loads(line) for line in lines]
    assert [fault for event in events for fault in faults(media["x-oai-itemSchema"], event)] == []
    assert events[-1]["type"].endswith(".finished")
    if form == SSE:
        assert re.findall("^id: (.*)$", text, re.MULTILINE) == [str(number) for number in range(len(events))]
        assert re.findall("^event: (.*)$", text, re.MULTILINE) == [event["type"] for event in events]


def test_every_event_is_told_apart_by_its_type():
    told = DOCUMENT["components"]["schemas"]["Event"]
    options = [led(option) for option in told["oneOf"]]
    by_type = {option["properties"]["type"]["const"]: option["title"] for option in options}
    assert told["discriminator"] == {
        "propertyName": "type",
        "mapping": {name: f"#/components/schemas/{title}" for name, title in by_type.items()},
    }
    assert "discriminator" not in DOCUMENT["components"]["schemas"]["PromptResponse"]


def test_every_header_is_described_once_with_an_example():
    used = [headers for _, headers in all_headers()]
    assert {part["$ref"].rpartition("/")[2] for headers in used for part in headers.values()} <= set(
        DOCUMENT["components"]["headers"]
    )
    for name, told in DOCUMENT["components"]["headers"].items():
        assert told["description"], name
        assert faults(told["schema"], told["example"]) == []
        assert told["required"] == (name in ALWAYS)


def all_headers():
    for path, method in OPERATIONS:
        for status, answer in DOCUMENT["paths"][path][method]["responses"].items():
            yield (path, method, status), answer["headers"]


def test_every_path_takes_an_id_of_the_request():
    for item in DOCUMENT["paths"].values():
        (told,) = map(led, item["parameters"])
        assert (told["name"], told["in"], told["required"]) == ("X-Request-Id", "header", False)


def test_answers_link_to_what_takes_the_ids_they_tell():
    names = {DOCUMENT["paths"][path][method]["operationId"]: (path, method) for path, method in OPERATIONS}
    found = {}
    for path, method in OPERATIONS:
        told = DOCUMENT["paths"][path][method]
        for status, answer in told["responses"].items():
            for name, link in answer.get("links", {}).items():
                led_path, led_method = names[link["operationId"]]
                taken = {each["name"] for each in DOCUMENT["paths"][led_path][led_method].get("parameters", [])}
                assert link["parameters"].keys() <= taken
                found.setdefault((told["operationId"], status), set()).add(name)
    of_a_run = {"getRun", "deleteRun", "cancelRun", "followRun"}
    assert found["createPrompt", "202"] >= of_a_run
    assert found["createPrompt", "200"] >= of_a_run | {"getSession", "deleteSession", "listRuns"}
    assert found["createParallel", "200"] == {"cancelGroup", "listRuns"}
    assert found["listRuns", "200"] == {"listRuns"}
    assert found["listSessions", "200"] == {"listSessions"}


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_answer_of_a_route_is_in_it_with_its_forms_and_headers(route):
    responses = operation(route)["responses"]
    assert {status for status in responses if int(status) < 400} <= {str(status) for status in route.answers}
    for status, answer in route.answers.items():
        told = responses[str(status)]
        assert set(told.get("content", {})) == set(answer.content)
        of_streams = {"Cache-Control", "X-Accel-Buffering"} if STREAMS & set(answer.content) else set()
        assert set(told["headers"]) == ALWAYS | of_streams | set(answer.headers)


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
def test_every_parameter_of_a_route_is_in_it(route):
    told = {(part["name"], part["in"]): part for part in operation(route).get("parameters", [])}
    assert set(told) == {(parameter.name, parameter.place) for parameter in route.parameters}
    assert {name for name, place in told if place == "path"} == {
        part.strip("{}") for part in route.path.split("/") if part.startswith("{")
    }
    assert all(part["required"] == (part["in"] == "path") for part in told.values())


def test_every_body_that_is_needed_is_required_and_all_are_described():
    bodies = {route.name: operation(route)["requestBody"] for route in ROUTES if route.request}
    assert [name for name, body in bodies.items() if not body["required"]] == ["rerunRun"]
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
    assert set(responses["400"]["headers"]) == ALWAYS
    assert set(responses["429"]["headers"]) == ALWAYS | {"Retry-After"}
    assert set(responses["503"]["headers"]) == ALWAYS | {"Retry-After"}
    assert set(responses["500"]["headers"]) == ALWAYS | {"x-should-retry", "X-Run-Id", "X-Clinvk-Start"}
    assert set(responses["504"]["headers"]) == ALWAYS | {"x-should-retry", "X-Run-Id", "X-Clinvk-Start"}
    of_a_list = operation(next(route for route in ROUTES if route.name == "listRuns"))["responses"]["500"]
    assert set(of_a_list["headers"]) == ALWAYS | {"x-should-retry"}
