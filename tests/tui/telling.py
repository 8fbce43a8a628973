"""Runs for the tests of what shows one: a whole one, and long ones that are made while they are read."""

from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any

from clinvk.domain.events import Entry
from tests.tui.samples import entries
from tests.tui.scripted import Server

ANSWER = "The loader reads its configuration twice.\n\nRead it once, and hand it on: 日本語 も。\n"


def a_told_run() -> Iterator[dict[str, Any]]:
    """One of everything, but the end."""
    yield {"type": "run.queued", "position": 2}
    yield {"type": "run.started", "pid": 4242, "start": "cold"}
    yield {"type": "reasoning.delta", "text": "Why does it start so slowly? "}
    yield {"type": "text.delta", "block": "0", "text": "I will look at the loadr"}
    yield {"type": "text.dropped", "block": "0"}
    yield {"type": "tool.started", "tool_id": "t1", "name": "list_files", "input": "src/engine"}
    yield {"type": "tool.done", "tool_id": "t1", "ok": True, "output": "loader.py\nboot.py\n"}
    yield {"type": "tool.started", "tool_id": "t2", "name": "Bash", "input": "cat /etc/shadow"}
    yield {
        "type": "approval.asked",
        "ask_id": "a",
        "tool": "Bash",
        "action": "execute",
        "paths": [],
        "detail": "cat",
    }
    yield {
        "type": "approval.answered",
        "ask_id": "a",
        "allowed": False,
        "by": "mode",
        "reason": "it is not allowed",
    }
    yield {"type": "tool.done", "tool_id": "t2", "ok": False, "output": "\x1b[31mrefused\x1b[0m"}
    yield {"type": "notice", "message": "unknown message type 'novelty'"}
    yield from (
        {"type": "text.delta", "block": "1", "text": ANSWER[at : at + 7]} for at in range(0, len(ANSWER), 7)
    )


def the_end(state: str = "completed", **said: Any) -> dict[str, Any]:
    """How a run ends."""
    code = {"completed": 0, "failed": 1}.get(state, -1)
    return {"type": "run.finished", "state": state, "code": code, "seconds": 12.5, **USED, **said}


USED = {"usage": {"input_tokens": 1200, "output_tokens": 340}}


class LongServer(Server):
    """A server whose one run has `count` events that are made when they are read: `event` makes them."""

    count = 0
    event: Callable[[int], dict[str, Any]] = staticmethod(lambda seq: {})
    reads = 0
    """Events that were read in all."""

    def run_events(self, run_id: str, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        return self._made(run_id, since)

    async def _made(self, run_id: str, since: int) -> AsyncGenerator[list[Entry], None]:
        while since < self.count:
            numbers = range(since, min(self.count, since + 200))
            self.reads += len(numbers)
            yield [entries(self.event(seq), run=run_id, first=seq)[0] for seq in numbers]
            since = numbers.stop
