"""Whose address a request comes from, and who may say so."""

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from clinvk.api import client
from clinvk.api.peers import Peer
from clinvk.api.services import Bounds

PROXY = "10.0.0.1"


class _Connection:
    def __init__(self, remote_ip, protocol):
        self.context = Peer.__new__(Peer)
        self.context.remote_ip, self.context.protocol = remote_ip, protocol


def asked(direct, *headers, protocol="http"):
    """A request by a connection from `direct`."""
    told = HTTPHeaders({"Host": "inner:8080"})
    for name, value in headers:
        told.add(name, value)
    line = RequestStartLine("GET", "/", "HTTP/1.1")
    return HTTPServerRequest(connection=_Connection(direct, protocol), headers=told, start_line=line)


def address(direct, *forwarded, trusted=(PROXY, "10.1.0.0/16", "2001:db8::/32")):
    headers = [("X-Forwarded-For", value) for value in forwarded]
    return client.of(asked(direct, *headers), client.proxies(trusted)).address


@pytest.mark.parametrize("direct", ["203.0.113.9", "10.0.0.2", "127.0.0.1", "unix", "2001:db9::1"])
def test_whoever_is_not_trusted_cannot_pass_for_another(direct):
    lies = [("X-Forwarded-For", "198.51.100.1"), ("X-Real-IP", "198.51.100.1"), ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil.example"), ("Forwarded", "for=198.51.100.1;proto=https")]  # fmt: skip
    told = client.of(asked(direct, *lies), client.proxies([PROXY]))
    assert (told.address, told.base_url) == (direct, "http://inner:8080")


@pytest.mark.parametrize(
    ("forwarded", "expected"),
    [
        (["198.51.100.7"], "198.51.100.7"),
        (["6.6.6.6, 198.51.100.7"], "198.51.100.7"),
        (["6.6.6.6", "198.51.100.7"], "198.51.100.7"),
        (["6.6.6.6, 198.51.100.7, 10.1.2.3"], "198.51.100.7"),
        (["6.6.6.6, 198.51.100.7, 10.1.2.3, 2001:db8::5"], "198.51.100.7"),
        (["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
        (["198.51.100.7:51234"], "198.51.100.7"),
        (["[2001:db9::7]:51234"], "2001:db9::7"),
        (["[2001:db9::7]"], "2001:db9::7"),
        (['"[2001:db9::7]:51234"'], "2001:db9::7"),
        (["2001:DB9:0::7"], "2001:db9::7"),
        (["::ffff:198.51.100.7"], "198.51.100.7"),
        (["6.6.6.6, ::ffff:10.1.2.3"], "6.6.6.6"),
        (["fe80::1%eth0"], "fe80::1"),
    ],
)
def test_the_nearest_that_no_trusted_proxy_vouches_beyond_is_the_client(forwarded, expected):
    assert address(PROXY, *forwarded) == expected


@pytest.mark.parametrize("nonsense", ["", "unknown", "_hidden", "evil.example", "1.2.3", "1.2.3.4.5", "010.1.2.3",
                                      "300.1.1.1", "1.2.3.4:x", "[::1", "::1]", "<script>", "-", "/",
                                      "1.2.3.4/8", "0x7f.1", "[1.2.3.4", "²"])  # fmt: skip
def test_what_is_no_address_vouches_for_nothing_to_its_left(nonsense):
    assert address(PROXY, f"6.6.6.6,{nonsense}") == PROXY
    assert address(PROXY, f"6.6.6.6, {nonsense}, 10.1.2.3") == "10.1.2.3"
    assert address(PROXY, nonsense) == PROXY


def test_a_thousand_entries_are_no_trouble():
    assert address(PROXY, ", ".join(["6.6.6.6"] + ["10.1.2.3"] * 5000)) == "6.6.6.6"


def test_a_proxy_that_tells_only_the_real_ip_is_understood():
    told = asked(PROXY, ("X-Real-IP", "198.51.100.7"))
    assert client.of(told, client.proxies([PROXY])).address == "198.51.100.7"
    assert client.of(asked(PROXY, ("X-Real-IP", "nonsense")), client.proxies([PROXY])).address == PROXY
    both = asked(PROXY, ("X-Real-IP", "6.6.6.6"), ("X-Forwarded-For", "198.51.100.7"))
    assert client.of(both, client.proxies([PROXY])).address == "198.51.100.7"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            [("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "agents.example.com")],
            "https://agents.example.com",
        ),
        ([("X-Forwarded-Proto", "HTTPS")], "https://inner:8080"),
        ([("X-Forwarded-Proto", "http, https")], "https://inner:8080"),
        ([("X-Forwarded-Proto", "javascript")], "http://inner:8080"),
        ([("X-Forwarded-Host", "evil.example, agents.example.com:8443")], "http://agents.example.com:8443"),
        ([("X-Forwarded-Host", "[2001:db8::1]:8443")], "http://[2001:db8::1]:8443"),
        ([("X-Forwarded-Host", "a b")], "http://inner:8080"),
        ([("X-Forwarded-Host", "user@evil.example/path")], "http://inner:8080"),
        ([("X-Forwarded-Host", "")], "http://inner:8080"),
    ],
)
def test_a_trusted_proxy_says_what_the_client_called_the_server(headers, expected):
    assert client.of(asked(PROXY, *headers), client.proxies([PROXY])).base_url == expected


def test_a_proxy_by_the_unix_socket_is_trusted_by_name():
    told = asked("unix", ("X-Forwarded-For", "198.51.100.7"))
    assert client.of(told, client.proxies(["unix"])).address == "198.51.100.7"
    assert client.of(told, client.proxies(["0.0.0.0/0", "::/0"])).address == "unix"


def test_a_connection_of_ipv4_over_ipv6_counts_as_ipv4():
    assert address("::ffff:203.0.113.9", "6.6.6.6") == "203.0.113.9"
    assert address(f"::ffff:{PROXY}", "198.51.100.7") == "198.51.100.7"


def test_a_network_may_be_written_with_the_address_of_a_host_in_it():
    assert address("10.1.2.3", "198.51.100.7", trusted=["10.1.2.3/16"]) == "198.51.100.7"


def test_what_is_neither_address_nor_network_is_no_proxy():
    for entry in ("evil.example", "10.0.0.0/33", "*"):
        with pytest.raises(ValueError, match="does not appear"):
            client.proxies([entry])


async def test_the_log_and_the_record_of_a_run_name_the_client_behind_the_proxy(new_server):
    server = await new_server(Bounds(trusted_proxies=client.proxies(["127.0.0.0/8"])))
    await server.prompt("/big 5", headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.7"})
    assert (await server.log.first("clinvk.access")).client == "198.51.100.7"
    assert server.newest().run.spec.origin.client == "198.51.100.7"


async def test_a_client_that_lies_is_logged_by_its_own_address(server):
    await server.prompt("/big 5", headers={"X-Forwarded-For": "198.51.100.7", "X-Forwarded-Proto": "https"})
    assert (await server.log.first("clinvk.access")).client == "127.0.0.1"
    assert server.newest().run.spec.origin.base_url == server.origin
