"""Leave to act, while nobody is there to ask."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from clinvk.domain.events import ApprovalAsked
from clinvk.domain.spec import ApprovalMode


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer to an ask, and why."""

    allowed: bool
    reason: str


def decide(mode: ApprovalMode, ask: ApprovalAsked, workdir: str) -> Verdict:
    """The answer of `mode`: `none` allows everything, `auto` edits inside `workdir`, the others nothing."""
    if mode is ApprovalMode.NONE:
        return Verdict(True, "approval mode none allows everything")
    if mode is ApprovalMode.AUTO and ask.action == "edit" and _inside(ask.paths, workdir):
        return Verdict(True, "approval mode auto allows edits inside the workdir")
    return Verdict(False, f"approval mode {mode} needs a person for this, and nobody can answer")


def _inside(paths: tuple[str, ...], workdir: str) -> bool:
    root = PurePosixPath(workdir)
    named = [root / path for path in paths]
    return bool(named) and all(path.is_relative_to(root) and ".." not in path.parts for path in named)
