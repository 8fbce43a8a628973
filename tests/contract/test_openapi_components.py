"""The components of the OpenAPI document: the schemas, with their references turned into its own."""

import json

from clinvk.api import openapi
from clinvk.api.routes import JSON, Answer, Route
from clinvk.schemas import Schemas
from tests.contract.document import DOCUMENT, SCHEMAS, faults


def titled(part):
    """Every object with a title in `part`, a schema of ours."""
    if isinstance(part, dict):
        if isinstance(part.get("title"), str):
            yield part["title"], part
        for key, each in part.items():
            if key not in {"examples", "enum", "const"}:
                yield from titled(each)
    elif isinstance(part, list):
        for each in part:
            yield from titled(each)


def test_every_public_schema_is_a_component_with_its_examples_and_so_is_every_titled_part_of_it():
    public = [document for name, document in SCHEMAS.documents.items() if "config/" not in name]
    ours = {title: part for document in public for title, part in titled(document)}
    components = DOCUMENT["components"]["schemas"]
    assert set(components) == set(ours)
    assert {"Event", "TextDeltaEvent", "TaskResult", "PromptAnswer"} <= set(ours)
    for title, schema in components.items():
        assert schema["examples"] == ours[title]["examples"]
        assert [faults({"$ref": f"#/components/schemas/{title}"}, example) for example in schema["examples"]] == [
            []
        ] * len(schema["examples"])


def test_what_is_refused_by_name_is_left_out_since_the_object_is_closed():
    fields = DOCUMENT["components"]["schemas"]["ChainRequest"]
    assert "pass_session_id" in SCHEMAS.documents["native/chain-request"]["properties"]
    assert "pass_session_id" not in fields["properties"]
    assert fields["additionalProperties"] is False


def test_no_reference_leads_out_of_it():
    text = json.dumps(DOCUMENT)
    assert '"$id"' not in text
    assert text.count('"$ref": "#/components/') == text.count('"$ref"')


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
