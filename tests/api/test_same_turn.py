"""What a CLI says after a silence leaves in the very turn of the loop in which it was heard."""

import asyncio
import json
import select
import socket

import pytest

from clinvk.domain.events import Entry, ReasoningDelta, TextDelta
from clinvk.supervisor.waiting import Waiting
from tests.api.client import DEADLINE
from tests.api.keyed import until

NATIVE = ("/api/v1/prompt", {"backend": "demo", "prompt": "/hang", "output_format": "stream-json"})
CHAT = (
    "/openai/v1/chat/completions",
    {"model": "demo", "messages": [{"role": "user", "content": "/hang"}], "stream": True},
)
MESSAGES = ("/anthropic/v1/messages", CHAT[1] | {"max_tokens": 100})
RESPONSES = ("/openai/v1/responses", {"model": "demo", "input": "/hang", "stream": True})


def ask(server, path, body):
    """A stream on a socket that is read without the loop."""
    plain = socket.create_connection(("127.0.0.1", server.port))
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    plain.sendall(f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    return plain


def received(plain):
    """What has arrived, while the loop stands still."""
    readable, _, _ = select.select([plain], [], [], DEADLINE)
    assert readable, "nothing leaves before the loop goes on"
    return plain.recv(1 << 20)


async def idle(run):
    """Until its one reader has read all there is, and waits."""
    await until(lambda: len(run.log._readers._waiting) == 1)


@pytest.mark.parametrize(
    "asked", [NATIVE, CHAT, MESSAGES, RESPONSES], ids=["native", "chat", "messages", "responses"]
)
async def test_the_first_token_leaves_at_once_and_so_does_the_next(server, asked):
    with ask(server, *asked) as plain:
        run = await server.started()
        await idle(run)
        run.log.append(TextDelta("block-1", "the first"))
        said = received(plain)
        while b"the first" not in said:  # a native stream has its head out long before
            said += received(plain)
        assert said.startswith(b"HTTP/1.1 200")
        await idle(run)
        run.log.append(TextDelta("block-1", "the second"))
        said = received(plain)
        while b"the second" not in said:
            said += received(plain)


async def test_what_comes_together_leaves_together(server):
    with ask(server, *CHAT) as plain:
        run = await server.started()
        await idle(run)
        for number in range(100):
            run.log.append(TextDelta("block-1", f"<{number}>"))
        first = received(plain)
        assert b"<0>" in first
        assert b"<1>" not in first
        await idle(run)
        rest = received(plain)
        assert all(f"<{number}>".encode() in rest for number in range(1, 100)), "one write for the other 99"


async def test_what_is_not_for_the_client_opens_no_stream(server):
    with ask(server, *CHAT) as plain:
        run = await server.started()
        await idle(run)
        run.log.append(ReasoningDelta("nobody asked"))
        assert select.select([plain], [], [], 0)[0] == []
        await idle(run)
        run.log.append(TextDelta("block-1", "said"))
        assert b"nobody" not in received(plain)


async def test_one_reader_who_fails_keeps_nothing_from_the_others(caplog):
    def fail(_):
        raise RuntimeError("mine")

    waiting, heard = Waiting(), []
    woken = [waiting.add(fail), waiting.add(heard.append)]
    waiting.wake([Entry(0, "notice", b"{}")])
    assert ([each.done() for each in woken], len(heard)) == ([True, True], 1)
    assert "could not take" in caplog.text
    caplog.clear()


async def test_whoever_waits_no_longer_gets_nothing():
    waiting, heard = Waiting(), []
    waiting.add(heard.append).cancel()
    stays = waiting.add()
    waiting.wake()
    assert (heard, stays.done()) == ([], True)


async def test_who_takes_rests_for_a_turn_of_the_loop_unless_nothing_else_comes_in_it():
    waiting, heard = Waiting(), []
    woken = waiting.add(lambda entries: heard.extend(entry.seq for entry in entries) or True)
    waiting.wake([Entry(0, "notice", b"{}")], alone=True)
    waiting.wake([Entry(1, "notice", b"{}")])
    waiting.wake([Entry(2, "notice", b"{}")])
    assert (heard, woken.done()) == ([0, 1], False)
    async with asyncio.timeout(DEADLINE):
        await woken  # the rest is in the log


async def test_who_took_all_there_was_waits_on():
    waiting, heard = Waiting(), []
    woken = waiting.add(lambda entries: heard.extend(entry.seq for entry in entries) or True)
    for seq in range(3):
        waiting.wake([Entry(seq, "notice", b"{}")])
        await asyncio.sleep(0)
    assert (heard, woken.done(), bool(waiting)) == ([0, 1, 2], False, True)
    woken.cancel()
    waiting.add().cancel()
    waiting.wake()
    assert not waiting
