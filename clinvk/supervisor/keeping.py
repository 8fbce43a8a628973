"""Where runs and sessions are kept."""

from dataclasses import dataclass, field

from clinvk.store.spool import Spool
from clinvk.store.store import Store
from clinvk.supervisor.sessions import SessionOptions


@dataclass(frozen=True, slots=True)
class Keeping:
    """The places, None where one could not be had, and how sessions are kept. What has no place is forgotten."""

    spool: Spool | None = None
    store: Store | None = None
    sessions: SessionOptions = field(default_factory=SessionOptions)
