"""What one ACP agent does its own way: data and small hooks, each with the protocol's way as its default."""

from collections.abc import Callable
from dataclasses import dataclass

from clinvk.backends import json_lines
from clinvk.backends.failures import Cures
from clinvk.backends.json_lines import Message
from clinvk.domain.errors import RunError
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage


def _as_it_is(text: str) -> str:
    return text


def _never(_tool: str) -> bool:
    return False


def _nothing(_text: str) -> RunError | None:
    return None


def _fine(_result: Message) -> RunError | None:
    return None


def _not_told(_result: Message) -> Usage | None:
    return None


def _not_understood(_error: Message, _cures: Cures) -> RunError | None:
    return None


def _by_kind(call: Message) -> str:
    """The protocol has no names of tools: what kind of tool it is, or its title."""
    kind = call.get("kind")
    return kind if isinstance(kind, str) and kind != "other" else json_lines.as_text(call.get("title")) or "tool"


def _system_prompt(spec: RunSpec) -> str | None:
    """The protocol has no system prompt: its text goes before the prompt."""
    return spec.system_prompt


@dataclass(frozen=True, slots=True)
class Quirks:
    """One agent's ways. `cures` says what it is called, and how its user logs in.

    `fenced`: it answers `session/load` before it replays the history, and lists its commands after it.
    `load_as`: the id to load a conversation by. `plain`: the prompt, so that none of it is taken for a
    command. `preamble`: what goes before the prompt. `same_round`: this tool call, by its id, belongs to
    the model's request of the one before, even if that has ended. `tool_name`: what to call a tool, by its
    call. `failure`: what a JSON-RPC error means, None where the general reading will do. `usage`: of a
    prompt's result. `unfinished`: why a result that says `end_turn` is no good end all the same. `stray`:
    what a line that is no message means for all turns.
    """

    cures: Cures
    fenced: bool = False
    load_as: Callable[[str], str] = _as_it_is
    plain: Callable[[str], str] = _as_it_is
    preamble: Callable[[RunSpec], str | None] = _system_prompt
    same_round: Callable[[str], bool] = _never
    tool_name: Callable[[Message], str] = _by_kind
    failure: Callable[[Message, Cures], RunError | None] = _not_understood
    usage: Callable[[Message], Usage | None] = _not_told
    unfinished: Callable[[Message], RunError | None] = _fine
    stray: Callable[[str], RunError | None] = _nothing
