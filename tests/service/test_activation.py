"""Sockets that were open before the server was there."""

import shutil
import socket
import subprocess
import tempfile

import pytest

from clinvk import activation
from tests.e2e.conftest import port  # noqa: F401  a fixture
from tests.service.conftest import DEADLINE, SERVE, ask, tcp

pytestmark = pytest.mark.e2e
TOOL = "systemd-socket-activate"


def unix(path):
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(str(path))
    listening.listen()
    return listening


@pytest.fixture
def healthy(to):
    return lambda address: ask(to(address), "GET", "/health")[0] == 200


def test_it_serves_on_all_that_it_was_given_and_nowhere_else(service, tmp_path, healthy):
    path = tmp_path / "clinvk.sock"
    with tcp() as first, tcp() as second, unix(path) as third:
        server = service(first, second, third, LISTEN_FDNAMES="web:web:local")
        url, *more = [f"http://127.0.0.1:{each.getsockname()[1]}" for each in (first, second)]
        assert server.announced() == url
        assert [healthy(each) for each in (url, *more, f"unix:{path}")] == [True] * 3
    tcps = [each.replace("http", "tcp") for each in (url, *more)]
    told = [line["message"] for line in server.lines() if "listens for us" in line["message"]]
    assert told == [f"the service manager listens for us on {each}" for each in (*tcps, f"unix:{path}")]
    assert "WARNING" not in server.errors.read_text()


def test_the_address_of_a_unix_socket_alone_is_announced_as_one(service, tmp_path, healthy):
    path = tmp_path / "clinvk.sock"
    with unix(path) as listening:
        server = service(listening)
        assert server.announced() == f"unix:{path}"
        assert healthy(f"unix:{path}")
        server.guardian.terminate()
        assert server.code() == 0
    assert path.exists(), "it is the manager's"


def test_a_warning_is_given_where_what_was_opened_is_not_loopback(service):
    with socket.create_server(("0.0.0.0", 0)) as listening:
        server = service(listening)
        assert server.announced() == f"http://0.0.0.0:{listening.getsockname()[1]}"
        server.guardian.terminate()
        assert server.code() == 0
    assert "WARNING: 0.0.0.0 is not loopback" in server.errors.read_text()


def test_nobody_is_turned_away_while_one_server_follows_another(service, healthy, to):
    with tcp() as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        first = service(listening)
        assert healthy(first.announced())
        first.guardian.terminate()
        assert first.code() == 0
        waiting = to(url)
        waiting.request("GET", "/health")  # nobody is there to take it
        second = service(listening)
        assert second.announced() == url
        assert waiting.getresponse().status == 200
        waiting.close()


def test_what_the_manager_has_closed_is_closed_once_the_server_drains(service, tmp_path, to):
    """The guardian was given the socket too, and would keep it open."""
    (tmp_path / "clinvk").mkdir()
    (tmp_path / "clinvk" / "config.yaml").write_text("server:\n  shutdown_grace_secs: 60\n")
    listening = tcp()
    server = service(listening)
    listening.close()
    url = server.announced()
    with_us = to(url)
    server.start("/hang")
    ask(with_us, "GET", "/health")
    server.guardian.terminate()
    while ask(with_us, "GET", "/api/v1/status")[1]["draining"] is False:
        pass
    with pytest.raises(ConnectionRefusedError):
        to(url).connect()


def test_sockets_for_another_process_are_left_alone(service):
    with tcp() as listening:
        command = ("sh", "-c", 'LISTEN_PID=1 exec "$@"', "sh", *SERVE)
        server = service(listening, command=command)
        assert server.announced() != f"http://127.0.0.1:{listening.getsockname()[1]}"


def datagrams():
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    return made


def one_connection():
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ours.close()
    return theirs


@pytest.mark.parametrize(
    ("make", "fault"),
    [
        (datagrams, "is no stream socket of TCP or unix (ListenStream=)"),
        (one_connection, "does not listen: is it a single connection (Accept=yes)?"),
        (tempfile.TemporaryFile, "is no socket: Socket operation on non-socket"),
    ],
    ids=["datagrams", "one-connection", "no-socket"],
)
def test_what_cannot_be_served_on_is_exit_code_1_and_one_line(service, make, fault):
    with tcp() as fine, make() as wrong:
        server = service(fine, wrong, LISTEN_FDNAMES="web:odd")
        assert server.code() == 1
    told = server.errors.read_text().splitlines()
    assert told[-1] == f"clinvk: file descriptor 4 (odd), which the service manager opened, {fault}"


def test_a_count_that_is_none_is_told():
    with pytest.raises(activation.NotListening, match="LISTEN_FDS is no number: 'x'"):
        activation.take({"LISTEN_PID": "7", "LISTEN_FDS": "x"}, 7)


def test_the_variables_are_taken_out_whoever_they_are_for():
    environment = {"LISTEN_PID": "1", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "x", "HOME": "/"}
    assert activation.take(environment, 7) == []
    assert environment == {"HOME": "/"}


@pytest.mark.skipif(not shutil.which(TOOL), reason=f"{TOOL} is not here")
def test_the_tool_of_systemd_starts_it_with_the_first_connection(tmp_path, healthy, port):  # noqa: F811
    path = tmp_path / "clinvk.sock"
    keep = [f"-E{name}={value}" for name, value in (("HOME", tmp_path), ("CLINVK_HOME", tmp_path / "home"))]
    with subprocess.Popen(
        [TOOL, *keep, "-l", f"127.0.0.1:{port}", "-l", path, *SERVE],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as server:  # fmt: skip
        assert server.stderr.readline().startswith("Listening on")
        assert server.stderr.readline().startswith("Listening on")
        try:
            assert healthy(f"unix:{path}")
            assert healthy(f"http://127.0.0.1:{port}")
            assert server.stdout.readline() == f"clinvk API server starting on http://127.0.0.1:{port}\n"
        finally:
            server.terminate()
            _, errors = server.communicate(timeout=DEADLINE)
    assert (server.returncode, "Traceback" in errors) == (0, False)
