"""The real CLIs, in the middle of a long shell tool call: their provider is a stub on loopback."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from family import Family
from server import NATIVE, Server, Stream, Unexpected
from trial import Place, Row, Trial, kept

from clinvk import processes

sys.path.append(str(Path(__file__).resolve().parents[2]))  # run with -I, Python does not look there

from tests import clis
from tests.modelstub import client

PART = "real CLIs"
_TOOL = "(sleep 86400 & tail -s 1000 -f /dev/null | cat)"
_PROMPT = "wait [[tool=shell cmd=" + _TOOL.replace(" ", "%20").replace("&", "%26") + "]]"
_WORDS = ("86400", "/dev/null")
PATIENCE = 60.0


def at_work(server: Server, backend: str) -> Stream:
    """A run whose shell tool has its processes, one of them in the background."""
    asked: dict[str, Any] = {"backend": backend, "prompt": _PROMPT, "output_format": "stream-json"}
    asked |= {"approval_mode": "none", "sandbox_mode": "full", "timeout_secs": 120}
    model = clis.MODELS[backend]
    stream = Stream(server, NATIVE, asked | ({"model": model} if model else {}))
    stream.until('"tool.started"')
    until = time.monotonic() + PATIENCE
    while not has_tools(server):
        if time.monotonic() > until:
            raise Unexpected("the tool never ran")
        time.sleep(0.01)
    return stream


def has_tools(server: Server) -> bool:
    """Whether all that the tool starts is there."""
    commands = [processes.command(row.pid) for row in server.below()]
    return all(any(word in command for command in commands) for word in _WORDS)


def killed(backend: str) -> Callable[[Place], Trial]:
    """SIGKILL to the server, and another start."""

    def trial(place: Place) -> Trial:
        with stubbed(place) as how:
            server = place.start(**how)
            stream = at_work(server, backend)
            family = Family(server.family())
            family.cause()
            os.kill(server.pid, signal.SIGKILL)
            told = stream.end()
            code = server.process.wait(30)
            left, seconds = family.gone()
            following = place.start(**how)
            what = kept(following, stream)
            following.end()
            return Trial(left, seconds, f"{told}; exit code {code}", what)

    return trial


def cancelled(backend: str) -> Callable[[Place], Trial]:
    """Cancelled by the API."""

    def trial(place: Place) -> Trial:
        with stubbed(place) as how:
            server = place.start(**how)
            stream = at_work(server, backend)
            family = Family(server.below())
            family.cause()
            server.cancel(stream.run_id)
            told = stream.end()
            left, seconds = family.gone(server.below)
            what = kept(server, stream)
            server.end()
            return Trial(left, seconds, told, what)

    return trial


@contextlib.contextmanager
def stubbed(place: Place) -> Iterator[dict[str, Any]]:
    """How to start a server whose CLIs ask a stub."""
    with client.running() as stub:
        more = clis.environment(place.home, f"http://127.0.0.1:{stub.port}")
        yield {"more": more, "program": ("-m", "clinvk")}


def missing() -> str:
    return "" if clis.installed() else "the CLIs are not there: scripts/install-clis"


_DOES = f"in the middle of a shell tool, `{_TOOL}`"
ROWS = [
    Row(f"real-{name}-{end}", PART, f"{name}: {what}", _DOES, alone=how(name), trials=20, needs=missing)
    for end, what, how in (
        ("killed", "SIGKILL to the server", killed),
        ("cancel", "cancelled by the API", cancelled),
    )
    for name in clis.NAMES
]
