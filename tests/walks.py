"""Walks along the links of the OpenAPI document: from what one answer tells to what takes it."""

import collections
import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import hypothesis
import requests
import schemathesis
from hypothesis import Phase, settings

from tests.made_up import IN_ORDER, OF_SESSIONS, QUIET, STREAMS, EventJudge, make_likely

LEADS_NOWHERE = {"dry_run", "ephemeral", "output_format"}
# One has no end. The others link to what a parallel request links to, and their bodies take long to make up.
NOT_WALKED = ["followEvents", "createChain", "createCompare", "createMessage", "createResponse", "countTokens"]


@dataclass
class Walks:
    """All walks over one server's document."""

    document: Mapping[str, Any]
    url: str
    session: requests.Session
    statuses: dict[str, collections.Counter[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._events = EventJudge()

    def go(self, scenarios: int, steps: int, seed: int | None) -> None:
        """So many walks, so far each; the same ones each time where `seed` is None.

        Raises what the first answer that is wrong breaks.
        """
        loaded = schemathesis.openapi.from_dict(_without_pages(self.document)).exclude(operation_id=NOT_WALKED)
        loaded.config.phases.stateful.inference.algorithms = []  # our own links, and no guesses at more
        walks = self

        class Walk(loaded.as_state_machine()):  # type: ignore[misc]
            """One of them."""

            deleted = False

            def before_call(self, case: Any) -> None:
                if case.meta.generation.mode.is_positive:  # a wrong one is to be refused, now and then
                    _make_leading(case)

            def step(self, given: Any) -> Any:
                output = super().step(given)
                # A session takes its runs with it.
                self.deleted |= (output.case.method, output.response.status_code) == ("DELETE", 200)
                if given.applied_parameters and not self.deleted:
                    assert output.response.status_code != 404, given.transition.id
                return output

            def get_call_kwargs(self, case: Any) -> dict[str, Any]:
                return {"base_url": walks.url, "session": walks.session, "timeout": 20}

            def validate_response(self, response: Any, case: Any, **_: Any) -> None:
                walks.judge(response, case, self.recorder)

        far = settings(
            QUIET,
            max_examples=scenarios,
            stateful_step_count=steps,
            derandomize=seed is None,
            phases=(Phase.generate,),
        )
        (Walk if seed is None else hypothesis.seed(seed)(Walk)).run(settings=far)

    def judge(self, answer: Any, case: Any, recorder: Any) -> None:
        """One answer, in the light of those before it."""
        name = case.operation.definition.raw["operationId"]
        self.statuses.setdefault(name, collections.Counter())[answer.status_code] += 1
        (media_type,) = answer.headers.get("content-type", [""])
        if media_type.partition(";")[0] in STREAMS:
            self._events.judge(case, answer, answer.content.splitlines())
            return
        judges = OF_SESSIONS if "/sessions/" in case.operation.path else IN_ORDER
        case.validate_response(answer, checks=judges, recorder=recorder)


def _make_leading(case: Any) -> None:
    make_likely(case)
    if isinstance(case.body, dict):
        case.body = {name: each for name, each in case.body.items() if name not in LEADS_NOWHERE}


def _without_pages(document: Mapping[str, Any]) -> dict[str, Any]:
    """`document` without the links from a list to its next page: most walks would begin there, and end there."""
    cut: dict[str, Any] = copy.deepcopy(dict(document))
    for path in ("/api/v1/runs", "/api/v1/sessions"):
        del cut["paths"][path]["get"]["responses"]["200"]["links"]
    return cut
