"""What the handlers work with."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clinvk.api.bookkeeping import Books
from clinvk.api.client import NOBODY, Proxies
from clinvk.api.console.visitors import Open, Visitors
from clinvk.api.cors import LOCAL, Cors
from clinvk.api.dialects.models import Models
from clinvk.api.idempotency import Idempotency
from clinvk.api.rates import Rates
from clinvk.api.requests import Requests
from clinvk.clock import Clock
from clinvk.domain.access import NO_KEYS, Keyring
from clinvk.domain.spec import ApprovalMode, SandboxMode
from clinvk.monitor import Monitor
from clinvk.schemas import Schemas
from clinvk.supervisor.groups import Groups
from clinvk.supervisor.supervisor import Supervisor
from clinvk.telemetry.audit import NO_AUDIT, Auditor
from clinvk.telemetry.pulse import Gauge

if TYPE_CHECKING:
    from clinvk.api.openapi import Document
    from clinvk.telemetry.metrics import Metrics


@dataclass(frozen=True, slots=True)
class Bounds:
    """What the HTTP side keeps to: bytes of a body, seconds of each of its clocks, names it answers to."""

    max_body_bytes: int = 10 << 20
    request_secs: float = 300.0
    read_secs: float = 30.0
    write_secs: float = 300.0
    idle_secs: float = 120.0
    keepalive_secs: float = 15.0
    """The longest silence of a stream."""
    allowed_hosts: tuple[str, ...] = ()
    cors: Cors = LOCAL
    trusted_proxies: Proxies = NOBODY
    own_users_only: bool = True
    """Whether programs of other users of this machine are refused while no keys are asked for."""
    max_connections: int = 1024
    metrics_require_key: bool = True


@dataclass(frozen=True, slots=True)
class Habits:
    """What every run of one backend is to be like: where its request says nothing, or cannot.

    `extra` comes before the request's own flags; `allowed_tools`, `replace_system_prompt` are settings only.
    """

    approval_mode: ApprovalMode = ApprovalMode.DEFAULT
    sandbox_mode: SandboxMode = SandboxMode.DEFAULT
    system_prompt: str | None = None
    max_turns: int | None = None
    max_tokens: int | None = None
    extra: tuple[str, ...] = ()
    allowed_tools: tuple[str, ...] = ()
    replace_system_prompt: bool = False
    dry_run: bool = False
    output_format: str = "default"


@dataclass(frozen=True, slots=True)
class GroupHabits:
    """What requests of many prompts are to be like: how many they may hold; and the rest where they do not say."""

    max_tasks: int = 256
    at_once: int = 3
    fail_fast: bool = False
    dry_run: bool = False
    output_format: str = "default"


@dataclass(slots=True)
class Services:
    """One server's parts, as its handlers see them."""

    supervisor: Supervisor
    schemas: Schemas
    bounds: Bounds
    clock: Clock
    new_id: Callable[[str], str]
    default_workdir: str
    """Where a run works that names no folder of its own."""
    habits: Mapping[str, Habits] = field(default_factory=dict)
    """By backend."""
    models: Models = field(default_factory=lambda: Models((), "claude"))
    """Which backend a name of a model means."""
    group_habits: GroupHabits = GroupHabits()
    requests: Requests = field(default_factory=Requests)
    openapi: "Document | None" = None
    console: Open | None = None
    """Makes the console of one visitor; None where there is none to be had."""
    visitors: Visitors = field(default_factory=Visitors)
    address: str = ""
    """What clients call the server; empty while it does not listen."""
    monitor: Monitor = field(init=False)
    """The view of all this. It needs the whole, so whoever builds that sets it last."""
    pulse: Gauge = field(init=False)
    keyring: Keyring = NO_KEYS
    """The keys that clients must show one of; an empty one asks for none."""
    tls: ssl.SSLContext | None = None
    """What is spoken on ports, with those who come from now on; None is HTTP in the clear."""
    rates: Rates = field(init=False)
    metrics: "Metrics | None" = None
    """None where nobody asks for them: nothing is counted then, nor is their library loaded."""
    audit: Auditor = NO_AUDIT
    books: Books = field(init=False)
    groups: Groups = field(init=False)
    idempotency: Idempotency = field(init=False)

    def __post_init__(self) -> None:
        self.pulse = Gauge(self.clock, self._late)
        self.supervisor.watch(self.pulse.beat(), "pulse")
        self.rates = Rates(self.clock)
        self.groups = Groups(self.supervisor, self.clock)
        self.idempotency = Idempotency(self.supervisor, self.clock, self.new_id)
        self.books = Books(self)
        self.supervisor.watch(self.books.keep(), "bookkeeping")

    def _late(self, seconds: float) -> None:
        if self.metrics:
            self.metrics.lag(seconds)
