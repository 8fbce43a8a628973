"""The other side of the Agent Client Protocol, played by hand."""

import json

from clinvk.backends.acp.dialogue import AcpDialogue
from clinvk.backends.acp.quirks import Quirks
from clinvk.backends.failures import Cures
from clinvk.domain.events import TurnDone
from clinvk.domain.spec import RunSpec

CURES = Cures("agent", "log in to it")
PLAIN = Quirks(CURES)
UUID = "00000000-0000-4000-8000-000000000001"
SPEC = RunSpec("agent", "hello", "/project")
RESUMED = RunSpec("agent", "again", "/project", resume=UUID)
READY = {"protocolVersion": 1, "agentCapabilities": {"loadSession": True}}
TOOL = {"sessionUpdate": "tool_call", "toolCallId": "c", "title": "a", "kind": "read", "status": "pending"}


class Agent:
    """The other side, played by hand: what it was sent, and what it answers."""

    def __init__(self, quirks=PLAIN):
        self.dialogue = AcpDialogue(quirks)
        self.dialogue.open()

    def sent(self):
        messages = [json.loads(line) for line in self.dialogue.outgoing().data.splitlines()]
        assert all(message.pop("jsonrpc") == "2.0" for message in messages)
        return messages

    def says(self, message):
        return self.dialogue.receive(json.dumps(message).encode() + b"\n")

    def answers(self, request, result):
        return self.says({"id": request, "result": result})

    def fails(self, request, **error):
        return self.says({"id": request, "error": error})

    def updates(self, session="s", **update):
        return self.says({"method": "session/update", "params": {"sessionId": session, "update": update}})

    def writes(self, text, session="s"):
        content = {"type": "text", "text": text}
        return self.updates(session, sessionUpdate="agent_message_chunk", content=content)


def prompted_agent(quirks=PLAIN, spec=SPEC):
    """An agent in the middle of turn `t`, conversation `s`; the prompt is request 3."""
    agent = Agent(quirks)
    agent.dialogue.begin("t", spec)
    agent.answers(1, READY)
    agent.answers(2, {"sessionId": "s"})
    agent.sent()
    return agent


class AtWork:
    """An agent with the turn "t" under way in conversation "s"; its prompt is request 3."""

    def __init__(self, quirks=PLAIN, max_turns=None):
        self.dialogue = AcpDialogue(quirks)
        self.dialogue.open()
        self.dialogue.begin("t", RunSpec("agent", "hello", "/project", max_turns=max_turns))
        self.says({"id": 1, "result": {"protocolVersion": 1}})
        self.says({"id": 2, "result": {"sessionId": "s"}})
        self.dialogue.outgoing()

    def says(self, message):
        said = self.dialogue.receive(json.dumps(message).encode() + b"\n")
        return [one.output for one in said]

    def updates(self, what, **update):
        return self.says(
            {"method": "session/update", "params": {"sessionId": "s", "update": {"sessionUpdate": what, **update}}}
        )

    def writes(self, text, kind="agent_message_chunk"):
        return self.updates(kind, content={"type": "text", "text": text})

    def calls(self, tool, status="pending", **call):
        return self.updates("tool_call", toolCallId=tool, title="a.txt", kind="read", status=status, **call)

    def follows_up(self, tool, status="completed", **call):
        return self.updates("tool_call_update", toolCallId=tool, status=status, **call)

    def asks(self, tool="c", request=0, options=("allow_once", "reject_once"), **call):
        offered = [{"optionId": option.upper(), "kind": option} for option in options]
        params = {"sessionId": "s", "options": offered, "toolCall": {"toolCallId": tool, "title": "x", **call}}
        return self.says({"id": request, "method": "session/request_permission", "params": params})

    def sent(self):
        return [json.loads(line) for line in self.dialogue.outgoing().data.splitlines()]

    def ends(self):
        return self.says({"id": 3, "result": {"stopReason": "end_turn"}})


def outputs(said):
    return [one.output for one in said]


def end(said):
    """The end of the one turn that ended."""
    (done,) = [one.output for one in said if isinstance(one.output, TurnDone)]
    return done


def shown(said):
    return {"type": "content", "content": {"type": "text", "text": said}}


def ask(agent, request=0, kind="execute", options=("allow_once", "reject_once"), **call):
    offered = [{"optionId": option.upper(), "name": option, "kind": option} for option in options]
    tool = {"toolCallId": "c", "title": "rm", "kind": kind, **call}
    params = {"sessionId": "s", "options": offered, "toolCall": tool}
    return agent.says({"id": request, "method": "session/request_permission", "params": params})
