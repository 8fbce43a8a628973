"""instant.c without a compiler: the same words and lines, some milliseconds slower to start."""

import json
import os
import select
import sys
import time

_GAP = 1_000_000_000
_PIECE = 4096


def say(pending: list[bytes], **message: object) -> None:
    pending.append(json.dumps(message, separators=(",", ":")).encode() + b"\n")


def flush(pending: list[bytes]) -> None:
    data = memoryview(b"".join(pending))
    pending.clear()
    while data:
        data = data[os.write(1, data[:_PIECE]) :]


def heard(due: int) -> bool:
    """Whether a line, or the end, came on stdin before `due`."""
    left = max(0, due - time.monotonic_ns())
    return bool(select.select([0], [], [], left / _GAP)[0])


def stamp(pending: list[bytes], turn: str, rate: int, count: int) -> None:
    gap = _GAP // rate
    due = time.monotonic_ns() + os.getpid() % 97 * gap // 97
    for _ in range(count):
        if heard(due):
            return
        say(pending, type="text", turn=turn, block="1", text=f"@{time.monotonic_ns()}; ")
        flush(pending)
        due += gap


def answer(message: dict[str, str], number: int) -> None:
    turn, pending = message["turn"], list[bytes]()
    conversation = message.get("conversation") or f"demo-{os.getpid():08x}{number:08x}"
    say(pending, type="conversation", turn=turn, id=conversation)
    match message["prompt"].split():
        case ["/stamp", rate, count]:
            stamp(pending, turn, int(rate), int(count))
        case ["/flood", count]:
            for _ in range(int(count)):
                say(pending, type="text", turn=turn, block="1", text="word @0; ")
        case _:
            say(pending, type="text", turn=turn, block="1", text="At once.")
    say(pending, type="text_end", turn=turn, block="1")
    usage = dict.fromkeys(("input_tokens", "output_tokens", "cached_tokens", "reasoning_tokens"), 1)
    say(pending, type="usage", turn=turn, **usage)
    say(pending, type="done", turn=turn, stop_reason="end_turn", error=None)
    flush(pending)


def main() -> None:
    flush([b'{"type":"hello","version":1}\n'])
    for number, line in enumerate(sys.stdin.buffer):
        message = json.loads(line)
        if message.get("type") == "prompt":
            answer(message, number)


if __name__ == "__main__":
    main()
