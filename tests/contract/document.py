"""The OpenAPI document under test."""

import json

import jsonschema
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from clinvk.api import openapi
from clinvk.api.table import ROUTES
from clinvk.schemas import Schemas

SCHEMAS = Schemas()
DOCUMENT = openapi.document(ROUTES, SCHEMAS)
REGISTRY = Registry().with_resource("doc:", Resource.from_contents(DOCUMENT, default_specification=DRAFT202012))


def led(part):
    """`part`, or what its reference leads to in the document."""
    found = DOCUMENT
    for step in part.get("$ref", "").split("/")[1:]:
        found = found[step]
    return found if "$ref" in part else part


def faults(schema, value):
    """What is wrong with `value` by a schema of the document."""
    rewritten = json.loads(json.dumps(schema).replace('"#/', '"doc:#/'))
    judge = jsonschema.Draft202012Validator(rewritten, registry=REGISTRY)
    return [error.message for error in judge.iter_errors(value)]
