"""A loopback stand-in for the model providers behind claude, codex and gemini: `python tests/modelstub --port 0`.

It prints `model stub on http://127.0.0.1:PORT` once it listens, and ends by SIGTERM or SIGINT.

    POST /v1/messages                               Anthropic, JSON and SSE
    POST /v1/messages/count_tokens
    POST /v1/responses                              OpenAI, JSON and SSE; GET (a WebSocket) is answered 426
    POST /v1/chat/completions                       the older OpenAI API, JSON and SSE
    GET  /v1/models
    POST /v1beta/models/M:generateContent           Gemini
    POST /v1beta/models/M:streamGenerateContent
    POST /v1beta/models/M:countTokens
    GET  /__stub/log?since=N                        the requests after number N, oldest first
    GET  /__stub/request/N                          the body of request N, to the byte
    POST /__stub/reset                              forget the requests, and how often a prompt came

Anything else is answered 404, and logged too. An answer is `you said: PROMPT`, unless a directive in the prompt
wants something else (directives.py lists them). A key with `bad` in it is refused, and a model with `no-such`
in its name is unknown. Nothing but the standard library is needed.
"""

import argparse
import asyncio
import contextlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.modelstub.stub import Stub


async def main() -> None:
    parser = argparse.ArgumentParser(description="A loopback stand-in for the model providers.")
    parser.add_argument("--port", type=int, default=0, help="0 takes any that is free")
    stub = Stub()
    # Bodies of a megabyte are common: a small buffer would stop and start the transport all along.
    server = await asyncio.start_server(
        stub.serve, "127.0.0.1", parser.parse_args().port, limit=1 << 22, backlog=512
    )
    print(f"model stub on http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(main())
