"""Requests that are made up, sent to the running program, and judged by its own OpenAPI document.

`python -m tests.conformance` (scripts/conformance) sends many, and prints what came back; a test sends some.
"""

import argparse
import collections
import json
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi import checks

from clinvk.schemas import Schemas
from tests.e2e.conftest import Served

JUDGES = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
]
STREAMS = ("text/event-stream", "application/x-ndjson")
NO_CLIS = {"PATH": "/usr/bin:/bin"}
"""What is made up must reach no CLI of the user's."""

QUIET = settings(
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)


@dataclass
class Conformance:
    """One server under examination."""

    served: Served
    statuses: dict[str, collections.Counter[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._url = f"http://127.0.0.1:{self.served.port}"
        self._session = requests.Session()
        self._session.trust_env = False
        self._event = Schemas().checker("domain/event")
        kept, to_delete = (self.served.prompt("/big 5") for _ in range(2))
        self._run_id = kept["run_id"]
        self._session_ids = {"get": kept["session_id"], "delete": to_delete["session_id"]}
        document = self._session.get(f"{self._url}/openapi.json", timeout=20).json()
        self._operations = {
            operation.definition.raw["operationId"]: operation
            for operation in (
                found.ok() for found in schemathesis.openapi.from_dict(document).get_all_operations()
            )
        }

    @property
    def names(self) -> list[str]:
        return list(self._operations)

    def modes(self, name: str) -> list[GenerationMode]:
        """How requests for it can be made up: there is no wrong way to send nothing."""
        operation = self._operations[name]
        takes = operation.body or operation.query or operation.headers or operation.path_parameters
        return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes else [GenerationMode.POSITIVE]

    def examine(self, name: str, mode: GenerationMode, examples: int, seed: int | None) -> None:
        """Send so many requests to one operation. Raises what the first that is answered wrongly breaks.

        The same ones each time where `seed` is None.
        """
        operation = self._operations[name]

        @settings(QUIET, max_examples=examples, derandomize=seed is None)
        @given(operation.as_strategy(generation_mode=mode), st.booleans(), st.sampled_from([None, *STREAMS]))
        def one(case: Any, likely: bool, accept: str | None) -> None:
            if likely and mode is GenerationMode.POSITIVE:
                self._make_likely(case)
            self._send(name, case, {"Accept": accept} if accept else {})

        try:
            (one if seed is None else hypothesis.seed(seed)(one))()
        except hypothesis.errors.Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, name  # any text is an id: there may be no wrong way to ask

    def _make_likely(self, case: Any) -> None:
        """What is made up is hardly ever the name of something: make it one that is there."""
        if "id" in case.path_parameters:
            of_session = "/sessions/" in case.operation.path
            session_id = self._session_ids.get(case.operation.method.lower(), "")
            case.path_parameters["id"] = session_id if of_session else self._run_id
        if isinstance(case.body, dict):
            case.body |= {"backend": "demo", "prompt": f"/big 5 {case.body.get('prompt', '')}"}
            for name in ("session_id", "workdir", "extra"):
                case.body.pop(name, None)

    def _send(self, name: str, case: Any, headers: dict[str, str]) -> None:
        request = case.as_transport_kwargs(base_url=self._url, headers=headers)
        with self._session.request(**request, stream=True, timeout=20) as answer:
            self.statuses.setdefault(name, collections.Counter())[answer.status_code] += 1
            if answer.headers.get("Content-Type", "").partition(";")[0] in STREAMS:
                self._judge_stream(case, answer)
            else:
                case.validate_response(answer, checks=JUDGES)
            if answer.status_code == 202 or "X-Run-Id" in answer.headers:
                self._stop(answer.headers["X-Run-Id"])

    def _judge_stream(self, case: Any, answer: requests.Response) -> None:
        """Its head; of its body the first events, for it may have no end."""
        media_type = answer.headers["Content-Type"].partition(";")[0]
        told = case.operation.definition.raw["responses"][str(answer.status_code)]["content"]
        assert media_type in told, case.as_curl_command()
        assert answer.headers["X-Request-Id"], case.as_curl_command()
        if not case.operation.path.endswith("/v1/events"):
            for event in self._events(answer):
                assert self._event.faults(event) == [], case.as_curl_command()

    def _events(self, answer: requests.Response) -> Iterator[Any]:
        for line in answer.iter_lines():
            data = line.removeprefix(b"data: ")
            if data.startswith(b"{"):
                yield json.loads(data)

    def _stop(self, run_id: str) -> None:
        self._session.delete(f"{self._url}/api/v1/runs/{run_id}", timeout=20).close()

    def table(self) -> str:
        """What was answered, by operation."""
        lines = [f"{'operation':<16}{'requests':>9}  answers"]
        for name, counted in self.statuses.items():
            answers = "  ".join(f"{status}: {times}" for status, times in sorted(counted.items()))
            lines.append(f"{name:<16}{counted.total():>9}  {answers}")
        return "\n".join(lines)


def main() -> int:
    """0 where every answer was one that is documented."""
    parser = argparse.ArgumentParser(prog="scripts/conformance", description=__doc__)
    parser.add_argument(
        "--examples", type=int, default=700, help="for each operation, and each way to ask it (700)"
    )
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="to see the same again")
    parser.add_argument("--operation", help="only this one, by its operationId")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        served = Served(Path(home), more=NO_CLIS)
        try:
            return explore(Conformance(served), options)
        finally:
            served.end()


def explore(examined: Conformance, options: argparse.Namespace) -> int:
    """All operations, those too that come after one that is wrong."""
    wrong = 0
    for name in [options.operation] if options.operation else examined.names:
        for mode in examined.modes(name):
            try:
                examined.examine(name, mode, options.examples, options.seed)
            except (AssertionError, BaseExceptionGroup) as failure:
                wrong += 1
                print(f"!! {name}, {mode} data: {failure}", flush=True)
    print(examined.table())
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
