"""The port, and who has it: real servers, and strangers."""

import contextlib
import http.server
import json
import os
import socket
import threading

import pytest

from clinvk import __version__
from clinvk.doctor import server, sockets
from tests.doctor.conftest import Findings
from tests.e2e.conftest import Served
from tests.ports import held


@pytest.fixture
def found(machine):
    def at(port, more=""):
        machine.configure(f"server:\n  port: {port}\n{more}")
        return Findings(server.findings(machine.case()))

    return at


@pytest.fixture
def stranger():
    """A program that listens and says nothing that a clinvk would say."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


@contextlib.contextmanager
def answering(said):
    """A server that answers everything with this."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps(said).encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Answer) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield listening.server_port
        listening.shutdown()
        thread.join()


def test_a_free_port_is_told_and_free_afterwards(found):
    with held() as port:
        assert found(port).one("server-port").message == f"port {port} of 127.0.0.1 is free"
        socket.create_server(("127.0.0.1", port)).close()
    assert found(0).one("server-port").message == "any free port is taken"


def test_a_port_that_a_stranger_has_is_a_problem_that_names_it(found, stranger, monkeypatch):
    monkeypatch.setattr(server, "_ANSWER_SECS", 0.1)  # it never answers
    finding = found(stranger).one("server-port")
    assert finding.level == "problem"
    assert f"pid {os.getpid()}, which is no clinvk" in finding.message


@pytest.mark.parametrize("said", [{"status": "fine"}, ["ok"], "ok", {}])
def test_a_stranger_that_speaks_http_is_one_all_the_same(found, said):
    with answering(said) as port:
        assert found(port).level("server-port") == "problem"


def test_an_address_that_this_machine_has_not_is_a_problem(found):
    assert "has no such address" in found(8080, "  host: 192.0.2.1\n").one("server-port").message


def test_a_running_server_is_told_with_its_version_and_is_no_problem(found, machine, tmp_path):
    served = Served(machine.user, more={"CLINVK_HOME": str(machine.home), "PATH": os.environ["PATH"]})
    try:
        told = found(served.port)
        assert str(served.pid) in told.one("server-running").message
        assert __version__ in told.one("server-running").message
        assert {str(each.level) for each in told} == {"ok"}
        elsewhere = found(0).one("server-running")
        assert elsewhere.level == "note"
        assert f"pid {served.pid}" in elsewhere.message
    finally:
        served.end()
    assert found(0).of("server-running") == []  # its lock is still there, and nobody holds it


def test_a_server_of_another_version_without_a_store_says_both(found):
    store = {"available": False, "session_count": 0, "reason": "the disk is full"}
    with answering({"status": "unhealthy", "version": "0.0.9", "uptime": "1m", "session_store": store}) as port:
        told = found(port)
    assert told.level("server-version") == "warning"
    assert "the disk is full" in told.one("server-store").message


def test_a_server_that_tells_no_details_is_one_all_the_same(found):
    with answering({"status": "ok"}) as port:
        told = found(port)
    assert told.level("server-running") == "ok"
    assert told.of("server-version") == told.of("server-store") == []


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can open a socket as another user")
def test_a_server_of_another_user_is_a_warning(found):
    with contextlib.ExitStack() as stack:
        os.seteuid(4711)
        try:
            port = stack.enter_context(answering({"status": "ok"}))
        finally:
            os.seteuid(0)
        assert "user 4711's" in found(port).one("server-user").message


def test_who_listens_is_found_on_both_families():
    for family, host in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with held(family, host) as port:
            with socket.create_server((host, port), family=family):
                assert sockets.holders(port) == [os.getpid()]
                assert sockets.user(port) == os.geteuid()
            assert sockets.holders(port) == []
            assert sockets.user(port) is None
    assert sockets.name(1 << 22) == ""


def test_a_socket_that_systemd_keeps_is_not_asked_for_that_would_start_the_server(found, stranger, monkeypatch):
    monkeypatch.setattr(sockets, "name", lambda _: "systemd")
    monkeypatch.setattr(server, "_health", None)  # asking would be an error
    assert found(stranger).one("server-port").message.startswith(f"systemd listens on port {stranger}")
