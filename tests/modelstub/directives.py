"""What a prompt tells the stub to do: `say hello [[deltas=20 delay=0.05 error=429]]`.

deltas=N       pieces the answer is cut into, padded with words if it has too few (4 at most, and no padding)
delay=S        seconds before each piece but the first
step=1         each piece but the first only when it is asked for: POST /__stub/go/NUMBER, that of the request
ttft=S         seconds before the first piece
size=N         pad the answer to at least N characters
think=1        reasoning first
tool=KIND      ask for one `shell`, `read` or `write`, then answer with its result
tools=N        ask N times, one after the other
cmd=, path=    what the tool is to run, or to touch, percent-encoded (`echo hi`, `/etc/hostname`)
error=WHAT     a status (400…599), or `stream` (an error event after the first piece), `drop` (the connection,
               before any answer), `dropmid` (after the first piece), `hang` (no answer ever), `hangmid` (silence
               after the first piece), `garbage` (a body that is not the protocol)
usage_limit=S  refuse because the account's limit is used up, until S seconds from now, as each provider says it
times=N        the error or limit meets only the first N requests with this very prompt
retry_after=S  when to try again, said with a 429
stop=length    end as if the token limit was reached

Several brackets are several tools, used in that order before the answer.

A bracket with any other word in it is no directive but part of the prompt: a slip of the pen shows in the answer.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import unquote

_ERRORS: Final = frozenset({"stream", "drop", "dropmid", "hang", "hangmid", "garbage"})
_BRACKET: Final = re.compile(r"\[\[([^\[\]]*)\]\]")


@dataclass(frozen=True, slots=True)
class Directives:
    """One bracket; the defaults where it says nothing."""

    deltas: int | None = None
    delay: float = 0
    step: bool = False
    ttft: float = 0
    size: int = 0
    think: bool = False
    tool: str = ""
    tools: int = 1
    cmd: str = "echo hi"
    path: str = "/etc/hostname"
    error: str = ""
    usage_limit: float | None = None
    times: int | None = None
    retry_after: float | None = None
    stop: str = ""
    steps: tuple["Directives", ...] = ()
    """The tools to be used: this one as often as `tools` says, or those of several brackets."""


def parse(prompt: str) -> tuple[str, Directives]:
    """The prompt without its directives, and the last of them."""
    found: list[Directives] = []

    def take(bracket: re.Match[str]) -> str:
        directives = _directives(bracket[1])
        found.extend([directives] if directives else [])
        return "" if directives else bracket[0]

    words = _BRACKET.sub(take, prompt).strip()
    steps = tuple(step for step in found for _ in range(step.tools) if step.tool)
    return words, replace(found[-1], steps=steps) if found else Directives()


def _directives(bracket: str) -> Directives | None:
    values: dict[str, Any] = {}
    for word in bracket.split():
        name, _, value = word.partition("=")
        try:
            values[name] = _VALUES[name](unquote(value))
        except (KeyError, ValueError):
            return None
    return Directives(**values) if values else None


def _one_of(*words: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if value not in words:
            raise ValueError(value)
        return value

    return check


def _is_set(value: str) -> bool:
    return value not in {"", "0"}


def _count(value: str) -> int:
    return max(1, int(value))


def _error(value: str) -> str:
    if value in _ERRORS or 400 <= int(value) < 600:
        return value
    raise ValueError(value)


_VALUES: Final[dict[str, Callable[[str], Any]]] = {
    "deltas": _count,
    "delay": float,
    "ttft": float,
    "size": int,
    "step": _is_set,
    "think": _is_set,
    "tool": _one_of("shell", "read", "write"),
    "tools": _count,
    "cmd": str,
    "path": str,
    "error": _error,
    "usage_limit": float,
    "times": int,
    "retry_after": float,
    "stop": _one_of("length"),
}
