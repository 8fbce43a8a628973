"""Which user of this machine a connection belongs to, and who of them may ask while there are no keys."""

import asyncio
import contextlib
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path

import pytest

from clinvk import unix_socket
from clinvk.api import peers
from clinvk.api.peers import Peer
from clinvk.api.services import Bounds
from clinvk.domain.access import Grant, Keyring, digest
from clinvk.supervisor import descendants
from tests.api.client import DEADLINE

pytestmark = pytest.mark.skipif(not peers.CAN_TELL, reason="only Linux tells whose a connection is")

NOBODY = 65534
as_another_user = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a program of another user")


@pytest.fixture(autouse=True)
def unseen(monkeypatch):
    """The server of a test lives in our process, and takes a program that we start for what a run has left."""
    monkeypatch.setattr(descendants, "LOOK_SECS", 3600.0)


def has_ipv6():
    """Whether this machine speaks it, to itself at least."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


over_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine speaks no IPv6")

ASK = """
import os, socket, sys
uid, family, address, leave = int(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:] == ["and leave"]
if uid:
    os.setgroups([])
    os.setgid(uid)
    os.setuid(uid)
body = b'{"backend":"demo","prompt":"/hang","detach":true}'
request = b"POST /api/v1/prompt HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n"
request += b"Content-Type: application/json\\r\\nContent-Length: %d\\r\\n\\r\\n" % len(body) + body
host, _, port = address.rpartition(":")
connection = socket.socket(socket.AF_UNIX if family == "unix" else socket.AF_INET)
try:
    connection.connect(address if family == "unix" else (host, int(port)))
except OSError as error:
    print(type(error).__name__)
    raise SystemExit
connection.sendall(request)
if not leave:
    while piece := connection.recv(65536):
        print(piece.decode(), end="")
"""


async def asked_by(uid, family, address, *more):
    """What a program of that user is told that asks for a run."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", ASK, str(uid), family, address, *more,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd="/",
    )  # fmt: skip
    async with asyncio.timeout(DEADLINE):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


def by_port(server):
    return "4", f"127.0.0.1:{server.port}"


@as_another_user
async def test_a_program_of_another_user_is_refused_and_told_the_cures(server):
    told = await asked_by(NOBODY, *by_port(server))
    assert told.startswith("HTTP/1.1 403 ")
    assert "belongs to another user" in told
    assert "server.api_keys_file" in told
    assert "server.local_users: any" in told
    assert server.supervisor.journal.length == 0


@as_another_user
async def test_a_program_of_the_same_user_is_let_in(server):
    assert (await asked_by(0, *by_port(server))).startswith("HTTP/1.1 202 ")


@as_another_user
async def test_root_is_let_in_by_the_server_of_any_user(server, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert (await server.fetch("/api/v1/runs")).status == 200


@as_another_user
async def test_who_sends_and_leaves_at_once_starts_nothing(server):
    """A socket that nobody holds any more has the uid of root on some kernels."""
    assert await asked_by(NOBODY, *by_port(server), "and leave") == ""
    assert (await server.log.first("clinvk.access")).status in {403, 499}
    assert server.supervisor.journal.length == 0


@as_another_user
async def test_every_user_is_let_in_where_that_was_asked_for(new_server):
    server = await new_server(Bounds(own_users_only=False))
    assert (await asked_by(NOBODY, *by_port(server))).startswith("HTTP/1.1 202 ")


@as_another_user
async def test_with_keys_it_is_the_key_that_counts(server):
    server.services.keyring = Keyring({digest("secret"): Grant("ci")})
    assert (await asked_by(NOBODY, *by_port(server))).startswith("HTTP/1.1 401 ")


@pytest.fixture
def reachable():
    """A folder that other users may enter: what pytest makes it closes to them, again with each of its runs."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@as_another_user
async def test_a_unix_socket_that_others_may_write_to_helps_them_nothing(server, reachable):
    """A service manager may have made it, with a mode of its own."""
    bound = unix_socket.listen(str(reachable / "s"))
    bound.path.chmod(0o666)
    server.http.add_sockets([bound.socket])
    assert (await asked_by(NOBODY, "unix", str(bound.path))).startswith("HTTP/1.1 403 ")
    assert (await asked_by(0, "unix", str(bound.path))).startswith("HTTP/1.1 202 ")


@as_another_user
async def test_a_unix_socket_is_for_its_user_alone(server, reachable):
    bound = unix_socket.listen(str(reachable / "s"))
    server.http.add_sockets([bound.socket])
    assert await asked_by(NOBODY, "unix", str(bound.path)) == "PermissionError\n"


@contextlib.contextmanager
def pair(family, bind, connect, only_v6=True):
    """A client's socket, and the peer that the server makes of it."""
    listening = socket.socket(family)
    with listening, socket.socket(socket.AF_INET6 if ":" in connect else socket.AF_INET) as client:
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only_v6)
        listening.bind((bind, 0))
        listening.listen()
        client.connect((connect, listening.getsockname()[1]))
        connection, address = listening.accept()
        with connection:
            yield client, Peer(connection, address, "http")


ROADS = [
    pytest.param(socket.AF_INET, "127.0.0.1", "127.0.0.1", id="v4"),
    pytest.param(socket.AF_INET6, "::1", "::1", id="v6", marks=over_ipv6),
    pytest.param(socket.AF_INET6, "::", "127.0.0.1", id="v4 to v6", marks=over_ipv6),
    pytest.param(socket.AF_INET6, "::", "::ffff:127.0.0.1", id="mapped to v6", marks=over_ipv6),
    pytest.param(socket.AF_INET, "0.0.0.0", "::ffff:127.0.0.1", id="mapped to v4", marks=over_ipv6),
]


@pytest.fixture(params=["asked", "read"])
def table(request, monkeypatch):
    """Both ways to the kernel's table: by a question, and as text where no questions are answered."""
    monkeypatch.setattr(peers, "_TABLE", peers._Table())
    if request.param == "read":

        def unanswered(theirs, ours):
            raise PermissionError

        monkeypatch.setattr(peers, "_ask", unanswered)


@pytest.mark.parametrize(("family", "bind", "connect"), ROADS)
@pytest.mark.usefixtures("table")
def test_the_user_is_told_on_every_road(family, bind, connect):
    with pair(family, bind, connect, only_v6=False) as (client, peer):
        assert peer.is_local
        assert peer.user == os.getuid()
        os.fchown(client.fileno(), 1234, -1) if os.geteuid() == 0 else None
        again = Peer.__new__(Peer)
        again.__dict__.update({name: value for name, value in vars(peer).items() if name != "user"})
        assert again.user == (1234 if os.geteuid() == 0 else os.getuid())


@pytest.mark.parametrize("held", [True, False])
@pytest.mark.usefixtures("table")
def test_a_client_that_has_left_is_nobody_but_one_that_only_sends_no_more_is_somebody(held):
    with pair(socket.AF_INET, "127.0.0.1", "127.0.0.1") as (client, peer):
        client.shutdown(socket.SHUT_WR) if held else client.close()
        assert peer.user == (os.getuid() if held else None)


def reset(client):
    """Close it so that its place is free at once."""
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.close()


@contextlib.contextmanager
def replaced():
    """A peer, and a socket that listens where its client was: unless another program was faster to take that."""
    with pair(socket.AF_INET, "127.0.0.1", "127.0.0.1") as (client, peer), socket.socket() as other:
        where = client.getsockname()
        reset(client)
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(where)
        other.listen()
        yield peer


@pytest.mark.usefixtures("table")
def test_a_socket_that_listens_where_the_client_was_is_not_taken_for_it():
    for _ in range(10):
        with contextlib.suppress(OSError), replaced() as peer:
            assert peer.user is None
            return
    pytest.fail("ten times another program took the place")


def test_a_table_that_has_answered_is_not_read_as_text_for_each_that_has_left(monkeypatch):
    table = peers._Table()
    monkeypatch.setattr(peers, "_TABLE", table)
    read = []
    monkeypatch.setattr(peers, "_read", lambda *ends: read.append(ends))
    with pair(socket.AF_INET, "127.0.0.1", "127.0.0.1") as (_, first):
        if first.user is None:
            pytest.skip("this kernel answers no questions about sockets")
    with pair(socket.AF_INET, "127.0.0.1", "127.0.0.1") as (client, second):
        reset(client)
        assert second.user is None
    assert read == []


async def test_whom_the_kernel_does_not_tell_is_refused(server, monkeypatch):
    monkeypatch.setattr(peers._Table, "user", lambda *_: None)
    reply = await server.fetch("/api/v1/runs")
    assert (reply.status, "cannot tell which user" in reply.json["detail"]) == (403, True)


async def test_whom_the_kernel_could_not_tell_is_asked_for_again(server, monkeypatch):
    answers = iter([None, os.geteuid()])
    monkeypatch.setattr(peers._Table, "user", lambda *_: next(answers))
    connection = await server.connect()
    for status in (403, 200):
        await connection.send(b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert (await connection.reply()).status == status


async def test_the_kernel_is_asked_once_for_a_connection(server, monkeypatch):
    asked = []
    monkeypatch.setattr(peers._Table, "user", lambda *ends: asked.append(ends) or os.geteuid())
    connection = await server.raw("GET", "/api/v1/runs")
    for _ in range(3):
        assert (await connection.reply()).status == 200
        await connection.send(b"GET /api/v1/runs HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert len(asked) == 1


def test_whoever_comes_by_an_address_of_this_machine_is_local_too():
    peer = Peer.__new__(Peer)
    peer._remote, peer._local, peer._is_unix = ("192.0.2.1", 7), ("192.0.2.1", 8080), False
    assert peer.is_local
    other = Peer.__new__(Peer)
    other._remote, other._local, other._is_unix = ("192.0.2.2", 7), ("192.0.2.1", 8080), False
    assert not other.is_local


def other_address():
    """An address of this machine that is not loopback; nothing is sent to find it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        address = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def test_who_comes_to_loopback_is_local_whatever_address_it_comes_from():
    address = other_address()
    if address is None:
        pytest.skip("this machine has loopback only")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind((address, 0))
        client.connect(server.getsockname())
        connection, source = server.accept()
        with connection:
            assert source[0] == address
            peer = Peer(connection, source, "http")
            assert (peer.is_local, peer.user) == (True, os.geteuid())
