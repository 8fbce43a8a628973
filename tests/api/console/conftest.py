"""A server that shows its console to browsers."""

import pytest

from clinvk import wiring
from tests.api.console.visitors import consoles


@pytest.fixture
async def serving(server):
    """A server with a console."""
    server.services.console = wiring.console(server.services.monitor)
    server.services.visitors.allow(True)
    server.tabs = []
    yield server
    await server.services.visitors.close()
    assert not consoles()
    for tab in server.tabs:
        tab.leave()
        await tab.closed()
