"""What a stream of NDJSON says, line by line."""

import json
from collections.abc import Iterable, Iterator
from typing import Any


def events(lines: Iterable[bytes | str]) -> Iterator[Any]:
    """Each event of a stream as it comes. A blank line is none: it tells whoever waits long that nothing broke."""
    return (json.loads(line) for line in lines if line.strip())


def until(lines: Iterable[bytes | str], kind: str) -> Any:
    """The next event of that type."""
    for event in events(lines):
        if event["type"] == kind:
            return event
    raise AssertionError(f"no {kind}")
