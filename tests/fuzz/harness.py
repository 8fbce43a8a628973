"""What is made up for each part that reads what others write, and what has to hold: for the fuzzer and for pytest.

A target takes bytes and raises what it finds. The first bytes of an input say how it is cut and what is done
meanwhile, so that the same input is always the same case.
"""

import random
from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import orjson
from tornado.httputil import HTTPHeaders, HTTPInputError

from clinvk.api import jsontext
from clinvk.api.parameters import read as read_parameters
from clinvk.api.table import ROUTES
from clinvk.backends import json_lines
from clinvk.backends.registry import default_registry
from clinvk.backends.rpc import Peer, Reply
from clinvk.domain.approvals import decide
from clinvk.domain.conversation import Conversation, Turn
from clinvk.domain.errors import InvalidInput, LineTooLong
from clinvk.domain.events import ApprovalAsked, Notice
from clinvk.domain.run import Exit
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode
from clinvk.domain.wire import to_wire
from clinvk.remote.wire import NOT_OURS, Ndjson, Sse
from clinvk.schemas import Schemas
from clinvk.schemas.checker import TOLD
from clinvk.settings.document import NotYaml
from clinvk.settings.document import read as read_settings
from clinvk.settings.keys import Keys
from clinvk.settings.loading import checked
from tests.contract.invariants import check

_REGISTRY: Final = default_registry()
TURNS: Final = ("turn", "next")
WORKDIR: Final = "/home/dev/project"
PER_BYTE: Final = 24
"""Bytes that may be said for one heard: a character of one byte may be six in JSON, and a text is told twice."""
PER_LINE: Final = 1024
HANDSHAKE: Final = 1 << 14

Target = Callable[[bytes], None]


def cut(data: bytes, chance: random.Random) -> list[bytes]:
    """`data` in pieces: a few, and a stretch of it in its single bytes."""
    size = len(data)
    places = {0, size, *(chance.randint(0, size) for _ in range(chance.randrange(12)))}
    stretch = chance.randint(0, size)
    places.update(range(stretch, min(size, stretch + chance.choice((0, 16, 128)))))
    return [data[a:b] for a, b in pairwise(sorted(places))]


class Talk:
    """A dialogue that is given bytes: what it says, and what it writes.

    After some lines it is interrupted, or if its turn is over by then, given another one.
    """

    def __init__(self, backend: str, head: bytes) -> None:
        approval, sandbox, self.lines, resumes = (*head, 0, 0, 0, 0)[:4]
        modes = list(ApprovalMode), list(SandboxMode)
        self.spec = RunSpec(
            backend,
            "hello",
            WORKDIR,
            approval_mode=modes[0][approval % len(modes[0])],
            sandbox_mode=modes[1][sandbox % len(modes[1])],
            resume="0199a213-81c0-7800-8aa1-bbab2a035a53" if resumes % 2 else None,
        )
        self.said: list[Any] = []
        self.written = b""
        self.dialogue = _REGISTRY.get(backend).dialogue(self.spec)
        self.dialogue.open()
        self.dialogue.begin(TURNS[0], self.spec)
        self._drain()

    def hear(self, chunk: bytes) -> None:
        heard = self.dialogue.receive(chunk)
        for one in heard:
            if isinstance(one.output, ApprovalAsked):
                verdict = decide(self.spec.approval_mode, self.spec.sandbox_mode, one.output, WORKDIR)
                self.dialogue.answer(one.turn, one.output.ask_id, verdict)
        self.said += heard
        self._drain()

    def act(self) -> None:
        if self.dialogue.fit(self.spec):
            self.dialogue.begin(TURNS[1], self.spec)
        else:
            self.dialogue.interrupt(TURNS[0])
        self._drain()

    def end(self) -> None:
        self.said += self.dialogue.exited(Exit(0))
        self._drain()
        assert self.dialogue.fit(self.spec) is None

    def _drain(self) -> None:
        self.written += self.dialogue.outgoing().data


def talked(backend: str, head: bytes, data: bytes, pieces: Callable[[bytes], list[bytes]]) -> Talk:
    """A dialogue that was given all of `data`."""
    talk = Talk(backend, head)
    lines = data.split(b"\n")
    at = talk.lines % (len(lines) + 1)
    before = b"".join(line + b"\n" for line in lines[:at])[: len(data)]
    for piece in pieces(before):
        talk.hear(piece)
    talk.act()
    for piece in pieces(data[len(before) :]):
        talk.hear(piece)
    talk.end()
    return talk


def dialogue(backend: str, data: bytes) -> None:
    """No bytes make a dialogue raise, or say more than its share; and however they are cut, it says the same."""
    head, heard = data[:4], data[5:]
    whole = talked(backend, head, heard, lambda piece: [piece])
    check(whole.said, TURNS)
    told = sum(len(orjson.dumps(to_wire(one.output))) for one in whole.said)
    bound = HANDSHAKE + PER_LINE * (heard.count(b"\n") + 1) + PER_BYTE * len(heard)
    assert told + len(whole.written) <= bound, (told, len(whole.written), bound)
    chance = random.Random(data[:5])
    pieces = talked(backend, head, heard, lambda piece: cut(piece, chance))
    assert pieces.said == whole.said
    if not any(isinstance(one.output, ApprovalAsked) for one in whole.said):  # their answers follow each piece
        assert pieces.written == whole.written


class Spoken:
    """A peer with three requests of ours under way, and what it heard of all that it was sent."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.heard: list[Any] = []
        self.peer = Peer(self._told, self._asked, {"jsonrpc": "2.0"})
        for number in range(3):
            self.peer.call("ours", {"number": number}, partial(self._answered, number))
        self.written = self.peer.outgoing().data
        for piece in pieces:
            self.heard += self.peer.receive(piece)
            self.written += self.peer.outgoing().data
        self.heard += self.peer.rest()
        self.written += self.peer.outgoing().data

    def _answered(self, number: int, reply: Reply) -> list[Any]:
        return [(number, reply)]

    def _told(self, method: str, params: json_lines.Message) -> list[Any]:
        return [(method, json_lines.text(params, "text"), json_lines.count(params, "count"))]

    def _asked(self, request: Any, method: str, params: json_lines.Message) -> list[Any] | None:
        if method != "known":
            return None
        self.peer.reply(request, {"heard": json_lines.as_text(params.get("value"))})
        return []


def peer(data: bytes) -> None:
    """Each answer is heard once; each request of theirs has one answer; the rest is a notice."""
    whole = Spoken([data[2:]])
    pieces = Spoken(cut(data[2:], random.Random(data[:2])))
    assert (pieces.heard, pieces.written) == (whole.heard, whole.written)
    answers = [one for one in whole.heard if isinstance(one, tuple) and isinstance(one[-1], Reply)]
    assert len({number for number, _ in answers}) == len(answers)
    for line in whole.written.splitlines():
        assert json_lines.parse(line) is not None
    for said in whole.heard:
        if isinstance(getattr(said, "output", None), Notice):
            assert len(said.output.message) <= 300


def jsons(data: bytes) -> None:
    """A text has one value to both readers, or is refused with faults that can be told."""
    try:
        value = jsontext.parse(data)
    except InvalidInput as refused:
        check_faults(refused)
        return
    again, doubts = jsontext.reread(data)
    if not doubts:
        assert again == value
    assert max(len(doubts.twice), len(doubts.huge)) <= TOLD


def check_faults(refused: InvalidInput, path: str = "") -> None:
    assert [fault.path for fault in refused.faults] == [path]
    assert len(refused.faults[0].message) <= 500


def transcript(data: bytes) -> None:
    """No text of a turn can be taken for the opening of another."""
    turns = tuple(
        Turn(speaker.decode(errors="replace"), text.decode(errors="replace"))
        for speaker, _, text in (part.partition(b"\x1f") for part in data.split(b"\x1e"))
    )
    prompt = Conversation(turns).prompt
    if len(turns) == 1 and turns[0].speaker == "user":
        assert prompt == turns[0].text
        return
    preface, _, told = prompt.partition("\n\n")
    fence = preface.split('"')[1]
    assert fence.startswith("===")
    found = [part.partition("\n") for part in f"\n{told}".split(f"\n{fence}")[1:]]
    assert [text for _, _, text in found] == [turn.text for turn in turns]
    assert [speaker.strip() for speaker, _, _ in found] == [" ".join(turn.speaker.split()) for turn in turns]


def events(data: bytes) -> None:
    """Events are read alike however they come, in both forms; what is none is refused."""
    form = (Ndjson, Sse)[data[:1] < b"\x80"]
    whole, why = entries(form(), [data[3:]])
    pieces, also_why = entries(form(), cut(data[3:], random.Random(data[1:3])))
    assert why == also_why
    assert pieces == whole if why is None else pieces[: len(whole)] == whole


def entries(form: Any, pieces: list[bytes]) -> tuple[list[Any], type[Exception] | None]:
    found: list[Any] = []
    try:
        for piece in pieces:
            found += form.feed(piece)
    except (LineTooLong, *NOT_OURS) as error:
        return found, type(error)
    return found, None


_FOLLOW: Final = next(route for route in ROUTES if route.name == "followEvents").parameters


def last_event_id(data: bytes) -> None:
    """A number within its bounds, or a fault that names the header."""
    headers = HTTPHeaders()
    try:
        headers.add("Last-Event-ID", data.decode("latin-1"))
    except HTTPInputError:
        return
    try:
        found = read_parameters(_FOLLOW, lambda *_: None, headers)
    except InvalidInput as refused:
        check_faults(refused, "Last-Event-ID")
        return
    assert -1 <= found["Last-Event-ID"] < 2**53


def check_place(refused: NotYaml, longest: int) -> None:
    """It stands in the text: a line of it, or the one behind its end."""
    assert refused.wrong.place is not None
    assert 1 <= refused.wrong.place.line <= longest + 1


_KEYS: Final = Keys(Schemas())
_FILE: Final = Path("/config.yaml")


def settings(data: bytes) -> None:
    """A file is read, or its faults are told, with the line of each."""
    text = data.decode(errors="replace")
    try:
        document = read_settings(text)
    except NotYaml as refused:
        check_place(refused, len(text))
        return
    assert document.keys.keys() <= document.values.keys()
    _, told = checked(_KEYS, _FILE, text)
    assert all(line.startswith(str(_FILE)) and len(line) <= 2000 for line in told), told


TARGETS: Final[Mapping[str, Target]] = {
    **{name: partial(dialogue, name) for name in _REGISTRY.names()},
    "events": events,
    "json": jsons,
    "last-event-id": last_event_id,
    "peer": peer,
    "settings": settings,
    "transcript": transcript,
}
