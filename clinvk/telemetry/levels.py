"""How a server stands at one moment, for its metrics. Apart from these, whose library takes a while to load."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """What is looked up when somebody asks; `live`, `available` and both of `warm` are by backend."""

    live: Mapping[str, int]
    available: Mapping[str, bool]
    warm: Mapping[str, int]
    warm_memory_bytes: Mapping[str, int]
    queued: int
    lingering: int
    max_concurrent_runs: int
    max_queued_runs: int
    sessions: int
    store_is_well: bool
    draining: bool
    audit_lines_lost: int
