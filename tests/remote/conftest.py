"""A monitor of a real server, with what may break between the two."""

import pytest

from clinvk.remote import RemoteMonitor, http, streams
from tests.api.client import DEADLINE
from tests.api.conftest import complaints, new_server, quiet, schemas, server
from tests.remote.relay import Relay, Scripted

__all__ = ["complaints", "new_server", "quiet", "schemas", "server"]


@pytest.fixture(autouse=True)
def patient(monkeypatch):
    """What comes late on a busy machine is no sign of another server, or of none."""
    monkeypatch.setattr(streams, "_FIRST_SECS", DEADLINE)
    monkeypatch.setattr(http, "_CONNECT_SECS", DEADLINE)


@pytest.fixture
async def relay(server):
    """Passes everything on to the server."""
    relay = await Relay(server.port).listen()
    yield relay
    await relay.close()


@pytest.fixture
async def connect():
    """Makes monitors that are closed after the test."""
    monitors = []

    def make(url, key=None):
        monitors.append(RemoteMonitor(url, key))
        return monitors[-1]

    yield make
    for each in monitors:
        await each.aclose()


@pytest.fixture
def monitor(relay, connect):
    """A monitor of the server behind the relay."""
    return connect(relay.url)


@pytest.fixture
async def scripted():
    """Starts servers that answer as they are told."""
    servers = []

    async def make(answer, tls=None):
        servers.append(await Scripted(answer).listen(tls))
        return servers[-1]

    yield make
    for each in servers:
        await each.close()
