"""What made-up requests are like, and how their answers are judged."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from clinvk.schemas import Schemas

# Left out of all that there are: `ignored_auth` and `object_level_authorization`, for there are no keys;
# `missing_required_header`, for none is required; `unsupported_method` and `allow_header_conformance`, whose
# requests are not made here (tests/api/test_problems asks every path with every method); `max_response_time`,
# for a test is no benchmark.
JUDGES = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
LIKELY = [*JUDGES, checks.positive_data_acceptance]
"""A request that names what is there is taken. Others may be right by their schema, and name no backend."""
IN_ORDER = [*LIKELY, checks.ensure_resource_availability]
OF_SESSIONS = [*IN_ORDER, checks.use_after_free]
"""Deleting a run is to stop it, and it can still be read. Deleting a session is the end of it."""
STREAMS = ("text/event-stream", "application/x-ndjson")

QUIET = settings(
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


# Of the dialects' requests: what is honoured whatever it says.
_TAKEN = {"dry_run", "include_reasoning", "instructions", "max_tokens", "stop", "stop_sequences", "stream"}
_SAID = {"messages": [{"role": "user", "content": "/big 5"}], "input": "/big 5", "model": "demo"}


class EventJudge:
    """Judges what a stream tells by the schema that the document names for it."""

    def __init__(self) -> None:
        schemas = Schemas()
        self._checkers = {told["title"]: schemas.checker(name) for name, told in schemas.documents.items()}

    def judge(self, case: Any, answer: Any, lines: Iterable[bytes]) -> None:
        """Every event in `lines`, of the answer to that request."""
        media_type = answer.headers["content-type"]
        media_type = (media_type if isinstance(media_type, str) else media_type[0]).partition(";")[0]
        told = case.operation.definition.raw["responses"][str(answer.status_code)]["content"]
        assert media_type in told, case.as_curl_command()
        title = told[media_type]["x-oai-itemSchema"]["$ref"].rpartition("/")[2]
        for event in events(lines):
            assert self._checkers[title].faults(event) == [], case.as_curl_command()


def make_likely(case: Any) -> None:
    """What is taken, and starts nothing but a few quick runs of the demo backend."""
    for name in ("cursor", "after_id", "before_id"):  # of what is not there
        case.query.pop(name, None)
    case.headers.pop("Idempotency-Key", None)  # one that was made up before, with another body
    if not isinstance(case.body, dict):
        return
    if "backend" not in case.body and _SAID.keys() & case.body.keys():
        kept = {name: each for name, each in case.body.items() if name in _TAKEN}
        case.body = kept | {name: _SAID[name] for name in _SAID.keys() & case.body.keys()}
    _make_quick(case.body)
    for name in {"tasks", "steps"} & case.body.keys():
        case.body[name] = case.body[name][:2]
        for number, each in enumerate(case.body[name]):
            _make_quick(each)
            each["prompt"] = f"/big {number + 5}"
    if "backends" in case.body:
        case.body["backends"] = ["demo"]


def _make_quick(body: dict[str, Any]) -> None:
    for name, each in {"backend": "demo", "prompt": "/big 5"}.items():
        if name in body:
            body[name] = each
    for name in ("session_id", "workdir", "extra"):
        body.pop(name, None)


def events(lines: Iterable[bytes]) -> Iterator[Any]:
    """Those of a stream, in every form."""
    for line in lines:
        data = line.removeprefix(b"data: ")
        if data.startswith(b"{"):
            yield json.loads(data)
