"""A monitor of a real server, with what may break between the two."""

import pytest

from clinvk.remote import RemoteMonitor
from tests.api.conftest import complaints, new_server, quiet, schemas, server
from tests.remote.relay import Relay, Scripted

__all__ = ["complaints", "new_server", "quiet", "schemas", "server"]


@pytest.fixture
async def relay(server):
    """Passes everything on to the server."""
    relay = await Relay(server.port).listen()
    yield relay
    await relay.close()


@pytest.fixture
def monitor(relay):
    """A monitor of the server behind the relay."""
    return RemoteMonitor(relay.url)


@pytest.fixture
async def scripted():
    """Starts servers that answer as they are told."""
    servers = []

    async def make(answer):
        servers.append(await Scripted(answer).listen())
        return servers[-1]

    yield make
    for each in servers:
        await each.close()
