"""Ports for servers of the tests."""

import contextlib
import socket
from collections.abc import Iterator


@contextlib.contextmanager
def held(family: int = socket.AF_INET, host: str = "127.0.0.1") -> Iterator[int]:
    """A port that nobody else is given meanwhile, and nobody listens on: whoever is told to can."""
    with socket.socket(family) as holding:
        holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holding.bind((host, 0))
        yield holding.getsockname()[1]
