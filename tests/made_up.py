"""What made-up requests are like, and how their answers are judged."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

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


def make_likely(case: Any) -> None:
    """A body that is taken, and that starts nothing but a few quick runs of the demo backend."""
    case.query.pop("cursor", None)
    case.headers.pop("Idempotency-Key", None)  # one that was made up before, with another body
    if not isinstance(case.body, dict):
        return
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
    """Those of a stream, in either form."""
    for line in lines:
        data = line.removeprefix(b"data: ")
        if data.startswith(b"{"):
            yield json.loads(data)
