"""What users of the SDKs ask, and what they are to see: the same for every SDK, except where it says otherwise.

An expectation by API is a mapping with the API's name, or an SDK's and the API's, as keys.
"""

from dataclasses import dataclass, field

from tests.sdks.bench import Ask

ENDS = {"chat": "stop", "messages": "end_turn", "responses": "completed"}
WORDS = "word word word "
ANSWER = (
    "This is clinvk's demo backend, no model was asked. "
    'You wrote: "hello" in turn 1 of this conversation. /help lists more.'
)
THOUGHT = "Having thought about peace, the demo backend has come to no conclusion."


@dataclass(frozen=True)
class Scenario:
    """An ask that is answered. `usage` is tokens in and out."""

    ask: Ask
    text: str
    usage: tuple[int, int]
    finish: dict[str, str] = field(default_factory=lambda: ENDS)


ANSWERED = {
    "letters of every length": Scenario(Ask("é 漢字 😀"), ANSWER.replace("hello", "é 漢字 😀"), (3, 23)),
    "words that come at once": Scenario(Ask("/burst 3"), WORDS, (2, 3)),
    "garbage on the way": Scenario(
        Ask("/garbage", system="be brief"), "That was a little garbage, and this is the answer.", (3, 10)
    ),
}
"""What every way of asking gives alike: whole, streamed, by the SDK's own helper."""


@dataclass(frozen=True)
class Failing:
    """An ask that fails: the class that Python's SDKs raise, the status, and what the message says.

    `by` is how OpenAI's errors say it more closely, `kind` how Anthropic's do. `runs` is how many were started.
    """

    ask: Ask
    raises: str
    status: int
    says: str
    kind: str
    code: str | None = None
    type: str = "invalid_request_error"
    param: dict[str, str | None] = field(default_factory=dict)
    runs: int = 1


REFUSED = {
    "a limit that is none": Failing(
        Ask("/burst 3", most=0), "BadRequestError", 400, "0 is too small", "invalid_request_error",
        param={"chat": "max_completion_tokens", "responses": "max_output_tokens"}, runs=0,
    ),
    "a backend whose CLI is not installed": Failing(
        Ask("/burst 3", model="claude"), "BadRequestError", 400, "The requested backend 'claude' is not available",
        "invalid_request_error", code="model_not_found", runs=0,
    ),
    "a run that fails": Failing(
        Ask("/fail"), "InternalServerError", 502, "The demo backend failed, as /fail asked it to",
        "api_error", code="cli_failed", type="server_error",
    ),
    "a CLI that may do no more": Failing(
        Ask("/usage-limit"), "RateLimitError", 429, "usage limit is reached", "rate_limit_error",
        code="insufficient_quota", type="insufficient_quota",
    ),
}  # fmt: skip
"""What fails before anything was said, streamed or not."""

CRASHED = "The demo backend crashed in the middle of a turn"
