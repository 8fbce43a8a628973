"""The states of a run, drawn from the table of transitions."""

import re

from clinvk.domain.run import TRANSITIONS

_FENCE = re.compile(r"```mermaid\nstateDiagram-v2\n.*?```\n", re.DOTALL)


def diagram() -> str:
    """A diagram that GitHub draws, and that can be read as it is."""
    arrows = [f"    {state} --> {to}" for (state, _), to in TRANSITIONS.items()]
    ends = sorted(set(TRANSITIONS.values()) - {state for state, _ in TRANSITIONS})
    lines = ["stateDiagram-v2", "    [*] --> queued", *arrows, *(f"    {state} --> [*]" for state in ends)]
    return "```mermaid\n" + "\n".join(lines) + "\n```\n"


def drawn_into(page: str) -> str:
    """`page` with its diagram drawn anew."""
    return _FENCE.sub(lambda _: diagram(), page)
