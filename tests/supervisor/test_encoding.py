"""What stands in a log, to the letter: the short way to a line gives what the long way gives."""

import asyncio
import typing

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinvk.clock import SystemClock, rfc3339
from clinvk.domain import events
from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import TextDelta
from clinvk.domain.group import GroupKind
from clinvk.domain.run import Continuation, RunState, Start, StopCause, StopReason
from clinvk.domain.usage import Usage
from clinvk.domain.wire import to_wire
from clinvk.supervisor.log import EventLog

LABELS = {"run_id": "run_1", "backend": "fäke"}
ODD = [
    "",
    " ",
    "word ",
    '"quoted\\"',
    ":null",
    '"x":null',
    "\0\x1f\x7f",
    "\r\n\u2028\u2029",
    "é漢\U0001f600",
    "</script>",
]
EVENTS = [
    events.SessionBound("a"),
    *(TextDelta(block, text) for block in ("block-1", ":null") for text in ODD),
    events.TextDone("b", 0, ""),
    events.TextDone("b", 1 << 21, None),
    events.TextDropped("b"),
    *(events.ReasoningDelta(text) for text in ODD),
    events.ToolStarted("t", "n"),
    *(events.ToolStarted("t", "n", text) for text in ODD),
    events.ToolDone("t", False),
    events.ToolDone("t", True, '{"a":null}'),
    events.ApprovalAsked("a", "t", "edit", ("x", ":null"), None, True),
    events.ApprovalAsked("a", "t", "other"),
    events.ApprovalAnswered("a", True, "mode", "r"),
    events.UsageReported(Usage(1, 2, 3, 4, 5)),
    events.Notice("said"),
    events.TurnDone(),
    events.TurnDone(StopReason.MAX_TOKENS),
    events.TurnDone(None, RunError(ErrorCode.USAGE_LIMIT, "m")),
    events.TurnDone(None, RunError(ErrorCode.USAGE_LIMIT, "m", 1.5)),
    events.RunQueued(0),
    events.RunStarted(1, Start.WARM),
    events.RunStopping(StopCause.CLIENT),
    events.RunStopping(StopCause.TIMEOUT, "late"),
    events.RunFinished(RunState.COMPLETED, 0, 1.0, Usage()),
    events.RunFinished(RunState.FAILED, 1, 0.001, Usage(), RunError(ErrorCode.TIMEOUT, "m"), Continuation.FRESH),
    events.GroupFinished(GroupKind.PARALLEL, 3, 2, 1, 0.5),
]


class Still:
    """A clock that stands."""

    def wall(self):
        return 1_700_000_000.25

    def monotonic(self):
        return 0.0


def long_way(event, seq, labels):
    head = {"type": event.type, "seq": seq, "at": rfc3339(Still().wall())}
    return orjson.dumps({**head, **labels, **to_wire(event)}) + b"\n"


def test_no_event_is_left_out():
    assert {type(event) for event in EVENTS} == set(typing.get_args(events.Event))


@pytest.mark.parametrize("labels", [LABELS, {}], ids=["labelled", "bare"])
async def test_every_event_stands_in_the_log_as_its_fields_by_name(labels):
    log = EventLog(Still(), labels)
    lines = [log.append(event).line for event in EVENTS]
    assert lines == [long_way(event, seq, labels) for seq, event in enumerate(EVENTS)]


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"])))
def test_so_does_any_text(block, text):
    event = TextDelta(block, text)
    assert EventLog(Still(), LABELS).append(event).line == long_way(event, 0, LABELS)


def test_what_utf_8_cannot_carry_is_refused_by_both_ways():
    for encode in (EventLog(Still(), {}).append, lambda event: long_way(event, 0, {})):
        with pytest.raises(TypeError, match="surrogates"):
            encode(TextDelta("block-1", "\ud800"))


async def test_what_is_added_is_read_and_observed_at_once_and_published_in_one_moment():
    log, seen = EventLog(SystemClock(), {}), []
    log.observe(seen.append, (TextDelta,))
    taken = []
    coming = log.changed(lambda entries: taken.append(list(entries)) or True)
    for event in (TextDelta("1", "a"), events.Notice("n"), TextDelta("1", "b")):
        log.add(event)
    assert [event.text for event in seen] == ["a", "b"]
    assert taken == []
    log.publish()
    assert taken == [await log.read()]
    assert len({orjson.loads(entry.line)["at"] for entry in taken[0]}) == 1
    assert not coming.done()
    log.close()
    async with asyncio.timeout(20):
        await coming
