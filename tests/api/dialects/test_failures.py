"""A run that failed is a status, and nobody is told to run it again where that would be one agent too many."""

import pytest

from clinvk.api.dialects import failures
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.run import StopCause

STATUS = {
    ErrorCode.USAGE_LIMIT: (429, "usage-limit"),
    ErrorCode.NOT_AUTHENTICATED: (503, "backend-not-authenticated"),
    ErrorCode.MODEL_NOT_FOUND: (404, "model-not-found"),
    ErrorCode.OVERLOADED: (503, "backend-overloaded"),
    ErrorCode.TIMEOUT: (504, "timeout"),
    ErrorCode.CANCELLED: (409, "run-cancelled"),
    ErrorCode.INTERNAL: (500, "internal"),
    ErrorCode.INTERRUPTED: (500, "internal"),
}


@pytest.mark.parametrize("code", ErrorCode)
def test_every_failure_has_its_status_and_keeps_its_sentence(code):
    problem = failures.of(RunError(code, "What happened."))
    assert (problem.status, problem.kind.value.slug) == STATUS.get(code, (502, "backend-failed"))
    assert problem.detail == "What happened."


@pytest.mark.parametrize("code", set(ErrorCode) - {ErrorCode.MODEL_NOT_FOUND, ErrorCode.OVERLOADED})
def test_what_an_sdk_would_repeat_by_itself_is_not_to_be_repeated(code):
    assert failures.of(RunError(code, "")).headers["x-should-retry"] == "false"


def test_a_run_that_ended_with_the_server_is_nobodys_wish():
    cancelled = RunError(ErrorCode.CANCELLED, "The run was cancelled because the server shut down")
    problem = failures.of(cancelled, StopCause.SHUTDOWN)
    assert (problem.status, problem.kind.value.slug) == (503, "shutting-down")
    assert problem.headers == {"Retry-After": "5", "x-should-retry": "false"}
    assert failures.of(cancelled, StopCause.CLIENT).status == 409


def test_an_overloaded_provider_may_be_asked_again_later():
    assert failures.of(RunError(ErrorCode.OVERLOADED, "")).headers == {"Retry-After": "30"}


@pytest.mark.parametrize(("seconds", "told"), [(0.0, "1"), (1.2, "2"), (60.0, "60"), (60.1, None), (None, None)])
def test_how_long_to_wait_is_told_where_it_is_known_and_no_sdk_would_hang_on_it(seconds, told):
    headers = failures.of(RunError(ErrorCode.USAGE_LIMIT, "", seconds)).headers
    assert headers.get("Retry-After") == told
