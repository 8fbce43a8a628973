"""The paths that real clients make of a base URL, and the one that each of them means."""

import re
from collections.abc import Mapping
from typing import Final

# Some put `/v1` behind the base URL, and some do not, whether it has one or not.
_ANTHROPIC: Final = re.compile(r"^/anthropic(?:/v1){0,2}(?=/(?:messages|models)(?:/|$))")
_OPENAI: Final = re.compile(r"^/openai(?=/(?:models|chat/completions|responses)(?:/|$))")

_SERVED: Final[Mapping[str, str]] = {
    "/openai": "/openai/v1/models, /openai/v1/chat/completions and /openai/v1/responses",
    "/anthropic": "/anthropic/v1/models, /anthropic/v1/messages and /anthropic/v1/messages/count_tokens",
}


def canonical(path: str) -> str:
    """`path` as the route table has it: doubled and trailing slashes are one, and so are all the base paths."""
    path = re.sub("/{2,}", "/", path)
    path = path.rstrip("/") or "/"
    return _OPENAI.sub("/openai/v1", _ANTHROPIC.sub("/anthropic/v1", path))


def is_anthropic(path: str) -> bool:
    """Whether whoever asks there expects the Anthropic API."""
    return path == "/anthropic" or path.startswith("/anthropic/")


def nothing_at(path: str) -> str:
    """What to say to whoever asks for a path that is none."""
    served = next(
        (f"{base} serves {names}: " for base, names in _SERVED.items() if path.startswith(f"{base}/")), ""
    )
    return f"There is nothing at {path}: {served}see /openapi.json"
