"""/console: who gets it, what its socket does, and that nothing of a visit stays."""

import asyncio
import base64
import json
import os
import re
import socket

import pytest

from clinvk.api.console.visitors import LIMIT, Closing
from tests.api.client import DEADLINE
from tests.api.console.visitors import CONSOLE, OFF, SIZE, consoles, deserted, enter, refusal, visit


async def test_a_visitor_sees_the_server(serving):
    tab = await enter(serving)
    await tab.say(**SIZE)
    await tab.sees(serving.origin)


async def test_a_visitor_sees_a_run_begin(serving):
    tab = await visit(serving)
    await serving.prompt("/hang", detach=True)
    await tab.sees("1 live")


async def test_keys_act(serving):
    tab = await visit(serving)
    await tab.type("?")
    await tab.sees("Leave the console")


async def test_the_screen_follows_the_window(serving):
    tab = await visit(serving)
    await tab.say(**{**SIZE, "columns": 61})
    await tab.until(lambda shown: any("help" in line and len(line) == 61 for line in shown.split("\n")))


async def test_q_says_good_bye_and_the_server_stays(serving):
    tab = await visit(serving)
    await tab.type("q")
    assert await tab.closed() == (Closing.LEFT, "You left the console")
    await deserted(serving)
    assert (await serving.fetch("/health")).status == 200


@pytest.mark.parametrize("seen", [True, False])
async def test_who_leaves_takes_the_console_along(serving, seen):
    before = asyncio.all_tasks()
    tab = await (visit(serving) if seen else enter(serving))
    if not seen:
        await tab.say(**SIZE)
    tab.leave()
    await deserted(serving)
    async with asyncio.timeout(DEADLINE):
        while left := {each for each in asyncio.all_tasks() - before if "console" in repr(each).lower()}:
            await asyncio.sleep(0)
    assert not left


async def test_a_page_that_vanishes_takes_the_console_along(serving):
    tab = await visit(serving)
    tab.connection.protocol.stream.close()
    await deserted(serving)


async def test_for_eight_visitors_there_is_room_and_for_a_ninth_once_one_has_left(serving):
    tabs = [await enter(serving) for _ in range(LIMIT)]
    ninth = await enter(serving)
    assert await ninth.closed() == (Closing.FULL, "8 consoles are open already")
    tabs[3].leave()
    async with asyncio.timeout(DEADLINE):
        while len(serving.services.visitors) == LIMIT:
            await asyncio.sleep(0)
    await visit(serving)


async def test_a_reader_that_stalls_costs_little_memory_and_no_other_visitor_waits(serving):
    """On a bare socket, with as little room for what it does not read as there can be."""
    stalled = socket.create_connection(("127.0.0.1", serving.port))
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.setblocking(False)
    await handshake(serving, stalled)
    (seat,) = serving.services.visitors._here
    async with asyncio.timeout(DEADLINE):
        while not (seat._visit and seat._visit._driver):
            await asyncio.sleep(0)
    driver = seat._visit._driver
    async with asyncio.timeout(DEADLINE):
        while not driver._outlet.stalled:
            driver.write("x" * 10_000)
            await asyncio.sleep(0)
    held = driver._outlet.size
    for _ in range(1000):
        driver.write("x" * 10_000)
    assert driver._outlet.size == held < 200_000
    other = await visit(serving)
    other.leave()
    stalled.close()
    await deserted(serving)


async def handshake(server, connection):
    """Make a socket of `connection` by hand, and tell a size; nothing that comes after the head is read."""
    loop = asyncio.get_running_loop()
    key = base64.b64encode(os.urandom(16)).decode()
    await loop.sock_sendall(
        connection,
        f"GET /console/socket HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode(),
    )
    assert (await loop.sock_recv(connection, 12)).endswith(b"101")
    said = json.dumps(SIZE).encode()
    await loop.sock_sendall(connection, b"\x81" + bytes([0x80 | len(said)]) + bytes(4) + said)


async def test_what_no_page_of_ours_says_ends_the_visit(serving):
    wrong_size = '{"type": "size", "columns": "x", "rows": 1}'
    for message in (
        "",
        "{",
        "[]",
        '{"type": "shell"}',
        wrong_size,
        '{"type": "input"}',
        b"\xff",
        b'{"type": "\xff"}',
    ):
        tab = await enter(serving)
        await tab.connection.write_message(message, binary=isinstance(message, bytes))
        code, reason = await tab.closed()
        assert (code, "reload" in reason) == (Closing.NOT_UNDERSTOOD, True), message
    await deserted(serving)


async def test_a_key_before_there_is_a_screen_is_nothing(serving):
    tab = await enter(serving)
    await tab.type("q")
    await tab.say(**SIZE)
    await tab.sees("help")


async def test_a_message_without_end_is_not_taken(serving):
    tab = await visit(serving)
    await tab.type("x" * (300 << 10))
    await tab.closed()
    await deserted(serving)


async def test_a_page_that_does_not_answer_is_closed_and_not_told_good_bye(serving, monkeypatch):
    """Good-bye is what a page does not come back after."""
    monkeypatch.setattr("clinvk.api.console.socket._PING_SECS", 0.05)
    tab = await enter(serving)
    monkeypatch.setattr(tab.connection.protocol, "_handle_message", silent(tab.connection.protocol))
    code, reason = await tab.closed()
    assert (code, reason) == (1000, "ping timed out")
    assert code != Closing.LEFT
    await deserted(serving)


def silent(protocol):
    """What takes all messages but the pings."""
    take = protocol._handle_message
    return lambda opcode, data: None if opcode == 0x9 else take(opcode, data)


def test_the_page_knows_what_it_is_closed_with():
    script = (CONSOLE / "static" / "console.js").read_text()
    known = {name: int(code) for name, code in re.findall(r"\b([A-Z_]+) = (\d+)[,;]", script)}
    assert {name: known.get(name) for name in Closing.__members__ if name != "SERVER_ENDS"} == {
        code.name: code.value for code in Closing if code is not Closing.SERVER_ENDS
    }


async def test_the_largest_piece_that_the_page_sends_is_taken(serving):
    script = (CONSOLE / "static" / "console.js").read_text()
    piece = int(re.search(r"PIECE = (\d+)", script)[1])
    tab = await visit(serving)
    start, end = "\x1b[200~", "\x1b[201~"  # of a paste: of so many keys the next would be one too many
    await tab.type(start + "\0" * (piece - len(start + end)) + end)
    await tab.type("?")
    await tab.sees("Leave the console")


async def test_a_console_that_crashes_takes_nobody_along(serving, complaints):
    other = await visit(serving)
    (before,) = serving.services.visitors._here
    tab = await visit(serving)
    (seat,) = serving.services.visitors._here - {before}

    def fail():
        raise ValueError("broken")

    seat._visit._console.call_later(fail)
    code, reason = await tab.closed()
    assert (code, "crashed" in reason) == (Closing.CRASHED, True)
    assert [record.getMessage() for record in complaints()] == ["task 'console in a browser' crashed"]
    await other.type("?")
    await other.sees("Leave the console")


async def test_switched_off_all_visitors_are_sent_away(serving):
    tab = await visit(serving)
    serving.services.visitors.allow(False)
    code, reason = await tab.closed()
    assert (code, OFF in reason) == (Closing.SWITCHED_OFF, True)
    await deserted(serving)
    assert (await serving.fetch("/console")).status == 404


async def test_the_end_of_the_server_is_told(serving):
    tab = await visit(serving)
    await serving.services.visitors.close()
    assert (await tab.closed())[0] == Closing.SERVER_ENDS
    assert not consoles()


async def test_without_the_setting_there_is_neither_page_nor_socket(serving):
    serving.services.visitors.allow(False)
    reply = await serving.fetch("/console")
    assert reply.status == 404
    assert OFF in reply.json["detail"]
    status, problem = await refusal(serving)
    assert status == 404
    assert OFF in problem["detail"]


async def test_no_other_page_gets_a_socket_not_even_one_of_this_machine(serving):
    port = serving.port
    own = f"127.0.0.1:{port}"
    for origin in (
        "http://evil.example", "null", "", "file://", "http://127.0.0.1", "http://127.0.0.1:1", f"http://localhost:{port}",
        f"http://{own}.evil.example", f"http://{own}@evil.example", f"http://evil.example/{own}", own,
    ):  # fmt: skip
        status, problem = await refusal(serving, Origin=origin)
        assert status == 403, origin
        assert problem["type"].endswith("/forbidden")
    assert len(serving.services.visitors) == 0


async def test_the_page_under_another_name_of_the_server_gets_one(serving):
    own = f"localhost:{serving.port}"
    tab = await enter(serving, Origin=f"http://{own}", Host=own)
    await tab.say(**SIZE)
    await tab.sees("help")


async def test_a_name_that_the_server_does_not_answer_to_leads_nowhere(serving):
    status, problem = await refusal(serving, Host="evil.example", Origin="http://evil.example")
    assert status == 403
    assert "evil.example" in problem["detail"]


async def test_a_socket_that_is_asked_for_like_a_page_says_what_it_is(serving):
    reply = await serving.fetch("/console/socket")
    assert reply.status == 400
    assert "open /console" in reply.json["detail"]
    assert (await serving.fetch("/console/socket", method="HEAD")).status == 400
    assert (await serving.fetch("/console/socket", {}, method="POST")).status == 405


async def test_nothing_that_is_typed_or_shown_is_logged(serving, caplog):
    tab = await visit(serving)
    caplog.clear()
    await tab.type("sesame-open?")
    await tab.sees("Leave the console")
    tab.leave()
    await deserted(serving)
    assert "sesame" not in caplog.text
    assert "Leave the console" not in caplog.text


async def test_a_visit_is_one_line_of_the_access_log_when_it_begins(serving):
    await visit(serving)
    (line,) = [each for each in serving.log.records if getattr(each, "path", "") == "/console/socket"]
    assert line.status == 101
