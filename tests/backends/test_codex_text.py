"""What codex says went wrong, in our words; its tools in the domain's."""

import pytest

from clinvk.backends.codex import items, text
from clinvk.domain.errors import ErrorCode
from clinvk.domain.events import ToolDone, ToolStarted
from clinvk.domain.run import Exit


def status(code, kind="httpConnectionFailed"):
    return {kind: {"httpStatusCode": code}}


@pytest.mark.parametrize(
    ("info", "code"),
    [
        (status(400), ErrorCode.PROVIDER_ERROR),
        (status(401), ErrorCode.NOT_AUTHENTICATED),
        (status(403), ErrorCode.FORBIDDEN),
        (status(429, "responseTooManyFailedAttempts"), ErrorCode.USAGE_LIMIT),
        (status(503), ErrorCode.OVERLOADED),
        (status(529), ErrorCode.OVERLOADED),
        (status(None), ErrorCode.BACKEND_FAILED),
        (status(200), ErrorCode.BACKEND_FAILED),
        (status(600), ErrorCode.BACKEND_FAILED),
        (status(True), ErrorCode.BACKEND_FAILED),
        ({"odd": None}, ErrorCode.BACKEND_FAILED),
        ("unauthorized", ErrorCode.NOT_AUTHENTICATED),
        ("modelNotFound", ErrorCode.MODEL_NOT_FOUND),
        ("usageLimitExceeded", ErrorCode.USAGE_LIMIT),
        ("rateLimitExceeded", ErrorCode.USAGE_LIMIT),
        ("serverOverloaded", ErrorCode.OVERLOADED),
        ("internalServerError", ErrorCode.PROVIDER_ERROR),
        ("badRequest", ErrorCode.PROVIDER_ERROR),
        ("other", ErrorCode.BACKEND_FAILED),
        (None, ErrorCode.BACKEND_FAILED),
    ],
)
def test_a_failure_is_told_by_its_name_or_status(info, code):
    assert text.failure({"message": "words", "codexErrorInfo": info}).code is code


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("Missing environment variable: `OPENAI_API_KEY`.", ErrorCode.NOT_AUTHENTICATED),
        ("Connection failed: error sending request", ErrorCode.NETWORK),
        ("stream disconnected before completion: x", ErrorCode.NETWORK),
        ("unexpected status 403 Forbidden: no", ErrorCode.FORBIDDEN),
        ('{"error": {"message": "bad field"}}', ErrorCode.PROVIDER_ERROR),
        ('{"error": "odd"}', ErrorCode.BACKEND_FAILED),
        ("who knows", ErrorCode.BACKEND_FAILED),
        (None, ErrorCode.BACKEND_FAILED),
    ],
)
def test_a_failure_without_a_name_is_told_by_its_words(message, code):
    assert text.failure({"message": message, "codexErrorInfo": "other"}).code is code


@pytest.mark.parametrize(
    ("message", "words"),
    [
        (
            "Missing environment variable: `K`.",
            ["`backends.codex.pass_env`", ": Missing environment variable: `K`."],
        ),
        ("unexpected status 401 Unauthorized", ["run `codex login`", ": unexpected status 401"]),
        ("who knows", ["codex failed: who knows"]),
        ("half a pair: \ud800", ["codex failed: half a pair: \ud800"]),
    ],
)
def test_a_failure_keeps_codexs_words_and_names_the_cure(message, words):
    told = text.failure({"message": message}).message
    assert [word for word in words if word not in told] == []


def test_a_providers_json_is_told_as_its_message():
    error = text.failure({"message": '{"error": {"message": "bad field"}}'})
    assert error.message == "The provider refused the request (400); see what it says: bad field"


@pytest.mark.parametrize(
    ("item", "started", "done"),
    [
        (
            {
                "type": "commandExecution",
                "command": "ls",
                "status": "completed",
                "exitCode": 0,
                "aggregatedOutput": "a",
            },
            ("shell", "ls"),
            (True, "a"),
        ),
        (
            {"type": "commandExecution", "command": "ls", "status": "declined", "exitCode": None},
            ("shell", "ls"),
            (False, None),
        ),
        ({"type": "fileChange", "changes": [], "status": "completed"}, ("apply_patch", "[]"), (True, None)),
        (
            {
                "type": "mcpToolCall",
                "server": "s",
                "tool": "t",
                "arguments": {"a": 1},
                "status": "completed",
                "result": "r",
            },
            ("s.t", '{"a":1}'),
            (True, "r"),
        ),
        (
            {"type": "mcpToolCall", "server": "s", "tool": "t", "status": "completed", "error": {"message": "no"}},
            ("s.t", None),
            (False, '{"message":"no"}'),
        ),
        ({"type": "dynamicToolCall", "namespace": "n", "tool": "t"}, ("n.t", None), (True, None)),
        ({"type": "webSearch", "query": "q"}, ("web_search", "q"), (True, None)),
        ({"type": "sleep"}, ("sleep", None), (True, None)),
    ],
)
def test_a_tool_is_told(item, started, done):
    assert items.is_tool(item)
    assert items.started({"id": "1", **item}) == ToolStarted("1", *started)
    assert items.done({"id": "1", **item}) == ToolDone("1", *done)


def test_a_message_is_no_tool():
    assert not items.is_tool({"type": "agentMessage"})
    assert not items.is_tool({})


def test_a_folder_that_is_no_repository_is_named_with_the_cure():
    told = "Not inside a trusted directory and --skip-git-repo-check was not specified.\n"
    error = text.explain(Exit(1, None, told))
    assert error.code is ErrorCode.NO_REPOSITORY
    cure = "run `git init` there, or work in a repository"
    assert error.message == f"Codex works in git repositories only, and the workdir is none; {cure}"
    assert text.explain(Exit(0, None, told)) is None
