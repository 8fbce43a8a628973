"""What whoever starts a run should know of it. Pure."""

from collections.abc import Iterable

from clinvk.backends.registry import Registry
from clinvk.domain.spec import RunSpec
from clinvk.supervisor.handle import RunHandle


def of(spec: RunSpec, lost: str | None, live: Iterable[RunHandle], registry: Registry) -> tuple[str, ...]:
    """In a sentence each: that it has no session although it should (`lost` says why), and that others of the runs
    that are `live` may write in its folder.
    """
    told = [f"This run has no session. {lost}"] if lost else []
    if any(_meet(spec, handle.run.spec, registry) for handle in live):
        told.append(_warning(spec.workdir))
    return tuple(told)


def _meet(one: RunSpec, other: RunSpec, registry: Registry) -> bool:
    """Whether both may write, and the folder of one is that of the other, or in it. Folders are real paths."""
    return all(_may_write(spec, registry) for spec in (one, other)) and (
        _holds(one.workdir, other.workdir) or _holds(other.workdir, one.workdir)
    )


def _holds(folder: str, other: str) -> bool:
    return folder == other or other.startswith(folder.rstrip("/") + "/")


def _may_write(spec: RunSpec, registry: Registry) -> bool:
    return spec.may_write and registry.known(spec.backend).traits.writes


def _warning(workdir: str) -> str:
    # Without their number: of a group, all that may write in one folder are told the same.
    return (
        f"Other runs may write in {workdir} at the same time. Safer: to read only "
        '("sandbox_mode": "read-only", or "approval_mode": "always"), a folder for each run (such as a git '
        'worktree), or one after the other (/api/v1/chain, "max_parallel": 1, "sequential": true).'
    )
