"""What went wrong behind a CLI, in our words."""

import pytest

from clinvk.backends import failures
from clinvk.domain.errors import ErrorCode, RunError

CURES = failures.Cures("claude", "run `claude` and log in")


@pytest.mark.parametrize(
    ("status", "code", "cure"),
    [
        (400, ErrorCode.PROVIDER_ERROR, "refused the request (400); see what it says"),
        (401, ErrorCode.NOT_AUTHENTICATED, "run `claude` and log in"),
        (403, ErrorCode.FORBIDDEN, "see what it may use"),
        (404, ErrorCode.MODEL_NOT_FOUND, "name another one, or none"),
        (429, ErrorCode.USAGE_LIMIT, "claude is at its usage limit (429); try again later"),
        (499, ErrorCode.PROVIDER_ERROR, "refused the request (499)"),
        (500, ErrorCode.PROVIDER_ERROR, "failed (500); try again"),
        (503, ErrorCode.OVERLOADED, "overloaded (503); try again later"),
        (529, ErrorCode.OVERLOADED, "overloaded (529); try again later"),
    ],
)
def test_a_status_becomes_a_code_and_a_sentence_with_its_cure(status, code, cure):
    error = failures.by_status(status, "its words", CURES)
    assert error.code is code
    assert cure in error.message
    assert error.message.endswith(": its words")
    assert error.retry_after_secs is None


def test_a_usage_limit_says_when_to_try_again_where_that_is_known():
    assert failures.by_status(429, "", CURES, 30.0).retry_after_secs == 30.0
    assert failures.by_status(500, "", CURES, 30.0).retry_after_secs is None


def test_every_other_failure_names_its_cure_too():
    assert failures.not_logged_in(CURES) == RunError(
        ErrorCode.NOT_AUTHENTICATED,
        "claude is not logged in, or its key is refused; run `claude` and log in",
    )
    assert failures.overloaded("") == RunError(ErrorCode.OVERLOADED, "The provider is overloaded; try again later")
    assert failures.network("") == RunError(
        ErrorCode.NETWORK, "The model's provider cannot be reached; look at the network and the proxy"
    )
    assert failures.turn_limit(3).code is ErrorCode.MAX_TURNS
    assert "all 3 turns that max_turns allows; raise it" in failures.turn_limit(3).message
    assert failures.lost_conversation("gone") == RunError(
        ErrorCode.RESUME_FAILED,
        "The conversation cannot be continued: the CLI does not have it; begin a new one: gone",
    )
    assert failures.lost_conversation().message.endswith("begin a new one")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("unexpected status 401 Unauthorized", ErrorCode.NOT_AUTHENTICATED),
        ("last status: 429", ErrorCode.USAGE_LIMIT),
        ("API Error: 500 oops", ErrorCode.PROVIDER_ERROR),
        ("status code: 503", ErrorCode.OVERLOADED),
        ("HTTP 400", ErrorCode.PROVIDER_ERROR),
        ("HTTP 404", ErrorCode.MODEL_NOT_FOUND),
        ("connect ECONNREFUSED 127.0.0.1:9", ErrorCode.NETWORK),
        ("TypeError: fetch failed", ErrorCode.NETWORK),
        ("connect ENETUNREACH 192.0.2.1:443", ErrorCode.NETWORK),
        ("terminated", ErrorCode.NETWORK),
        ("[API Error: terminated]", ErrorCode.NETWORK),
        ("Waiting for network", ErrorCode.NETWORK),
        ("Transport error: network error: error decoding response body", ErrorCode.NETWORK),
        ("Network is unreachable (os error 101)", ErrorCode.NETWORK),
        ("network unreachable", ErrorCode.NETWORK),
        ("the network is down", ErrorCode.NETWORK),
        ("Network timeout", ErrorCode.NETWORK),
        ("a network failure", ErrorCode.NETWORK),
        ("status 200, then the connection closed", ErrorCode.NETWORK),
        ("status 200", None),
        ("HTTP 600", None),
        ("it broke", None),
        ("network access is disabled by the sandbox", None),
        ("no such file: network.py", None),
        ("the command was terminated by a signal", None),
        ("terminated, it said", None),
        ("", None),
    ],
)
def test_words_tell_a_status_or_a_broken_network_or_nothing(said, code):
    error = failures.by_words(said, CURES)
    assert (error and error.code) == code


@pytest.mark.parametrize(
    ("said", "detail"),
    [
        ("", ""),
        (" \n\t", ""),
        ("two\n  lines ", ": two lines"),
        ("x" * 300, ": " + "x" * 300),
        ("x" * 301, ": " + "x" * 299 + "…"),
    ],
)
def test_a_detail_is_one_line_that_somebody_reads(said, detail):
    assert failures.detail_of(said) == detail
