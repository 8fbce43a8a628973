"""A browser tab that visits the console."""

import asyncio
import json
import re
from pathlib import Path

import pytest
from tornado.httpclient import HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.api.client import DEADLINE

ROOT = Path(__file__).resolve().parents[3]
CONSOLE = ROOT / "clinvk" / "api" / "console"
ESCAPES = re.compile(r"\x1b(\[[0-9;?<>$]*[a-zA-Z]|\][^\x07]*\x07|.)")
SIZE = {"type": "size", "columns": 120, "rows": 40, "dark": True}
OFF = "server.console_enabled"


class Tab:
    """A page's side of the socket."""

    def __init__(self, connection):
        self.connection = connection
        self._seen = b""
        self._over = False

    def say(self, **message):
        return self.connection.write_message(json.dumps(message))

    def type(self, text):
        return self.say(type="input", text=text)

    async def sees(self, text):
        """`text` comes, after what was seen before."""
        await self.until(lambda shown: text in shown)

    async def until(self, holds):
        """It comes to hold of what was shown since."""
        async with asyncio.timeout(DEADLINE):
            while not holds(shown := ESCAPES.sub("", self._seen.decode())):
                message = await self.connection.read_message()
                self._over = message is None
                assert not self._over, f"closed ({self.connection.close_reason}) after {shown[-2000:]}"
                self._seen += message
        self._seen = b""

    async def closed(self):
        """With which code and reason the server closed it."""
        async with asyncio.timeout(DEADLINE):
            while not self._over:
                self._over = await self.connection.read_message() is None
        return self.connection.close_code, self.connection.close_reason

    def leave(self):
        self.connection.close()


async def enter(server, **headers):
    """A socket, before its first word; closed when its server is."""
    url = f"ws://127.0.0.1:{server.port}/console/socket"
    given = {"Origin": server.origin} | {name.replace("_", "-"): value for name, value in headers.items()}
    tab = Tab(await websocket_connect(HTTPRequest(url, headers=given, request_timeout=DEADLINE)))
    server.tabs.append(tab)
    return tab


async def visit(server):
    """A visitor before the first screen."""
    tab = await enter(server)
    await tab.say(**SIZE)
    await tab.sees("help")
    return tab


async def refusal(server, **headers):
    """The status and the problem that a socket was refused with."""
    with pytest.raises(HTTPClientError) as refused:
        await enter(server, **headers)
    return refused.value.code, json.loads(refused.value.response.body)


async def deserted(server):
    """Waits until nobody is there any more."""
    async with asyncio.timeout(DEADLINE):
        while len(server.services.visitors) or consoles():
            await asyncio.sleep(0)


def consoles():
    return [task for task in asyncio.all_tasks() if "console" in task.get_name()]
