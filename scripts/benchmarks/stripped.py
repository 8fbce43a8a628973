"""The rival: a Tornado server with nothing in it but the work itself. `stripped.py PROGRAM [DATABASE]`.

POST /prompt starts PROGRAM, a JSON list, and answers with what it said. GET /page answers with the newest fifty
rows of a table in SQLite, by its index.
"""

import asyncio
import json
import os
import sqlite3
import sys

from spawning import spawn
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application, RequestHandler

_PAGE = "SELECT view FROM sessions ORDER BY last_used DESC LIMIT 50"


class Prompt(RequestHandler):
    """A run: the program's output, once it has ended."""

    async def post(self) -> None:
        prompt = json.loads(self.request.body)["prompt"]
        line = json.dumps({"type": "prompt", "turn": "1", "prompt": prompt, "conversation": None}) + "\n"
        pid, out, _ = spawn(self.settings["program"], line.encode())
        said, loop = bytearray(), asyncio.get_running_loop()
        ended = loop.create_future()

        def hear() -> None:
            piece = os.read(out, 1 << 16)
            said.extend(piece)
            if not piece:
                loop.remove_reader(out)
                os.close(out)
                os.waitpid(pid, 0)
                ended.set_result(None)

        loop.add_reader(out, hear)
        await ended
        texts = (json.loads(each) for each in said.splitlines())
        output = "".join(each["text"] for each in texts if each["type"] == "text")
        self.write({"backend": "demo", "output": output, "exit_code": 0})


class Page(RequestHandler):
    """A page of views that lie ready as JSON."""

    async def get(self) -> None:
        rows = self.settings["database"].execute(_PAGE).fetchall()
        self.set_header("Content-Type", "application/json")
        self.write(b'{"sessions":[' + b",".join(view for (view,) in rows) + b"]}")


async def main(program: list[str], database: str | None) -> None:
    opened = sqlite3.connect(database) if database else None
    routes = [("/prompt", Prompt), ("/page", Page)]
    server = HTTPServer(Application(routes, program=program, database=opened))
    sockets = bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    print(f"http://127.0.0.1:{sockets[0].getsockname()[1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
