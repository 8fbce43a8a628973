"""One request of a dialect, free of its words, and the run that it asks for. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from clinvk.api.dialects.models import Chosen
from clinvk.api.services import Habits
from clinvk.domain.conversation import Conversation
from clinvk.domain.spec import Origin, RunSpec

IGNORED: Final = "X-Ignored-Params"
"""The header that names the fields that were sent and have no effect."""
TREATMENT: Final = "x-treatment"
"""In the schema of a request: what becomes of a field, which is `honoured`, `advisory`, `ignored` or `refused`."""


@dataclass(frozen=True, slots=True)
class Ask:
    """What is wanted. `model` is the name as the client gave it, and as the answer gives it back.

    `effort` is how hard the model shall think, by the field `effort_field`, where its CLI can be told; with
    `reasoning` the client wants to read what it thought. `ignored` are the fields that have no effect.
    """

    model: str
    conversation: Conversation
    stops: tuple[str, ...] = ()
    max_tokens: int | None = None
    effort: str | None = None
    effort_field: str = ""
    reasoning: bool = False
    stream: bool = False
    dry_run: bool = False
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Ground:
    """What of a run no request of a dialect says: its folder, its backend's habits, and the efforts it knows."""

    workdir: str
    habits: Habits
    efforts: tuple[str, ...] = ()


def to_spec(ask: Ask, chosen: Chosen, origin: Origin, ground: Ground) -> RunSpec:
    """The run: it stands alone, in the server's folder, with the modes of the settings."""
    habits = ground.habits
    flags = (f"--effort={ask.effort}",) if ask.effort in ground.efforts else ()
    return RunSpec(
        backend=chosen.backend,
        prompt=ask.conversation.prompt,
        workdir=ground.workdir,
        model=chosen.model,
        approval_mode=habits.approval_mode,
        sandbox_mode=habits.sandbox_mode,
        max_tokens=ask.max_tokens or habits.max_tokens,
        max_turns=habits.max_turns,
        system_prompt=ask.conversation.system_prompt or habits.system_prompt,
        replace_system_prompt=habits.replace_system_prompt,
        allowed_tools=habits.allowed_tools,
        extra=(*habits.extra, *flags),
        preset_flags=len(habits.extra),
        origin=origin,
    )


def ignored(body: Mapping[str, Any], schema: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields of `body` without effect: those that `schema` says so of, and those that it does not know."""
    known = schema["properties"]
    without = [name for name in body if known.get(name, {}).get(TREATMENT, "ignored") == "ignored"]
    return tuple(name for name in without if body[name] is not None)
