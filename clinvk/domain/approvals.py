"""Leave to act, while nobody is there to ask."""

from dataclasses import dataclass
from pathlib import PurePosixPath

from clinvk.domain.events import ApprovalAsked
from clinvk.domain.spec import ApprovalMode, SandboxMode


@dataclass(frozen=True, slots=True)
class Verdict:
    """An answer to an ask, and why."""

    allowed: bool
    reason: str


def decide(mode: ApprovalMode, sandbox: SandboxMode, ask: ApprovalAsked, workdir: str) -> Verdict:
    """The answer to `ask`: what the sandbox mode forbids stays forbidden, the rest is the approval mode's.

    Paths are compared as they are written: links are to be followed before.

    `none` allows everything, `auto` edits inside `workdir`, the others nothing.
    """
    forbidden = _forbidden(sandbox, ask, workdir)
    if forbidden:
        return Verdict(False, forbidden)
    if ask.vetting and mode is not ApprovalMode.ALWAYS:
        return Verdict(True, f"sandbox mode {sandbox} permits it, and the CLI's own rules decide")
    if mode is ApprovalMode.NONE:
        return Verdict(True, "approval mode none allows everything")
    if mode is ApprovalMode.AUTO and ask.action == "edit" and _inside(ask.paths, workdir):
        return Verdict(True, "approval mode auto allows edits inside the workdir")
    return Verdict(False, f"approval mode {mode} needs a person for this, and nobody can answer")


def _forbidden(sandbox: SandboxMode, ask: ApprovalAsked, workdir: str) -> str | None:
    """Why `sandbox` forbids it. A CLI that confines commands does not ask for those that stay inside."""
    if sandbox is SandboxMode.READ_ONLY and ask.action in {"edit", "execute"}:
        return "sandbox mode read-only permits no edits and no commands"
    if sandbox is SandboxMode.WORKSPACE and ask.action == "execute":
        return "sandbox mode workspace permits no command that is not confined to the workdir"
    if sandbox is SandboxMode.WORKSPACE and ask.action == "edit" and not _inside(ask.paths, workdir):
        return "sandbox mode workspace permits edits inside the workdir only"
    return None


def _inside(paths: tuple[str, ...], workdir: str) -> bool:
    root = PurePosixPath(workdir)
    named = [root / path for path in paths]
    return bool(named) and all(path.is_relative_to(root) and ".." not in path.parts for path in named)
