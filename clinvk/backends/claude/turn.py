"""One turn of a conversation: what claude's messages say in it."""

from collections.abc import Iterator
from typing import Any

from clinvk.backends import json_lines
from clinvk.backends.base import TurnId
from clinvk.backends.claude import result
from clinvk.backends.claude.text import Speech, flat
from clinvk.backends.json_lines import Malformed, Message
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import ApprovalAsked, Notice, Output, ToolDone, ToolStarted, TurnDone, UsageReported
from clinvk.domain.spec import RunSpec


class Turn:
    """The turn under way: what of it is open. Its methods raise Malformed.

    If `vets`, every tool use is put to us before it happens. One that was not makes the turn `breached`.
    """

    def __init__(self, turn: TurnId, spec: RunSpec, vets: bool) -> None:
        self.id = turn
        self.spec = spec
        self.prompted = False
        self.bound: str | None = None
        """The conversation that this turn was said to be of."""
        self.breached = False
        self._vets = vets
        self._vetted: set[str] = set()
        self._speech = Speech()
        self._running: set[str] = set()
        self._denials_told: set[str] = set()
        self._wait: float | None = None

    def vetted(self, tool: str) -> None:
        """The use of a tool was put to us."""
        self._vetted.add(tool)

    def asked(self, ask: ApprovalAsked, tool: object) -> list[Output]:
        """An ask, which a denial will answer: claude's own report of that is no news."""
        self._denials_told.add(str(tool))
        return [ask]

    def streamed(self, message: Message) -> list[Output]:
        """A piece of an answer. What sub-agents say is for the agent to read, not for us."""
        event = message.get("event")
        if message.get("parent_tool_use_id") is not None:
            return []
        if not isinstance(event, dict):
            raise Malformed("event")
        return self._speech.streamed(event)

    def assistant(self, message: Message) -> list[Output]:
        """A finished piece of a message: text, thinking, or the use of a tool."""
        if message.get("is_api_error_message") is True:
            return self._failed(message)
        inner, content = _content(message)
        name, own = json_lines.text(inner, "id"), message.get("parent_tool_use_id") is None
        said: list[Output] = []
        for block in content:
            if block["type"] == "tool_use":
                said += self._tool(block)
            elif own and block["type"] == "text":
                said += self._speech.text(name, block["text"])
            elif own and block["type"] == "thinking":
                said += self._speech.thought(name, block["thinking"])
        return said

    def user(self, message: Message) -> list[Output]:
        """What tools gave. The rest is claude talking to the model."""
        _, content = _content(message)
        return [done for block in content if block["type"] == "tool_result" for done in self._tool_done(block)]

    def system(self, message: Message) -> list[Output]:
        """What claude tells of itself; little of it is news."""
        match message:
            case {"subtype": "api_retry"}:
                return [self._retry(message)]
            case {"subtype": "permission_denied", "tool_use_id": str(tool)}:
                return self._denied(tool, message)
            case {"subtype": str()}:
                return []
        raise Malformed("subtype")

    def finished(self, message: Message, cost_before: float | None) -> list[Output]:
        """The end, whatever else the message holds. Raises nothing: without it the turn would hang."""
        said: list[Output] = []
        error = result.failure(message, self.spec.max_turns, self._wait)
        if error is None and not self._speech.said_text:  # the words of a local command stand nowhere else
            said += self._speech.told(str(message.get("result") or ""))
        denials = message.get("permission_denials")
        for denial in denials if isinstance(denials, list) else []:
            if isinstance(denial, dict):
                said += self._denied(str(denial.get("tool_use_id")), denial)
        used = UsageReported(result.usage(message, cost_before))
        return [*said, *self.close(), used, TurnDone(result.stop_reason(message), error)]

    def failed(self, error: RunError) -> list[Output]:
        """An end that claude did not tell."""
        return [*self.close(), TurnDone(error=error)]

    def unheeded(self) -> list[Output]:
        """The end of a turn in which a tool was used without leave."""
        what = "claude used a tool without asking, though the run's modes demand it"
        cure = "it may be too old or too new for clinvk"
        return self.failed(RunError(ErrorCode.PROTOCOL, f"{what}; {cure}"))

    def close(self) -> list[Output]:
        return [*self._speech.close()]

    def _failed(self, message: Message) -> list[Output]:
        """The provider's failure, told in place of an answer; the result tells it again."""
        _, content = _content(message)
        for block in content:
            self._wait = result.seconds_until(str(block.get("text")), message.get("timestamp")) or self._wait
        return []

    def _tool(self, block: Message) -> Iterator[Output]:
        tool = block["id"]
        if tool not in self._running:
            self._running.add(tool)
            yield ToolStarted(tool, block["name"], flat(block.get("input")))

    def _tool_done(self, block: Message) -> Iterator[Output]:
        tool, ok = block["tool_use_id"], block.get("is_error") is not True
        if tool in self._running:
            self._running.discard(tool)
            self.breached = self.breached or (self._vets and ok and tool not in self._vetted)
            yield ToolDone(tool, ok, flat(block.get("content")))

    def _retry(self, message: Message) -> Notice:
        status, delay = message.get("error_status"), json_lines.amount(message.get("retry_delay_ms"))
        wait = (delay or 0.0) / 1000
        why = status or message.get("error") or "no answer"
        attempt, of = json_lines.count(message, "attempt"), json_lines.count(message, "max_retries")
        return Notice(f"The provider failed ({why}); claude tries again in {wait:.1f} s, {attempt} of {of} times")

    def _denied(self, tool: str, denial: Message) -> list[Output]:
        """A use of a tool that claude's own rules denied, told once."""
        if tool in self._denials_told:
            return []
        self._denials_told.add(tool)
        name, why = denial.get("tool_name"), denial.get("message")
        return [Notice(f"claude's own rules denied the use of {name}" + (f": {why}" if why else ""))]


def _content(message: Message) -> tuple[Message, list[Message]]:
    """The inner message, and its blocks that are of use. Raises Malformed, before anything is made of them."""
    inner: Any = message.get("message")
    if not isinstance(inner, dict):
        raise Malformed("message")
    content = inner.get("content")  # which may be a text in place of blocks
    return inner, [block for block in content if _of_use(block)] if isinstance(content, list) else []


def _of_use(block: Any) -> bool:
    match block:
        case {"type": "text", "text": str()} | {"type": "thinking", "thinking": str()}:
            return True
        case {"type": "tool_use", "id": str(), "name": str()} | {"type": "tool_result", "tool_use_id": str()}:
            return True
        case {"type": "text" | "thinking" | "tool_use" | "tool_result"}:
            raise Malformed("content")
        case _:
            return False
