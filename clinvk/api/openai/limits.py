"""What of a request cannot be had here: refused by name, not answered otherwise than its client relies on."""

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from clinvk.api import problems

NOT_OFFERED: Final = "demands that a tool is called, and the tools of a client are not offered to the agent"
NO_PROBABILITIES: Final = "asks for probabilities, which no CLI tells"
NO_FORM: Final = "asks for a form of the answer that no CLI can promise"
AS_TEXT: Final = '{"type": "text"}, and a message that asks for JSON'


class Limit(NamedTuple):
    """What a field may be: the words for it where it is more, and what would do."""

    field: str
    is_served: Callable[[Any], bool]
    message: str
    expected: str


def check(sent: Mapping[str, Any], limits: tuple[Limit, ...]) -> None:
    """Raises Problem for the first of `limits` that `sent` goes beyond."""
    for limit in limits:
        value = sent.get(limit.field)
        if value is not None and not limit.is_served(value):
            raise problems.unsupported(f"/{limit.field}", limit.message, limit.expected)
