"""What gemini does its own way in the Agent Client Protocol."""

import json

import pytest

from clinvk.backends.base import Said
from clinvk.backends.gemini import quirks, text
from clinvk.backends.gemini.backend import GeminiBackend
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import Notice, SessionBound, ToolStarted, TurnDone, UsageReported
from clinvk.domain.run import StopReason
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage

UUID = "0275709f-d70f-4a05-b03b-a0495b28b953"


def spec(prompt="hello", **fields):
    return RunSpec("gemini", prompt, "/project", **fields)


class Gemini:
    """A gemini whose handshake is done."""

    def __init__(self, spec):
        self.dialogue = GeminiBackend().dialogue(spec)
        self.dialogue.open()
        self.dialogue.begin("t", spec)
        self.says({"id": 1, "result": {"protocolVersion": 1}})

    def says(self, message):
        return [one.output for one in self.dialogue.receive(json.dumps(message).encode() + b"\n")]

    def updates(self, session="s", **update):
        return self.says({"method": "session/update", "params": {"sessionId": session, "update": update}})

    def sent(self):
        return [json.loads(line)["params"] for line in self.dialogue.outgoing().data.splitlines()]


def prompted(**fields):
    """A gemini at work, and the texts of its prompt."""
    gemini = Gemini(spec(**fields))
    gemini.says({"id": 2, "result": {"sessionId": "s"}})
    return gemini, [block["text"] for block in gemini.sent()[-1]["prompt"]]


def ended(result=None, **error):
    """How the turn ends that `result`, or an error, is the answer to."""
    gemini, _ = prompted()
    *before, done = gemini.says({"id": 3, "result": result} if result else {"id": 3, "error": error})
    assert isinstance(done, TurnDone)
    return before, done


def tokens(given, made):
    counts = {"input_tokens": given, "output_tokens": made}
    return {"stopReason": "end_turn", "_meta": {"quota": {"token_count": counts, "model_usage": []}}}


@pytest.mark.parametrize("prompt", ["/about", " /about", "\n\u3000\ufeff/memory show", "$about", "\t$ help", "/"])
def test_a_prompt_like_a_command_is_a_prompt(prompt):
    _, (sent,) = prompted(prompt=prompt)
    assert sent == "\u200b" + prompt


@pytest.mark.parametrize("prompt", ["hello", "what is /about?", "@a.txt", "!ls", "", "\u200b/about", "1/2"])
def test_any_other_prompt_is_sent_as_it_is(prompt):
    _, (sent,) = prompted(prompt=prompt)
    assert sent == prompt


def test_an_added_system_prompt_goes_before_the_prompt_and_no_command_follows_it():
    _, sent = prompted(prompt="/about", system_prompt="Be brief.")
    assert sent == ["<instructions>\nBe brief.\n</instructions>\n", "/about"]


def test_a_system_prompt_in_place_of_geminis_own_is_no_part_of_the_prompt():
    _, sent = prompted(system_prompt="You are a cat.", replace_system_prompt=True)
    assert sent == ["hello"]


def test_a_conversation_is_loaded_under_a_name_that_keeps_its_file_from_being_overwritten():
    gemini = Gemini(spec(resume=UUID))
    assert gemini.sent()[-1]["sessionId"] == f" {UUID}"
    assert gemini.says({"id": 2, "result": {}}) == []
    assert gemini.updates(f" {UUID}", sessionUpdate="available_commands_update") == [SessionBound(UUID)]
    assert gemini.sent()[-1]["sessionId"] == f" {UUID}"


@pytest.mark.parametrize("tool", ["read_file__read_file_1795245058122_0", "read_file__op__2"])
def test_a_tool_is_called_what_gemini_calls_it(tool):
    gemini, _ = prompted()
    call = {"toolCallId": tool, "title": "a.txt", "kind": "read"}
    (started,) = gemini.updates(sessionUpdate="tool_call", **call)
    assert started == ToolStarted(tool, "read_file", "a.txt")


@pytest.mark.parametrize(
    ("tool", "same"),
    [
        ("read_file__read_file_1795245453444_0", False),
        ("read_file__read_file_1795245453449_1", True),
        ("read_file__read_file_1795245453451_12", True),
        ("read_file__op-2", True),
    ],
)
def test_calls_of_one_request_are_numbered_from_zero(tool, same):
    assert quirks.same_round(tool) is same


def test_tokens_are_told_at_the_end():
    before, done = ended(tokens(100, 10))
    assert (before, done) == ([UsageReported(Usage(100, 10))], TurnDone(StopReason.END_TURN))


@pytest.mark.parametrize("result", [{"stopReason": "end_turn"}, tokens("many", 1), tokens(1, -1)])
def test_tokens_that_are_not_told_are_no_failure(result):
    assert ended(result) == ([], TurnDone(StopReason.END_TURN))


def test_an_end_that_cost_nothing_is_a_stream_that_broke_off():
    said = "The model's answer broke off, or was blocked, and gemini tried again in vain; send the prompt again"
    _, done = ended(tokens(0, 0))
    assert done.error == RunError(ErrorCode.PROVIDER_ERROR, said)
    for spent in (tokens(1, 0), tokens(0, 1)):
        assert ended(spent)[1] == TurnDone(StopReason.END_TURN)


def test_a_limit_that_cost_nothing_is_a_limit():
    _, done = ended({**tokens(0, 0), "stopReason": "max_turn_requests"})
    assert done.error.code is ErrorCode.MAX_TURNS


def wrapped(code, message):
    return json.dumps({"error": {"code": code, "message": message, "details": []}})


@pytest.mark.parametrize(
    ("code", "message", "expected"),
    [
        (-32000, "Gemini API key is missing or not configured.", ErrorCode.NOT_AUTHENTICATED),
        (400, wrapped(400, "API key not valid. Please pass a valid API key."), ErrorCode.NOT_AUTHENTICATED),
        (400, wrapped(400, "no"), ErrorCode.PROVIDER_ERROR),
        (401, wrapped(401, "no"), ErrorCode.NOT_AUTHENTICATED),
        (403, wrapped(403, "no"), ErrorCode.FORBIDDEN),
        (404, "no", ErrorCode.MODEL_NOT_FOUND),
        (500, "models/foo is not found for API version v1beta", ErrorCode.MODEL_NOT_FOUND),
        (500, "Requested entity was not found.", ErrorCode.MODEL_NOT_FOUND),
        (500, wrapped(500, "internal"), ErrorCode.PROVIDER_ERROR),
        (500, wrapped(500, "the network of the provider"), ErrorCode.PROVIDER_ERROR),
        (500, "exception TypeError: fetch failed sending request", ErrorCode.NETWORK),
        (500, "terminated", ErrorCode.NETWORK),
        (500, "Incomplete JSON segment at the end", ErrorCode.NETWORK),
        (500, "something else", ErrorCode.PROVIDER_ERROR),
        (503, "The model is overloaded. Please try again later.", ErrorCode.OVERLOADED),
        (429, "Rate limit exceeded. Try again later.", ErrorCode.USAGE_LIMIT),
        (-32603, "Internal error", ErrorCode.BACKEND_FAILED),
    ],
)
def test_an_error_is_told_by_its_cause(code, message, expected):
    _, done = ended(code=code, message=message)
    assert done.error.code is expected
    assert '{"error"' not in done.error.message


@pytest.mark.parametrize(
    ("code", "message", "words"),
    [
        (400, wrapped(400, "API key not valid."), "or set GEMINI_API_KEY: API key not valid."),
        (500, "last status: 401", "or set GEMINI_API_KEY: last status: 401"),
        (600, "no", "gemini failed; see what it says: no"),
    ],
)
def test_a_failure_is_told_in_the_providers_words(code, message, words):
    _, done = ended(code=code, message=message)
    assert done.error.message.endswith(words)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("You have exhausted your capacity on this model. Your quota will reset after 3h14m53s.", 11693.0),
        ("You exceeded your current quota. Please retry in 3h 12m 5s.", 11525.0),
        ("quota\nSuggested retry after 3600s.", 3600.0),
        ("Please retry in 250.5ms", 0.2505),
        ("Your quota will reset after 2d", 172800.0),
        ("You have exhausted your daily quota on this model.", None),
        ("retry after lunch", None),
    ],
)
def test_when_a_quota_is_reset_is_told(said, seconds):
    assert text.wait_of(said) == (None if seconds is None else pytest.approx(seconds))
    _, done = ended(code=429, message=said)
    assert (done.error.code, done.error.retry_after_secs) == (ErrorCode.USAGE_LIMIT, text.wait_of(said))


@pytest.mark.parametrize("said", ["plain", "[1]", '{"error": "x"}', '{"error": {"message": 1}}', "{}"])
def test_words_that_are_in_no_answer_are_as_they_are(said):
    assert text.unwrapped(said) == said


def test_a_login_asked_for_on_stdout_ends_the_turn():
    gemini = Gemini(spec())
    page = b"\x1b[2JPlease visit the following URL to authorize the application:\n"
    *_, end = gemini.dialogue.receive(page)
    assert (end.turn, end.output.error.code) == ("t", ErrorCode.NOT_AUTHENTICATED)
    assert "choose a login" in end.output.error.message


def test_any_other_line_on_stdout_ends_nothing():
    (notice,) = Gemini(spec()).dialogue.receive(b"Loaded cached credentials.\n")
    assert notice == Said(None, Notice("The CLI wrote: Loaded cached credentials."))
