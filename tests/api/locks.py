"""Servers that ask for keys."""

from collections.abc import Mapping

from clinvk.domain.access import Grant, Keyring, digest
from tests.api.conftest import Server

KEY = "clv_one-key-of-the-tests"
OTHER = "clv_another-key-of-the-tests"
BOUNDED = "clv_a-key-that-may-do-less"
BEARER = {"Authorization": f"Bearer {KEY}"}
GRANTS = {
    KEY: Grant("ci"),
    OTHER: Grant("laptop"),
    BOUNDED: Grant("guest", backends=frozenset({"demo"})),
}


def lock(server: Server, grants: Mapping[str, Grant] = GRANTS) -> Server:
    """The server, which asks for one of these keys from now on."""
    server.services.keyring = Keyring({digest(key): grant for key, grant in grants.items()})
    return server
