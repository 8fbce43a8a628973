"""Many prompts in one request: side by side, one after the other, or one with several backends."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from clinvk.domain.errors import Fault, InvalidInput
from clinvk.domain.spec import RunSpec

PREVIOUS: Final = "{{previous}}"
"""What stands for the answer of the step before, in the prompt of a step."""
LONGEST_PROMPT: Final = 10 << 20
"""Characters that a prompt may come to in which answers stand: as much as a request may bring by default."""


class GroupKind(StrEnum):
    """What was asked for."""

    PARALLEL = "parallel"
    CHAIN = "chain"
    COMPARE = "compare"


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """Runs that belong together, in the order asked; `at_once` of them run side by side.

    `places` tell where each stands in its request, as JSON pointers. With `stop_on_failure` the first that does
    not succeed ends the others, and none is begun after it. With `keeps_answers` what each run answered is kept
    as long as the group is.
    """

    kind: GroupKind
    specs: tuple[RunSpec, ...]
    places: tuple[str, ...]
    at_once: int
    stop_on_failure: bool = False
    keeps_answers: bool = True

    @property
    def continues(self) -> bool:
        """Whether each is told what the one before it answered."""
        return self.kind is GroupKind.CHAIN


def continued(step: RunSpec, answer: str) -> RunSpec:
    """`step`, with what the one before it answered: as it is, so that nothing in it is replaced again.

    Raises InvalidInput where its prompt would be empty, or longer than LONGEST_PROMPT.
    """
    size = len(step.prompt) + step.prompt.count(PREVIOUS) * (len(answer) - len(PREVIOUS))
    if size > LONGEST_PROMPT:
        told = f"would have {size} characters with what the step before it answered"
        raise InvalidInput([Fault("/prompt", told, f"at most {LONGEST_PROMPT}")])
    if not size:
        raise InvalidInput([Fault("/prompt", "is empty: the step before it answered nothing", "some text")])
    return replace(step, prompt=step.prompt.replace(PREVIOUS, answer))
