"""Conversations that may be kept: one small file each, in ~/.clinvk-demo, for the user alone."""

import json
import os

from clinvk.democli.wire import Message

_DIGITS = "0123456789abcdef"
_STDERR = 2


def new_name() -> str:
    """The id of a new conversation."""
    return f"demo-{os.urandom(8).hex()}"


def load(name: str) -> Message | None:
    """What was kept of that conversation; None if that is nothing, or nothing that makes sense."""
    path = _path(name)
    if path is None:
        return None
    try:
        with open(path, "rb") as file:  # noqa: PTH123  pathlib costs 5 ms
            kept = json.load(file)
    except (OSError, ValueError, RecursionError):
        return None
    return kept if isinstance(kept, dict) and kept.get("id") == name else None


def save(name: str, **kept: object) -> None:
    """Write it down, whole or not at all. What cannot be kept is complained about on stderr."""
    path = _path(name)
    if path is None:
        _complain("there is no HOME")
        return
    try:
        os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)  # noqa: PTH103, PTH120  pathlib costs 5 ms
        unfinished = f"{path}.{os.getpid()}"
        descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump({"id": name, **kept}, file)
        os.replace(unfinished, path)  # noqa: PTH105  pathlib costs 5 ms
    except OSError as error:
        _complain(str(error))


def _path(name: str) -> str | None:
    """Where that conversation is kept; None if it is no name of ours, or there is no HOME."""
    home, digits = os.environ.get("HOME"), name.removeprefix("demo-")
    ours = name.startswith("demo-") and len(digits) == 16 and all(digit in _DIGITS for digit in digits)
    return os.path.join(home, ".clinvk-demo", f"{name}.json") if home and ours else None  # noqa: PTH118


def _complain(why: str) -> None:
    os.write(_STDERR, f"demo: the conversation is not kept: {why}\n".encode(errors="replace"))
