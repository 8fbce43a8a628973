"""Whatever is sent, the answer is one that /openapi.json describes. scripts/conformance sends more of it."""

import pytest

from clinvk.api.table import ROUTES
from tests.conformance import NO_CLIS, TAKING_ALL, Conformance
from tests.e2e.conftest import Served, configure

EXAMPLES = {
    "createPrompt": 80,
    "createParallel": 30,
    "createChain": 30,
    "createCompare": 40,
    "followRun": 60,
    "followEvents": 40,
}
"""Requests, and as many wrong ones: about a thousand in all. The same each time."""
USUAL = 30
WITHOUT_ANYTHING = 8  # nothing but the accepted types differs

# What a likely request is answered with: that it came so far shows that more than refusals were judged.
REACHED = {
    "createChatCompletion": {200, 400},
    "createResponse": {200, 400},
    "createMessage": {200, 400},
    "createPrompt": {200, 202, 400},
    "createParallel": {200, 400},
    "createChain": {200, 400},
    "createCompare": {200, 400},
    "cancelGroup": {200, 400, 404},
    "listRuns": {200, 400},
    "getRun": {200, 404},
    "deleteRun": {200, 400, 404},
    "cancelRun": {200, 400, 404},
    "followRun": {200, 400, 404},
    "rerunRun": {202, 400, 404},
    "listRequests": {200, 400},
    "followEvents": {200, 400},
    "listSessions": {200, 400},
    "getSession": {200, 404},
    "deleteSession": {200, 404},
}


@pytest.fixture(scope="module")
def examined(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    settings = {"server": {"console_enabled": True, "metrics_enabled": True}}
    served = Served(configure(home, **settings, **TAKING_ALL), more=NO_CLIS)
    yield Conformance(served)
    served.end()


@pytest.mark.e2e
@pytest.mark.timeout(240)
@pytest.mark.parametrize("name", [route.name for route in ROUTES])
def test_every_answer_is_one_that_is_documented(name, examined):
    modes = examined.modes(name)
    examples = EXAMPLES.get(name, USUAL if len(modes) > 1 else WITHOUT_ANYTHING)
    for mode in modes:
        examined.examine(name, mode, examples, seed=None)
    assert examined.statuses[name].keys() >= REACHED.get(name, {200}), examined.table()


# What the walks come to, and find.
WALKED = {"createPrompt", "createParallel", "cancelGroup", "getRun", "followRun", "listRuns", "getSession"}


@pytest.mark.e2e
@pytest.mark.timeout(240)
def test_what_an_answer_links_to_is_there(examined):
    found: set[str] = set()
    # Where walks lead is chance, and how quick the answers are: most often the first few come everywhere.
    for seed in (None, *range(8)):
        examined.walks.go(scenarios=8, steps=8, seed=seed)
        found = {name for name, counted in examined.walks.statuses.items() if 200 in counted}
        if found >= WALKED:
            break
    assert found >= WALKED, examined.table()


def test_every_operation_of_the_document_is_examined(examined):
    assert set(examined.names) == {route.name for route in ROUTES}
