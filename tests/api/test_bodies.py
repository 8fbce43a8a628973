"""How a body may come: framed, declared, cut short, too long, too late."""

import asyncio
import json

import pytest

from clinvk.api.services import Bounds
from tests.api.client import hurried

PROMPT = "/api/v1/prompt"


async def test_text_of_every_kind_reaches_the_agent_and_comes_back(server):
    words = '\u0000 "quoted" \\ \u2028 \U0001f4a9 \x7f <b> ünïcode \r\n end'
    reply = await server.prompt(words)
    assert words[:20] in reply.json["output"]


async def test_a_prompt_of_megabytes_reaches_the_agent(server):
    reply = await server.prompt("/big 5 " + "x" * (9 << 20))
    assert (reply.status, reply.json["output"]) == (200, "the d")


@pytest.mark.parametrize(
    "content_type", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8"]
)
async def test_json_by_any_of_its_names_is_taken(server, content_type):
    reply = await server.prompt("/big 5", headers={"Content-Type": content_type})
    assert reply.status == 200


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "text/plain;application/json", "application/x-www-form-urlencoded", "application/jsonx",
     "multipart/form-data; boundary=application/json", ""],
)  # fmt: skip
async def test_a_body_that_does_not_say_it_is_json_is_415(server, content_type):
    reply = await server.prompt("/hang", headers={"Content-Type": content_type})
    assert (reply.status, reply.json["type"]) == (415, "https://api.clinvk.dev/errors/unsupported-media-type")
    assert server.supervisor.journal.length == 0


@pytest.mark.parametrize("framing", ["fixed", "chunked", "Chunked"])
async def test_a_body_without_a_media_type_is_415_however_it_is_framed(server, framing):
    body = b'{"backend":"demo","prompt":"/hang"}'
    if framing == "fixed":
        connection = await server.raw("POST", PROMPT, {"Content-Length": str(len(body))}, body)
    else:
        chunks = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        connection = await server.raw("POST", PROMPT, {"Transfer-Encoding": framing}, chunks)
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert (reply.status, reply.json["detail"].endswith("not none")) == (415, True)


async def test_a_chunked_body_is_as_good_as_any(server):
    headers = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    connection = await server.raw("POST", PROMPT, headers)
    for part in (b'{"backend":', b'"demo","prompt"', b':"/big 5"}'):
        await connection.send(b"%x\r\n%s\r\n" % (len(part), part))
    await connection.send(b"0\r\n\r\n")
    assert (await connection.reply()).json["output"] == "the d"


LIMIT = Bounds(max_body_bytes=1000)
JSON = {"Content-Type": "application/json"}


async def test_a_body_of_exactly_the_limit_is_taken_and_one_byte_more_is_413(new_server):
    server = await new_server(LIMIT)
    body = json.dumps({"backend": "demo", "prompt": "/big 5"})
    assert (await server.fetch(PROMPT, data=body.ljust(1000).encode())).status == 200
    reply = await server.fetch(PROMPT, data=body.ljust(1001).encode())
    assert (reply.status, reply.json["type"]) == (413, "https://api.clinvk.dev/errors/body-too-large")
    assert reply.json["detail"] == "The body is larger than 1000 bytes (server.max_request_body_bytes)"


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413), (5000, 413)])
async def test_a_chunked_body_is_held_to_the_same_limit(new_server, size, status):
    server = await new_server(LIMIT)
    connection = await server.raw("POST", PROMPT, JSON | {"Transfer-Encoding": "chunked"})
    body = json.dumps({"backend": "demo", "prompt": "/big 5"}).ljust(size).encode()
    for start in range(0, size, 100):
        piece = body[start : start + 100]
        await connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
    await connection.send(b"0\r\n\r\n")
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert reply.status == status


async def test_who_asks_before_sending_a_body_too_long_is_spared_it(new_server):
    server = await new_server(LIMIT)
    connection = await server.raw("POST", PROMPT, JSON | {"Expect": "100-continue", "Content-Length": "1001"})
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert (reply.status, reply.headers["Connection"]) == (413, "close")
    assert await connection.closed() == b""


async def test_who_asks_before_sending_a_body_is_told_to_go_on(server):
    body = b'{"backend":"demo","prompt":"/big 5"}'
    length = {"Content-Length": str(len(body)), "Expect": "100-continue"}
    connection = await server.raw("POST", PROMPT, JSON | length)
    assert await connection.head() == 100
    await connection.send(body)
    assert (await connection.reply()).json["output"] == "the d"


async def test_a_body_declared_absurdly_long_is_refused_before_it_comes(server):
    connection = await server.raw("POST", PROMPT, JSON | {"Content-Length": "99999999999"})
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert (reply.status, reply.headers["Connection"]) == (413, "close")
    assert await connection.closed() == b""


async def test_a_chunked_body_without_end_is_cut_off(server):
    connection = await server.raw("POST", PROMPT, JSON | {"Transfer-Encoding": "chunked"})
    chunk = b"100000\r\n" + b" " * (1 << 20) + b"\r\n"

    async def pour():
        for _ in range(70):
            await connection.send(chunk)

    # Who goes on sending may be cut off before he reads why.
    pouring = asyncio.ensure_future(pour())
    assert (await server.log.first("clinvk.access")).status == 413
    await asyncio.gather(pouring, return_exceptions=True)
    await connection.closed()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "text/plain"}, 415),
        (JSON | {"Origin": "https://evil.example"}, 403),
        (JSON | {"Host": "evil.example"}, 403),
    ],
)
async def test_a_refusal_can_be_read_by_who_has_sent_megabytes_and_the_connection_lives_on(
    server, headers, status
):
    body = b" " * (6 << 20)
    connection = await server.raw("POST", PROMPT, {**headers, "Content-Length": str(len(body))}, body)
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert reply.status == status
    await connection.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert (await connection.reply()).status == 200


async def test_who_asks_before_sending_a_body_is_refused_at_once(server):
    headers = {"Content-Type": "text/plain", "Content-Length": "5000", "Expect": "100-continue"}
    connection = await server.raw("POST", PROMPT, headers)
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert (reply.status, reply.headers["Connection"]) == (415, "close")


@pytest.mark.parametrize("length", ["abc", "-5", "+5", "1_0", "0x10", "5, 5", "5, 6", "9" * 5000, "²"])
async def test_a_length_that_is_no_number_is_a_fault_of_the_request(server, length):
    connection = await server.connect()
    await connection.send(
        b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: " + length.encode("latin-1") + b"\r\n\r\n{}"
    )
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert (reply.status, reply.json["detail"]) == (400, "The request's Content-Length is no number")
    assert await connection.closed() == b""


A_HUNDRED = (
    b"POST /api/v1/prompt HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: 100\r\n\r\n"
)


@pytest.mark.parametrize("sent", [b"", b'{"backend":'])
async def test_a_body_that_stalls_is_408_and_names_the_clock(new_server, sent):
    server = await new_server()
    connection = await hurried(server, A_HUNDRED + sent, read_secs=0.2)
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert (reply.status, reply.headers["Connection"]) == (408, "close")
    assert reply.json["detail"] == "The body did not arrive within 0.2 s (server.read_timeout_secs)"
    assert await connection.closed() == b""


async def test_the_clock_of_the_body_stops_once_the_body_is_there(new_server):
    server = await new_server(Bounds(read_secs=3.0))
    assert (await server.prompt("/hang", timeout_secs=3.3)).json["exit_code"] == 1


async def test_a_client_that_leaves_within_its_body_starts_nothing(server):
    connection = await server.raw("POST", PROMPT, JSON | {"Content-Length": "100"}, b'{"backend":')
    await connection.leave()
    line = await server.log.first("clinvk.access")
    assert (line.status, server.supervisor.journal.length) == (499, 0)


CHUNKED = JSON | {"Transfer-Encoding": "chunked"}
NOT_HTTP = "This cannot be read as a request of HTTP/1.1"


@pytest.mark.parametrize(
    "chunks",
    [
        b"5\r\nhelloX\r\n0\r\n\r\n",
        b"2\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"fffffffffffffffff\r\n",
        b"5;" + b"x" * 100 + b"\r\nhello\r\n",
        b"5;" + b"x" * (1 << 20),
        b"0\r\n" + b"X: y\r\n" * 10_000 + b"\r\n",
        b"zz\r\n",
        b"\r\n",
    ],
)
async def test_chunks_that_lie_are_refused_in_words_and_start_nothing(server, chunks):
    connection = await server.raw("POST", PROMPT, CHUNKED)
    connection.writer.write(chunks)
    reply = await connection.reply()
    server.check("POST", PROMPT, reply)
    assert (reply.status, reply.json["detail"]) == (400, NOT_HTTP)
    assert await connection.closed() == b""
    assert server.supervisor.journal.length == 0


async def test_a_chunk_that_is_announced_huge_is_counted_as_it_comes(new_server):
    server = await new_server(LIMIT)
    connection = await server.raw("POST", PROMPT, CHUNKED, b"7fffffff\r\n" + b" " * 2000)
    await connection.leave()
    assert (await server.log.first("clinvk.access")).status == 499
    assert server.supervisor.journal.length == 0


async def test_who_goes_on_sending_after_he_was_refused_still_reads_why(new_server):
    server = await new_server(LIMIT)
    connection = await server.raw("POST", PROMPT, JSON | {"Content-Length": str(1 << 30)})
    connection.writer.write(b" " * (4 << 20))
    reply = await connection.reply()
    assert reply.status == 413
    await connection.leave(abruptly=True)
