"""docs/reference/events.md."""

from markdown import GENERATED, example, joined, table
from native_api import Objects
from states import diagram

from clinvk.schemas import Document, Schemas

COMMON = ("type", "seq", "at", "run_id", "backend")
SHARED = (*COMMON, "session_id", "group_id", "task", "step")
INTRO = """What a run says, in order, numbered by `seq` from 0; `run.finished` is always last. As lines of JSON \
(`application/x-ndjson`), or as server-sent events: `id` is the number, `event` the type, `data` the object.
"""


def page(schemas: Schemas) -> str:
    """The page."""
    document = schemas.documents["domain/event"]
    objects = Objects(schemas, "domain/event")
    first = document["oneOf"][0]["properties"]
    common = {"properties": {name: first[name] for name in SHARED}, "required": COMMON}
    told = [
        (f"[`{_type(each)}`](#{_type(each).replace('.', '')})", each["description"]) for each in document["oneOf"]
    ]
    parts = [
        f"# Events\n\n{GENERATED}\n",
        INTRO,
        table(("type", "meaning"), told),
        "## Fields of every event of a run\n",
    ]
    parts.append(
        table(("field", "type", "", "meaning"), objects.rows(common, "")).replace("`session.bound`", "text")
    )
    for each in document["oneOf"]:
        own = {name: part for name, part in each["properties"].items() if name not in _shared(each)}
        rows = objects.rows({"properties": own, "required": each["required"]}, "")
        links = table(("field", "type", "", "meaning"), rows).replace("](#", "](native-api.md#")
        parts += [f"## {_type(each)}\n\n{each['description']}\n", links, *map(example, each["examples"])]
    parts += ["## States of a run\n\n`state` in `run.finished` and in every answer about a run.\n", diagram()]
    return joined(parts)


def _shared(event: Document) -> tuple[str, ...]:
    """The fields that stand on top of the page: of a group's own event, fewer."""
    return SHARED if "run_id" in event["properties"] else COMMON


def _type(event: Document) -> str:
    return str(event["properties"]["type"]["const"])
