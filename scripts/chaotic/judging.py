"""What clients were told, held against what they may be told: every exchange has an end, and a documented one."""

import json
import re
from collections.abc import Iterator
from typing import Final

from disturbing import HARD, Disturber
from plan import CALM, Plan
from told import Exchange, Told

_SOON: Final = 0.5
"""A request that comes so shortly before the end may meet a closing door."""
_DISK: Final = ("full disk", "few files")
_CHILDREN: Final = ("kill child", "term child", "stop child", "stop server", *_DISK)

ERRORS: Final = {
    "full disk": r"the store fails|is not kept|not kept yet|the spool fails|disk refused|not closed well|"
    r"not in the audit log|File too large|are lost|could not be deleted|stays so|"
    r"was not bound to|what was learned of",
    "few files": r"Too many open files|Errno 24|the spool fails|unable to open database|the store fails|"
    r"not kept yet|could not be deleted|audit log goes on",
    "bad reload": r"not reloaded, everything stays as it was",
}
"""Errors in the server's log that a disturbance brings with it."""
NEVER: Final = re.compile(r"crashed|Exception in callback|fault of ours|was never retrieved")
"""Errors that nothing excuses."""

OWN: Final = {
    "agent": {"backend-not-found"},
    "compare": {"backend-not-found"},
    "session": {"session-busy"},
    "replay": {"not-found"},  # its session was deleted
    "detached": {"not-found"},
}
"""Problems that a kind of exchange may be told at any time."""


def judge(plan: Plan, told: Told, disturber: Disturber) -> Iterator[str]:
    """What should not have been told, or should have been and was not."""
    yield from told.faults
    for one in told.exchanges:
        fault = _fault(one, plan, disturber)
        if fault:
            yield f"{one.name}: {fault}"


def _fault(one: Exchange, plan: Plan, disturber: Disturber) -> str:
    match one.end:
        case "late" | "surprise":
            return f"{one.end}: {one.detail}"
        case "refused" | "cut":
            return "" if _is_excused(one, plan, disturber) else f"{one.end}: {one.detail}"
        case "problem":
            return "" if one.detail in _problems(one, plan, disturber) else f"it is a problem: {one.detail}"
        case "stream" if one.kind == "watch" and one.ended < disturber.ended_at:
            return "the journal has ended"
        case "answer" | "stream" if one.failed and _has_to_succeed(one, disturber):
            return f"it failed: {one.failed}"
    return ""


def _is_excused(one: Exchange, plan: Plan, disturber: Disturber) -> bool:
    """Whether no server was there to answer, or it was about to go."""
    if one.ended < disturber.ended_at:
        return False
    if plan.end["kind"] in HARD or one.end == "refused":
        return True
    busy = disturber.overlapping(one.began - _SOON, one.ended, "stop server", "few files")
    return one.began > disturber.ended_at - _SOON or bool(busy)


def _problems(one: Exchange, plan: Plan, disturber: Disturber) -> set[str]:
    """Those that it may be told."""
    allowed = {"overloaded"}
    if plan.settings["connections"] < 100 or disturber.overlapping(one.began, one.ended, "few files"):
        allowed.add("too-many-connections")
    if disturber.overlapping(one.began, one.ended, "few files"):
        allowed.add("internal")  # what its answer takes could not be opened
        allowed |= set() if plan.settings["keys"] else {"forbidden"}  # nor could it be asked who that is
    if plan.settings["request_secs"] < 60:
        allowed.add("timeout")
    if one.ended >= disturber.ended_at:
        allowed |= {"shutting-down", "run-cancelled", "unhealthy"}
    if disturber.overlapping(one.began - 3 * _SOON, one.ended, *_DISK):
        allowed |= {"store-unavailable", "answer-not-kept", "unhealthy"}
    if one.kind in {"chat", "responses", "messages"}:
        allowed |= {"run-cancelled", "timeout"} if one.ended >= disturber.ended_at else set()
        if not _has_to_succeed(one, disturber) or "timeout" in allowed:
            allowed |= {"backend-failed", "usage-limit"}
    return allowed | OWN.get(one.kind, set())


def _has_to_succeed(one: Exchange, disturber: Disturber) -> bool:
    """Whether nothing was done to a run that ends well by itself."""
    if one.kind == "cancel":
        return not disturber.overlapping(one.began - _SOON, one.ended, *_CHILDREN)
    if one.kind not in {"whole", "stream", "chat", "responses", "messages"} or one.word not in CALM:
        return False
    if one.word == "/big 300k" or one.word.startswith("/burst"):  # more than some servers allow a run
        return False
    return one.ended < disturber.ended_at and not disturber.overlapping(one.began, one.ended, *_CHILDREN)


def errors(lines: list[str], disturber: Disturber | None) -> list[str]:
    """Lines of a server's log that are no news: errors, and what is no line of it."""
    kinds = {one.kind for one in disturber.done} if disturber else set()
    allowed = [re.compile(pattern) for kind, pattern in ERRORS.items() if kind in kinds]
    faults = []
    for line in filter(None, lines):
        try:
            level = json.loads(line)["level"]
        except (ValueError, TypeError, KeyError):
            level = "none"
        is_fault = level in {"error", "critical", "none"} or "Traceback" in line
        if is_fault and (NEVER.search(line) or not any(pattern.search(line) for pattern in allowed)):
            faults.append(f"in the log: {line[:1500]}")
    return faults
