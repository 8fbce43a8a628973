"""docs/reference/errors.md."""

from collections.abc import Mapping

from markdown import GENERATED, example, joined, table

from clinvk.api.problems import BASE, Kind, Problem
from clinvk.domain.errors import ErrorCode, Fault
from clinvk.schemas.checker import TOLD

ERRORS: Mapping[ErrorCode, str] = {
    ErrorCode.BACKEND_FAILED: "The CLI said that the turn failed.",
    ErrorCode.BACKEND_EXITED: "The CLI ended with a code or by a signal before it gave a result.",
    ErrorCode.NO_RESULT: "The CLI ended well and gave no result.",
    ErrorCode.SPAWN_FAILED: "The CLI could not be started.",
    ErrorCode.USAGE_LIMIT: "The account behind the CLI has reached its limit.",
    ErrorCode.NOT_AUTHENTICATED: "The CLI is not logged in, or its key is refused.",
    ErrorCode.FORBIDDEN: "The account behind the CLI may not do that.",
    ErrorCode.MODEL_NOT_FOUND: "The provider knows no such model.",
    ErrorCode.OVERLOADED: "The provider behind the CLI is overloaded.",
    ErrorCode.PROVIDER_ERROR: "The provider refused the request, or failed.",
    ErrorCode.NETWORK: "The provider was not reached, or the connection broke.",
    ErrorCode.UNTRUSTED_FOLDER: "The CLI does not work in a folder that its user has not called trusted.",
    ErrorCode.NO_REPOSITORY: "The CLI works in git repositories only.",
    ErrorCode.RESUME_FAILED: "The conversation to go on with is not there, or another one came back.",
    ErrorCode.PROTOCOL: "The CLI broke its own protocol.",
    ErrorCode.TIMEOUT: "One of our clocks struck; the message names it.",
    ErrorCode.OUTPUT_LIMIT: "The run wrote more, or a longer line, than is allowed.",
    ErrorCode.MEMORY: "Its processes held more memory than `server.max_run_memory_bytes` allows.",
    ErrorCode.MAX_TURNS: "The agent took more turns than were asked for.",
    ErrorCode.CANCELLED: "The run was stopped.",
    ErrorCode.INTERRUPTED: "The server died while the run was live.",
    ErrorCode.INTERNAL: "A fault of clinvk's own; its log says more.",
}

PROBLEMS = f"""Answers with an error status are `application/problem+json`; `type` is `{BASE}` and the slug, \
and `error` is the same in the form that the OpenAI SDKs read, or the Anthropic ones when the request carries \
`anthropic-version`. `errors` lists every fault of the request, each with its place, what was found there and \
what was expected; of more than {TOLD} faults of a body the rest are only counted.
"""
RUNS = "`error.code` of a run that failed or was cancelled; `error.message` says it in a sentence.\n"
FAULTS = (
    Fault("/promt", "is not a known field", "perhaps 'prompt'"),
    Fault("/timeout_secs", '"60" has the wrong type', "a number"),
)


def page() -> str:
    """The page."""
    told = "; ".join(f"{fault.path} {fault.message} (expected {fault.expected})" for fault in FAULTS)
    shown = Problem(Kind.INVALID_REQUEST, told, list(FAULTS))
    parts = [f"# Errors\n\n{GENERATED}\n", f"## Problems\n\n{PROBLEMS}"]
    parts.append(table(("status", "slug", "title", "headers"), map(_problem, Kind)))
    parts.append(
        "`overloaded` says when to come back in `Retry-After`; `method-not-allowed` what is in `Allow`.\n"
    )
    parts.append(example(shown.body("req_01k9w3m4x5c8f2h6j0n4q8s2v7")))
    parts.append(f"## Errors of a run\n\n{RUNS}")
    parts.append(table(("code", "meaning"), ((f"`{code}`", ERRORS[code]) for code in ErrorCode)))
    return joined(parts)


def _problem(kind: Kind) -> tuple[str, str, str, str]:
    known = kind.value
    headers = ", ".join(f"`{name}: {value}`" for name, value in known.headers.items())
    return str(known.status), f"`{known.slug}`", known.title, headers
