"""What bounds the supervisor, and how its backends are set up."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from clinvk.backends.base import Backend
from clinvk.domain.access import Grant
from clinvk.domain.spec import RunSpec
from clinvk.supervisor.deadlines import Patience
from clinvk.supervisor.workdir import ANYWHERE, Bounds


@dataclass(frozen=True, slots=True)
class BackendOptions:
    """How one backend is set up, None where its traits or the server's limits decide.

    `model` is that of runs that name none, nor does their session. `path` is its CLI, where that is not to
    be looked for; `variables` are added to the environment. With `wanted` the server is not quite well
    without it.
    """

    max_concurrent: int | None = None
    first_output_secs: float | None = None
    idle_secs: float | None = None
    model: str | None = None
    path: str | None = None
    wanted: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """What may wait for a next run, all backends together. Without `children` none waits, none is started ahead.

    One waits no longer than `idle_secs`, and takes no more than `turns`: CLIs grow with each. `memory_bytes` are
    what all of them may hold.
    """

    children: int = 0
    memory_bytes: int = 512 << 20
    idle_secs: float = 300.0
    turns: int = 20


@dataclass(frozen=True, slots=True)
class LingerLimits:
    """What runs may leave running: for `secs` at most, of so many `runs` at once. 0 `secs` is not at all."""

    secs: float = 0.0
    runs: int = 2


@dataclass(frozen=True, slots=True)
class Limits:
    """What bounds the supervisor, and how its backends are set up."""

    max_concurrent_runs: int = 8
    max_queued_runs: int = 256
    total_secs: float = 3600.0
    run_bytes: int = 512 << 20
    memory_bytes: int = 0
    """What the processes of one run may hold in memory, 0 for any amount."""
    history_runs: int = 1000
    history_bytes: int = 4 << 30
    log_content: bool = False
    backends: Mapping[str, BackendOptions] = field(default_factory=dict)
    workdirs: Bounds = ANYWHERE
    """Where runs may work."""
    grants: Mapping[str, Grant] = field(default_factory=dict)
    """What the holders of keys may do, by the labels of these."""
    pool: PoolLimits = field(default_factory=PoolLimits)
    linger: LingerLimits = field(default_factory=LingerLimits)

    @property
    def at_once(self) -> dict[str, int]:
        """How many runs of a backend may have a child, where it has a limit of its own."""
        return {name: one.max_concurrent for name, one in self.backends.items() if one.max_concurrent}

    def at_once_of(self, label: str | None) -> int:
        """How many runs the holder of the key of that label may have a child of at once."""
        grant = self.grants.get(label or "")
        most = grant.max_concurrent_runs if grant else None
        return self.max_concurrent_runs if most is None else min(most, self.max_concurrent_runs)

    @property
    def paths(self) -> dict[str, str]:
        """Of CLIs that are not to be looked for."""
        return {name: one.path for name, one in self.backends.items() if one.path}

    @property
    def variables(self) -> dict[str, Mapping[str, str]]:
        """What the children of each backend see beyond the usual."""
        return {name: one.variables for name, one in self.backends.items()}

    def patience(self, backend: Backend, spec: RunSpec) -> Patience:
        """The clocks of a run of `spec`."""
        options = self.backends.get(backend.name, BackendOptions())
        return Patience(
            options.first_output_secs or backend.traits.first_output_secs,
            options.idle_secs or backend.traits.idle_secs,
            min(self.total_secs, spec.timeout_secs) if spec.timeout_secs else self.total_secs,
        )
