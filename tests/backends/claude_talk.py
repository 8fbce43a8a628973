"""Both sides of a talk with claude: what it says, and what it is sent."""

import json

from clinvk.backends.base import Dialogue
from clinvk.backends.claude.dialogue import ClaudeDialogue
from clinvk.domain.spec import RunSpec

WORKDIR = "/home/dev/project"
UUID = "3660d789-b763-4698-bb4b-c5cd024dfe7a"
GREETED = {"type": "control_response", "response": {"subtype": "success", "request_id": "hello", "response": {}}}
INIT = {"type": "system", "subtype": "init", "session_id": UUID}
RESULT = {"type": "result", "subtype": "success", "is_error": False, "stop_reason": "end_turn", "result": ""}


def spec(prompt="hello", **asked):
    return RunSpec("claude", prompt, WORKDIR, **asked)


def fresh(one=None):
    """A dialogue that has said hello and was given a turn."""
    one = one or spec()
    dialogue: Dialogue = ClaudeDialogue(one)
    dialogue.open()
    dialogue.begin("t", one)
    return dialogue


def prompted(one=None):
    """A dialogue with the turn "t" under way."""
    dialogue = fresh(one)
    heard(dialogue, GREETED)
    dialogue.outgoing()
    return dialogue


def line(message):
    return json.dumps(message).encode() + b"\n"


def heard(dialogue, *messages):
    """What the turn "t" says."""
    said = dialogue.receive(b"".join(map(line, messages)))
    assert {one.turn for one in said} <= {"t"}
    return [one.output for one in said]


def sent(dialogue):
    data, close_stdin = dialogue.outgoing()
    assert not close_stdin
    return [json.loads(one) for one in data.splitlines()]


def requested(dialogue):
    return [one["request"] for one in sent(dialogue) if one["type"] == "control_request"]


def replied(dialogue):
    return [one["response"] for one in sent(dialogue) if one["type"] == "control_response"]


def tool_use(tool="1", name="Bash"):
    block = {"type": "tool_use", "id": tool, "name": name, "input": {}}
    return {"type": "assistant", "message": {"id": "m", "content": [block]}}


def tool_result(tool="1", **more):
    block = {"type": "tool_result", "tool_use_id": tool, "content": "o", **more}
    return {"type": "user", "message": {"content": [block]}}


def prompt_ask(**more):
    request = {"subtype": "can_use_tool", "tool_name": "Write", "input": {"file_path": "/a"}, "tool_use_id": "1"}
    return {"type": "control_request", "request_id": "r", "request": request | more}


def hook_ask(tool, **given):
    told = {"tool_name": tool, "tool_input": given}
    request = {"subtype": "hook_callback", "callback_id": "vet", "input": told, "tool_use_id": "1"}
    return {"type": "control_request", "request_id": "h", "request": request}
