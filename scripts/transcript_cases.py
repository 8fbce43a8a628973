"""What scripts/record-transcripts records: one turn each, by name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOBODY = "-"
"""A login that is none."""


@dataclass(frozen=True)
class Case:
    """One turn: its prompt, what else its spec says, and when it is interrupted, if it is.

    `interrupt` is the type of the event after which the turn is interrupted. `after` names the case whose
    conversation it goes on with, in the same HOME. `key` is the provider's key, `url` its address.
    """

    prompt: str
    spec: Mapping[str, Any] = field(default_factory=dict)
    interrupt: str | None = None
    after: str | None = None
    key: str = "sk-test-dummy"
    url: str | None = None


_SHELL = "run it [[tool=shell cmd=echo%20hi]]"
_WRITE = "write it [[tool=write path={workdir}/made.txt]]"
_READ = "read it [[tool=read path={workdir}/README.md]]"
_LONG_TOOL = "wait for it [[tool=shell cmd=(tail%20-s%201000%20-f%20/dev/null|cat)]]"
_UNKNOWN = "01a1fbf0-0000-7000-8000-000000000000"

REAL = {
    "hello": Case("hello"),
    "deltas": Case("count [[deltas=12 delay=0.02]]"),
    "unicode": Case("日本語 \u2028 naïve 👍\nnext line"),
    "think": Case("think first [[think=1]]"),
    "long": Case("a lot [[size=60000 deltas=40]]"),
    "slash": Case("/clear and go on"),
    "at-path": Case("@README.md what is in it"),
    "dash": Case("--version please"),
    "system": Case("hello", {"system_prompt": "Speak like a pirate."}),
    "system-replaced": Case("hello", {"system_prompt": "Speak like a pirate.", "replace_system_prompt": True}),
    "read": Case(_READ),
    "shell": Case(_SHELL),
    "shell-none": Case(_SHELL, {"approval_mode": "none"}),
    "shell-none-read-only": Case(_SHELL, {"approval_mode": "none", "sandbox_mode": "read-only"}),
    "shell-fails": Case("run it [[tool=shell cmd=exit%203]]", {"approval_mode": "none", "sandbox_mode": "full"}),
    "read-always": Case(_READ, {"approval_mode": "always"}),
    "write": Case(_WRITE),
    "write-auto": Case(_WRITE, {"approval_mode": "auto"}),
    "write-outside-auto": Case("write [[tool=write path=/outside/x.txt]]", {"approval_mode": "auto"}),
    "write-workspace": Case(_WRITE, {"approval_mode": "none", "sandbox_mode": "workspace"}),
    "two-tools": Case("twice [[tool=read tools=2 path={workdir}/README.md]]"),
    "max-turns": Case("again and again [[tool=read tools=5 path={workdir}/README.md]]", {"max_turns": 2}),
    "stop-length": Case("talk [[stop=length]]"),
    "bad-model": Case("hello", {"model": "no-such-model"}),
    "bad-key": Case("hello", key="bad-key"),
    "not-logged-in": Case("hello", key=NOBODY),
    "error-400": Case("x [[error=400]]"),
    "error-403": Case("x [[error=403]]"),
    "error-429": Case("x [[error=429]]"),
    "error-500": Case("x [[error=500]]"),
    "error-500-once": Case("x [[error=500 times=1]]"),
    "error-overloaded": Case("x [[error=529]]"),
    "error-in-stream": Case("x [[error=stream]]"),
    "error-drop": Case("x [[error=drop]]"),
    "error-dropped-midway": Case("x [[error=dropmid]]"),
    "error-dropped-midway-once": Case("x [[error=dropmid times=1]]"),
    "error-garbage": Case("x [[error=garbage]]"),
    "error-refused": Case("x", url="http://127.0.0.1:9"),
    "interrupted-text": Case("slowly [[deltas=50 delay=0.1]]", interrupt="text.delta"),
    "interrupted-tool": Case(_LONG_TOOL, {"approval_mode": "none", "sandbox_mode": "full"}, "tool.started"),
    "interrupted-early": Case("x [[error=hang]]", interrupt="session.bound"),
    "first-of-two": Case("remember me", {"ephemeral": False}),
    "second-of-two": Case("and now", {"ephemeral": False}, after="first-of-two"),
    "resume-unknown": Case("and now", {"ephemeral": False, "resume": _UNKNOWN}),
}

DEMO = {
    name: Case(prompt)
    for name, prompt in {
        "hello": "hello",
        "tool": "/tool",
        "think": "/think about it",
        "ask": "/ask",
        "fail": "/fail",
        "usage-limit": "/usage-limit",
        "garbage": "/garbage",
        "stderr": "/stderr",
        "crash": "/crash",
        "help": "/help",
        "big-300k": "/big 300k",
        "burst-50": "/burst 50",
    }.items()
} | {"interrupted": Case("/hang", interrupt="session.bound")}
