"""One turn of codex: what its notifications say, and what of it is open."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Final

from clinvk.backends import failures, json_lines
from clinvk.backends.base import TurnId
from clinvk.backends.blocks import TextBlocks
from clinvk.backends.codex import items, text
from clinvk.backends.json_lines import Malformed, Message
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import (
    Notice,
    Output,
    ReasoningDelta,
    ToolDone,
    TurnDone,
    UsageReported,
)
from clinvk.domain.run import StopReason
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage

_PATIENCE: Final = 3
"""How often codex may say of a retry what it said of the one before: it numbers those that will end."""


class Turn:
    """The turn under way. `native` is codex's own id of it, None before codex has given one."""

    def __init__(self, turn: TurnId, spec: RunSpec) -> None:
        self.id = turn
        self.spec = spec
        self.conversation: str | None = None
        self.native: str | None = None
        self.bound = False
        """Whether its conversation was told."""
        self.unwanted = False
        self.over = False
        self.resets_at: float | None = None
        self._blocks = TextBlocks()
        self._told: set[str] = set()
        self._tools: dict[str, None] = {}
        self._paths: dict[str, tuple[str, ...]] = {}
        self._usage = Usage()
        self._responses = 0
        self._tool_used = False
        self._spent = False
        self._retry = ("", 0)

    def hear(self, method: str, params: Message) -> list[Output]:
        """What a notification about this turn says; nothing where it is of no interest. Raises Malformed."""
        decode = self._DECODERS.get(method)
        return decode(self, params) if decode else []

    def touched(self, item: object) -> tuple[str, ...]:
        """The files that the change `item` would touch, as far as codex has told."""
        return self._paths.get(item, ()) if isinstance(item, str) else ()

    def end(self, reason: StopReason | None = None, error: RunError | None = None) -> list[Output]:
        """The last words on the turn. A tool that is still open did not end well."""
        self.over = True
        broken = [ToolDone(tool, False) for tool in self._tools]
        self._tools = {}
        return [*broken, *self._blocks.close(), TurnDone(reason, error)]

    def broken_off(self) -> list[Output]:
        """What can still be said when the child is gone."""
        return [*self._blocks.close()]

    def _item_started(self, params: Message) -> list[Output]:
        item = _object(params, "item")
        if not items.is_tool(item):
            return self._limit_if_more(item)
        began = items.started(item)
        if began.tool_id in self._tools:
            return []
        if item["type"] == "fileChange":
            self._paths[began.tool_id] = items.paths(item)
        over = self._limit_if_more(item)
        if over:
            return over
        self._tools[began.tool_id] = None
        self._tool_used = True
        return [began]

    def _item_done(self, params: Message) -> list[Output]:
        item = _object(params, "item")
        if item.get("type") == "agentMessage":
            return self._message_done(item)
        if not items.is_tool(item):
            return []
        ended = items.done(item)
        begun = [] if ended.tool_id in self._tools else self._item_started(params)
        if self.over:
            return begun
        self._tools.pop(ended.tool_id)
        spent = self._spent and not self._tools
        return [*begun, ended, *(self._limit_reached() if spent else [])]

    def _message_done(self, item: Message) -> list[Output]:
        """A message of which no delta came is told whole."""
        block, whole = json_lines.text(item, "id"), json_lines.text(item, "text")
        said: list[Output] = [self._blocks.delta(block, whole)] if whole and block not in self._told else []
        self._told.add(block)
        return [*said, *self._blocks.done(block)]

    def _delta(self, params: Message) -> list[Output]:
        block = json_lines.text(params, "itemId")
        said = self._blocks.delta(block, json_lines.text(params, "delta"))
        self._told.add(block)
        self._retry = ("", 0)
        return [said]

    def _reasoning(self, params: Message) -> list[Output]:
        self._retry = ("", 0)
        return [ReasoningDelta(json_lines.text(params, "delta"))]

    def _paragraph(self, params: Message) -> list[Output]:
        return [ReasoningDelta("\n\n")] if json_lines.count(params, "summaryIndex") else []

    def _used(self, params: Message) -> list[Output]:
        """The usage of one response of the model: codex tells it once for each."""
        last = _object(_object(params, "tokenUsage"), "last")
        self._usage += Usage(
            input_tokens=json_lines.count(last, "inputTokens"),
            output_tokens=json_lines.count(last, "outputTokens"),
            cached_tokens=json_lines.count(last, "cachedInputTokens"),
            cache_write_tokens=json_lines.count(last, "cacheWriteInputTokens"),
            reasoning_tokens=json_lines.count(last, "reasoningOutputTokens"),
        )
        self._responses += 1
        self._retry = ("", 0)
        reported = UsageReported(self._usage)
        limit = self.spec.max_turns
        more = limit is not None and self._responses >= limit and (self._tool_used or self._responses > limit)
        self._tool_used = False
        self._spent = more and bool(self._tools)  # the end of a tool may be told a moment later
        return [reported, *(self._limit_reached() if more and not self._tools else [])]

    def _limit_if_more(self, item: Message) -> list[Output]:
        """The end, where `item` belongs to a response beyond the limit.

        codex tells nothing of a command that the sandbox made fail, so the tools alone do not show it.
        """
        limit = self.spec.max_turns
        if limit is None or self._responses < limit or item.get("type") == "userMessage":
            return []
        return self._limit_reached()

    def _limit_reached(self) -> list[Output]:
        self.unwanted = True
        return self.end(StopReason.MAX_TURNS, failures.turn_limit(self.spec.max_turns or 0))

    def _failing(self, params: Message) -> list[Output]:
        """A failure that codex tries to mend; one that it does not, the end of the turn tells again."""
        error = _object(params, "error")
        if params.get("willRetry") is not True:
            return []
        dropped = [drop for block in self._told for drop in self._blocks.dropped(block)]
        said = text.retrying(error)
        before, times = self._retry
        self._retry = (said, times + 1 if said == before else 1)
        if self._retry[1] < _PATIENCE:
            return [*dropped, Notice(f"codex tries again: {said}")]
        self.unwanted = True
        return [*dropped, *self.end(error=text.failure({**error, "message": said}))]

    def _warned(self, params: Message) -> list[Output]:
        return [Notice(json_lines.text(params, "message"))]

    def _rerouted(self, params: Message) -> list[Output]:
        models = json_lines.text(params, "fromModel"), json_lines.text(params, "toModel")
        return [Notice("The model {} answers instead of {}".format(*reversed(models)))]

    def _completed(self, params: Message) -> list[Output]:
        """The end of the turn, whatever else the message holds: without it the turn would hang."""
        turn = _object(params, "turn")
        status, error = turn.get("status"), turn.get("error")
        if status == "completed":
            return self.end(StopReason.END_TURN)
        if status == "interrupted":
            return self.end(error=RunError(ErrorCode.BACKEND_FAILED, "The turn was interrupted; send it again"))
        if not isinstance(error, dict):
            return self.end(error=RunError(ErrorCode.BACKEND_FAILED, "codex failed and did not say why"))
        if text.cut_short(error):
            return self.end(StopReason.MAX_TOKENS)
        return self.end(error=text.failure(error, self._resets_in(turn.get("completedAt"))))

    def _resets_in(self, now: Any) -> float | None:
        at = json_lines.amount(now)
        return None if at is None or self.resets_at is None else json_lines.amount(self.resets_at - at)

    _DECODERS: ClassVar[Mapping[str, Callable[["Turn", Message], list[Output]]]] = MappingProxyType(
        {
            "item/started": _item_started,
            "item/completed": _item_done,
            "item/agentMessage/delta": _delta,
            "item/reasoning/summaryTextDelta": _reasoning,
            "item/reasoning/summaryPartAdded": _paragraph,
            "item/reasoning/textDelta": _reasoning,
            "thread/tokenUsage/updated": _used,
            "error": _failing,
            "warning": _warned,
            "guardianWarning": _warned,
            "model/rerouted": _rerouted,
            "turn/completed": _completed,
        }
    )


def _object(message: Message, name: str) -> Message:
    value = message.get(name)
    if not isinstance(value, dict):
        raise Malformed(name)
    return value
