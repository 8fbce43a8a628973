"""Requests that are made up, sent to the running program, and judged by its own OpenAPI document.

`python -m tests.conformance` (scripts/conformance) sends many, and prints what came back; a test sends some.
"""

import argparse
import collections
import random
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import hypothesis
import requests
import schemathesis
from hypothesis import given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode

from tests.e2e.conftest import Served, configure
from tests.made_up import JUDGES, LIKELY, QUIET, STREAMS, EventJudge, make_likely
from tests.walks import Walks

NO_CLIS = {"PATH": "/usr/bin:/bin"}
"""What is made up must reach no CLI of the user's."""
TAKING_ALL: Final = {"linger": {"max_secs": 31536000}}
"""Settings that refuse nothing which the document has."""


@dataclass
class Conformance:
    """One server under examination."""

    served: Served
    statuses: dict[str, collections.Counter[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._url = f"http://127.0.0.1:{self.served.port}"
        self._session = requests.Session()
        self._session.trust_env = False
        self._events = EventJudge()
        kept, to_delete = (self.served.prompt("/big 5") for _ in range(2))
        many = self.served.json("POST", "/api/v1/parallel", {"tasks": [{"backend": "demo", "prompt": "/big 5"}]})
        self._ids = {"runs": kept["run_id"], "groups": many["group_id"], "sessions": kept["session_id"]}
        self._to_delete = to_delete["session_id"]
        document = self._session.get(f"{self._url}/openapi.json", timeout=20).json()
        self.walks = Walks(document, self._url, self._session)
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
            likely = likely and mode is GenerationMode.POSITIVE
            if likely:
                make_likely(case)
                self._name_what_is_there(case)
            self._send(name, case, {"Accept": accept} if accept else {}, LIKELY if likely else JUDGES)

        try:
            (one if seed is None else hypothesis.seed(seed)(one))()
        except hypothesis.errors.Unsatisfiable:
            assert mode is GenerationMode.NEGATIVE, name  # any text is an id: there may be no wrong way to ask

    def _name_what_is_there(self, case: Any) -> None:
        """What is made up is hardly ever the id of something."""
        kind = case.operation.path.split("/")[3] if "id" in case.path_parameters else ""
        if kind:
            deletes = (kind, case.operation.method.lower()) == ("sessions", "delete")
            case.path_parameters["id"] = self._to_delete if deletes else self._ids[kind]

    def _send(self, name: str, case: Any, headers: dict[str, str], judges: list[Any]) -> None:
        request = case.as_transport_kwargs(base_url=self._url, headers=headers)
        with self._session.request(**request, stream=True, timeout=20) as answer:
            self.statuses.setdefault(name, collections.Counter())[answer.status_code] += 1
            if answer.headers.get("Content-Type", "").partition(";")[0] in STREAMS:
                self._judge_stream(case, answer)
            else:
                case.validate_response(answer, checks=judges)
            if "X-Run-Id" in answer.headers:
                self._stop(answer.headers["X-Run-Id"])

    def _judge_stream(self, case: Any, answer: requests.Response) -> None:
        """Its head; of its body the first events, for it may have no end."""
        assert answer.headers["X-Request-Id"], case.as_curl_command()
        is_endless = case.operation.path.endswith("/v1/events")
        self._events.judge(case, answer, [] if is_endless else answer.iter_lines())

    def _stop(self, run_id: str) -> None:
        self._session.delete(f"{self._url}/api/v1/runs/{run_id}", timeout=20).close()

    def table(self) -> str:
        """What was answered, by operation; then the same of what came along the links."""
        return "\n".join(
            (*self._rows("operation", self.statuses), *self._rows("along links", self.walks.statuses))
        )

    @staticmethod
    def _rows(title: str, statuses: dict[str, collections.Counter[int]]) -> Iterator[str]:
        yield f"{title:<16}{'requests':>9}  answers"
        for name, counted in statuses.items():
            answers = "  ".join(f"{status}: {times}" for status, times in sorted(counted.items()))
            yield f"{name:<16}{counted.total():>9}  {answers}"


def main() -> int:
    """0 where every answer was one that is documented."""
    parser = argparse.ArgumentParser(prog="scripts/conformance", description=__doc__)
    parser.add_argument(
        "--examples", type=int, default=700, help="for each operation, and each way to ask it (700)"
    )
    parser.add_argument("--scenarios", type=int, default=200, help="walks along the document's links (200)")
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32), help="to see the same again")
    parser.add_argument("--operation", help="only this one, by its operationId")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory() as home:
        served = Served(configure(Path(home), **TAKING_ALL), more=NO_CLIS)
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
    if not options.operation:
        wrong += _walked(examined, options)
    print(examined.table())
    return 1 if wrong else 0


def _walked(examined: Conformance, options: argparse.Namespace) -> int:
    try:
        examined.walks.go(options.scenarios, 12, options.seed)
    except (AssertionError, BaseExceptionGroup) as failure:
        print(f"!! along the links: {failure}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
