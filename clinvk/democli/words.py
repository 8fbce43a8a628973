"""What the first word of a prompt can ask for."""

import json
import os
import time
from collections.abc import Callable

from clinvk.democli import children
from clinvk.democli.turn import Failure, Turn

_CHUNK = 1 << 16
_RULER = "the demo backend repeats these sixty-four characters and again. "
_SCALES = {"k": 1 << 10, "m": 1 << 20}
_AT_ONCE = 2048
_FASTEST = 1000
_TALE = "Once upon a time a demo backend told the same tale again and again, and nobody minded."
_CRASHED = 70
_STDERR = 2


def play(turn: Turn) -> None:
    """Do what the first word asks; an ordinary answer where it asks for nothing."""
    word, _, rest = turn.prompt.lstrip().partition(" ")
    if word in WORDS:
        WORDS[word][0](turn, rest.strip())
    else:
        _answer(turn, unknown=word[:40] if word.startswith("/") else None)


def _answer(turn: Turn, unknown: str | None) -> None:
    turn.stream(
        f"This is clinvk's demo backend, no model was asked. "
        f'You wrote: "{turn.prompt[:80]}" in turn {turn.conversation.turns} of this conversation. '
        + (f"It does not know {unknown}: /help lists what it does." if unknown else "/help lists more.")
    )


def _slow(turn: Turn, rest: str) -> None:
    turn.stream(
        f"Slowly, one word after another, the demo backend says {rest[:80] or 'nothing'} "
        "and then it has said all that it was asked to say.",
        gap=0.25,
    )


def _tool(turn: Turn, _rest: str) -> None:
    turn.stream("Let me count the files in this folder.")
    turn.end_block()
    turn.say("tool", id="tool-1", name="count_files", input={"folder": "."})
    try:
        with os.scandir() as entries:
            count = sum(entry.is_file() for entry in entries)
    except OSError as error:
        turn.say("tool_end", id="tool-1", ok=False, output=str(error))
        turn.stream("The folder cannot be read.")
        return
    found = "1 file" if count == 1 else f"{count} files"
    turn.say("tool_end", id="tool-1", ok=True, output=found)
    turn.stream(f"I found {found} in it.")


def _recall(turn: Turn, _rest: str) -> None:
    *earlier, _ = turn.conversation.prompts
    if not earlier:
        turn.stream("This is the first turn of this conversation: there is nothing to recall.")
        return
    turn.text("Earlier in this conversation you wrote:\n")
    for number, prompt in enumerate(earlier, turn.conversation.turns - len(earlier)):
        turn.text(f"{number}. {prompt}\n")


def _think(turn: Turn, rest: str) -> None:
    turn.reason("The demo backend pretends to think this over: first one thing, then another.")
    turn.stream(f"Having thought about {rest[:80] or 'nothing'}, the demo backend has come to no conclusion.")


def _ask(turn: Turn, _rest: str) -> None:
    turn.stream("I should like to edit a file.")
    turn.end_block()
    path = os.path.join(os.getcwd(), "demo.txt")  # noqa: PTH109, PTH118  pathlib costs 5 ms
    turn.say(
        "ask",
        ask="ask-1",
        tool="edit_file",
        action="edit",
        paths=[path],
        detail="write one line into demo.txt",
    )
    answer = turn.wire.answer(turn.id, "ask-1")
    said = "yes" if answer["allow"] else "no"
    turn.stream(
        f"The answer was {said} ({answer.get('reason') or 'no reason given'}). "
        "Nothing was written: the demo backend only pretends to edit."
    )


def _fail(_turn: Turn, _rest: str) -> None:
    raise Failure("backend_failed", "The demo backend failed, as /fail asked it to")


def _usage_limit(_turn: Turn, _rest: str) -> None:
    raise Failure("usage_limit", "The demo backend's usage limit is reached, as /usage-limit asked", 3600)


def _hang(turn: Turn, _rest: str) -> None:
    turn.pause(None)


def _children(turn: Turn, _rest: str) -> None:
    for what, pid in children.start().items():
        turn.text(f"pid {pid} {what}\n")
    turn.pause(None)


def _server(turn: Turn, _rest: str) -> None:
    pid, port = children.serve()
    turn.text(f"pid {pid} answers at http://127.0.0.1:{port}/ as long as it lives.")


def _garbage(turn: Turn, _rest: str) -> None:
    turn.wire.write(
        b"This line is no message\n"
        b'{"type": "text", "turn": \n'
        b'{"type": "no-such-type", "text": "of a type that nobody knows"}\n'
        b'["a", "list"]\n'
        b"\xff\xfe invalid UTF-8 \xc3\n"
        b"\n"
    )
    turn.stream("That was a little garbage, and this is the answer.")


def _big(turn: Turn, rest: str) -> None:
    left = _number(rest, "/big takes a number of bytes, such as 5000, 300k or 2m")
    text = _RULER * (_CHUNK // len(_RULER))
    while left > 0:
        turn.text(text[:left])
        left -= _CHUNK
        turn.pause(0)


def _burst(turn: Turn, rest: str) -> None:
    left = _number(rest, "/burst takes a number of words, such as 5000, 100k or 1m")
    line = json.dumps({"type": "text", "turn": turn.id, "block": turn.block(), "text": "word "}).encode() + b"\n"
    while left > 0:
        words = min(left, _AT_ONCE)
        turn.wire.write(line * words)
        turn.count(words)
        left -= words
        turn.pause(0)


def _steady(turn: Turn, rest: str) -> None:
    usage = "/steady takes words a second and seconds, such as 20 60"
    asked = [*rest.split(), *("20", "60")[len(rest.split()) :]]
    rate, seconds = min(max(1, _number(asked[0], usage)), _FASTEST), _number(asked[1], usage)
    tale = [word + " " for word in _TALE.split()]
    tale[-1] = tale[-1].strip() + "\n"
    began = time.monotonic()
    for number in range(rate * seconds):
        turn.pause(max(0.0, began + number / rate - time.monotonic()))
        turn.text(tale[number % len(tale)])


def _stderr(turn: Turn, _rest: str) -> None:
    os.write(_STDERR, b"demo: a line on stderr\n" + b"demo: invalid UTF-8 \xff\xfe\xc3\n")
    for number in range(1000):
        os.write(
            _STDERR,
            b"demo: line %03d of a thousand on stderr, which are more than 64 KiB together\n" % number,
        )
    os.write(_STDERR, b"demo: the last line on stderr\n")
    turn.stream("There is something on stderr, and this is the answer.")


def _crash(turn: Turn, _rest: str) -> None:
    turn.stream("This will not end well")
    os.write(_STDERR, b"demo: crashed, as /crash asked\n")
    os._exit(_CRASHED)


def _help(turn: Turn, _rest: str) -> None:
    turn.text("The demo backend asks no model. The first word of a prompt chooses what it does:\n")
    for word, (_, what) in WORDS.items():
        turn.text(f"{word}  {what}\n")
    turn.text("Anything else gets a short answer.\n")


def _number(rest: str, usage: str) -> int:
    number = rest.partition(" ")[0].lower()
    scale = _SCALES.get(number[-1:], 1)
    digits = number[:-1] if scale > 1 else number
    if not digits.isdecimal() or len(digits) > 12:
        raise Failure("backend_failed", f"{usage}, not '{number[:40]}'")
    return int(digits) * scale


WORDS: dict[str, tuple[Callable[[Turn, str], None], str]] = {
    "/slow": (_slow, "says some twenty words, four a second"),
    "/tool": (_tool, "uses a tool: counts the files in its folder"),
    "/recall": (_recall, "tells what you wrote before in this conversation"),
    "/think": (_think, "reasons, then answers"),
    "/ask": (_ask, "asks leave to edit demo.txt, and says what was answered"),
    "/fail": (_fail, "fails"),
    "/usage-limit": (_usage_limit, "fails because of a usage limit"),
    "/hang": (_hang, "says nothing, for ever"),
    "/children": (_children, "starts processes that do not want to end, then says nothing, for ever"),
    "/server": (_server, "starts a server on a free port, tells its pid and address, and leaves it running"),
    "/garbage": (_garbage, "writes lines that are no messages, then answers"),
    "/big": (_big, "says as many bytes as the number after it, such as 300k or 2m"),
    "/burst": (_burst, "says as many words as the number after it, as fast as it can"),
    "/steady": (_steady, "says so many words a second for so many seconds, such as 20 60"),
    "/stderr": (_stderr, "writes much on stderr, then answers"),
    "/crash": (_crash, "dies in the middle of a sentence"),
    "/help": (_help, "says this"),
}
