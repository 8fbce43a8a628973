"""The configuration as it holds, written as YAML. Secrets are not."""

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import yaml

from clinvk.settings.effective import Effective
from clinvk.settings.keys import Steps

HIDDEN: Final = "(not shown)"


def whole(effective: Effective) -> str:
    """Every value that is set or has a default, with where it comes from; of the backends what is set."""
    head = f"# {effective.file}" + ("" if effective.exists else " (not there)")
    return "\n".join([head, *_lines(effective, (), lambda steps: f"  # {effective.origin(steps)}")])


def one(effective: Effective, steps: Steps) -> str:
    """One value as a script wants it: text as it is, what has several parts as YAML."""
    value = effective.value(steps)
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return "\n".join(_lines(effective, steps, lambda _: "")) or "{}"
    return written(value)


def _lines(effective: Effective, steps: Steps, note: Callable[[Steps], str]) -> Iterator[str]:
    for name in _names(effective, steps):
        below, key = (*steps, name), f"{written(name)}:"
        inner = [f"  {line}" for line in _lines(effective, below, note)]
        if inner:
            yield from (key, *inner)
        else:
            secret = effective.keys.secret(below)
            yield f"{key} {HIDDEN if secret else written(_plain(effective, below))}{note(below)}"


def _names(effective: Effective, steps: Steps) -> list[str]:
    found = effective.value(steps)
    if not isinstance(found, dict):
        return []
    in_order = (effective.keys.at(steps) or {}).get("properties", found)
    return [name for name in in_order if name in found and _worth_a_line(effective, (*steps, name))]


def _worth_a_line(effective: Effective, steps: Steps) -> bool:
    """Four backends with all their defaults would bury what was set."""
    return steps[0] != "backends" or len(steps) == 1 or effective.origin(steps) != "default"


def _plain(effective: Effective, steps: Steps) -> Any:
    """Of a section that has no line of its own nothing is set."""
    value = effective.value(steps)
    return {} if isinstance(value, dict) else value


def written(value: object) -> str:
    """On one line."""
    if isinstance(value, str) and not (value.isprintable() and value.isascii()):
        return json.dumps(value, ensure_ascii=not value.isprintable())
    text: str = yaml.safe_dump(value, default_flow_style=True, width=1 << 20, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
