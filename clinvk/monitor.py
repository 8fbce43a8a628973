"""What a console sees of a server: read, follow, stop. Async and serialisable, so that the same console
can look at the server in its own process and at one behind the HTTP API."""

from collections.abc import AsyncGenerator
from typing import Protocol

from clinvk.domain.errors import ClinvkError
from clinvk.domain.events import Entry
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import StopCause
from clinvk.views import (
    BackendView,
    Inspection,
    LogLine,
    RequestView,
    RunPage,
    RunView,
    SessionPage,
    SessionView,
    Status,
)


class Unreachable(ClinvkError):
    """The server did not answer, or not as this version does."""


class Refused(ClinvkError):
    """The server would not, in its own words."""


class Monitor(Protocol):
    """The console's view of a server. Over HTTP every call may raise Unreachable, and Refused."""

    async def status(self) -> Status: ...

    async def backends(self) -> tuple[BackendView, ...]:
        """Those there are, looked at again."""
        ...

    async def requests(self, limit: int) -> tuple[RequestView, ...]:
        """HTTP requests, the newest first."""
        ...

    def log(self, since: int = 0) -> AsyncGenerator[list[LogLine], None]:
        """The server's own log, from line number `since` on, as far as it is still there; then what comes."""
        ...

    async def runs(self, query: RunQuery) -> RunPage: ...

    async def run(self, run_id: str) -> RunView:
        """With its request as a command for a shell, if that is kept. Raises RunNotFound."""
        ...

    async def inspect(self, run_id: str) -> Inspection:
        """Raises RunNotFound."""
        ...

    def events(self, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        """Every run's lifecycle as it happens, from number `since` of that stream.

        Numbers go on by one. Where one does not follow the one before, what was known of the runs must be read
        again: it goes back if the server began another life, it jumps if what was between was not kept. No batch
        mixes two lives. Over HTTP it never ends.
        """
        ...

    def run_events(self, run_id: str, since: int = 0) -> AsyncGenerator[list[Entry], None]:
        """One run's events from number `since` to its end. Raises RunNotFound."""
        ...

    async def sessions(self, query: SessionQuery) -> SessionPage:
        """Raises StoreUnavailable."""
        ...

    async def session(self, prefix: str) -> SessionView:
        """The session whose id is `prefix`, or alone begins so. Raises SessionNotFound, SessionAmbiguous,
        StoreUnavailable.
        """
        ...

    async def delete_session(self, session_id: str) -> tuple[str, ...]:
        """Forget it, its runs and the CLI's own copy; a sentence for each thing that could not be deleted.

        Raises SessionNotFound, SessionBusy, StoreUnavailable.
        """
        ...

    async def stop(self, run_id: str, cause: StopCause) -> RunView:
        """Ask for a run's end. Raises RunNotFound."""
        ...

    async def rerun(self, run_id: str, backend: str | None = None) -> RunView:
        """Start the same prompt once more, on another backend if one is named; it needs no client to live on.

        Raises RunNotFound, InvalidInput where the request for it was not kept, and what starting a run raises.
        """
        ...
