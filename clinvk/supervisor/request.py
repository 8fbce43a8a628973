"""The request that asks for a run once more: kept with the run, and shown as a command for a shell. Pure."""

import re
import shlex
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from clinvk.domain.spec import RunSpec

_PATH: Final = "/api/v1/prompt"
_USUAL_SERVER: Final = "http://127.0.0.1:8080"
_DECEIVING: Final = re.compile(
    "[\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
"""What acts on a terminal, turns the direction of writing or is not seen: a command would read as another one."""
_ARGUMENT_BYTES: Final = (128 << 10) - 1
"""What Linux takes as one argument, its end not counted."""


@dataclass(frozen=True, slots=True)
class _Request:
    base_url: str
    body: msgspec.Raw


def body(spec: RunSpec) -> dict[str, object]:
    """The native prompt request for `spec`, in whatever API it came: what a request can say of it.

    Both modes are always named, for the settings may have others in their place. Flags of the settings are left
    out, since every request gets those; so where they ask for dry runs, this is one. Only a turn that went on with
    its session names it: one that began a session begins another.
    """
    asked = {
        "backend": spec.backend,
        "prompt": spec.prompt,
        "model": spec.model,
        "workdir": spec.workdir,
        "session_id": spec.session_id if spec.fresh_if_lost else None,
        "ephemeral": spec.ephemeral or None,
        "approval_mode": spec.approval_mode,
        "sandbox_mode": spec.sandbox_mode,
        "max_tokens": spec.max_tokens,
        "max_turns": spec.max_turns,
        "system_prompt": spec.system_prompt,
        "extra": spec.extra[spec.preset_flags :] or None,
        "metadata": spec.metadata or None,
        "timeout_secs": spec.timeout_secs,
        "linger_secs": spec.linger_secs,
    }
    return {name: value for name, value in asked.items() if value is not None}


def kept(spec: RunSpec) -> str:
    """The request as it is stored: `as_curl` reads it."""
    whole = _Request(spec.origin.base_url or _USUAL_SERVER, msgspec.Raw(msgspec.json.encode(body(spec))))
    return msgspec.json.encode(whole).decode()


def asked(stored: str) -> dict[str, Any]:
    """The body of the request that was stored."""
    found: dict[str, Any] = msgspec.json.decode(msgspec.json.decode(stored, type=_Request).body)
    return found


def as_curl(stored: str) -> str:
    """One command of a POSIX shell that sends it. Keys are not in it: nobody keeps them.

    What is too long for an argument stands below it, in a here-document.
    """
    request = msgspec.json.decode(stored, type=_Request)
    data = _DECEIVING.sub(_escaped, bytes(request.body).decode()).encode()
    head = f"curl {shlex.quote(request.base_url + _PATH)} -H 'Content-Type: application/json'"
    if len(data) <= _ARGUMENT_BYTES:
        return f"{head} -d {shlex.quote(data.decode())}"
    return f"{head} --data-binary @- <<'END'\n{data.decode()}\nEND\n"  # JSON of one line: no END in there


def _escaped(found: re.Match[str]) -> str:
    """As JSON can say it: beyond U+FFFF in two halves. Such a character stands in strings only."""
    units = found[0].encode("utf-16-be").hex()
    return "".join(f"\\u{units[place : place + 4]}" for place in range(0, len(units), 4))
