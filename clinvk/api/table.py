"""The route table: every operation there is."""

from collections.abc import Mapping
from typing import Final

from clinvk.api import explorer, meta, pages
from clinvk.api.anthropic.routes import ROUTES as ANTHROPIC
from clinvk.api.console.routes import PAGE as CONSOLE
from clinvk.api.handler import Endpoint
from clinvk.api.metrics import ROUTE as METRICS
from clinvk.api.native import (
    backends,
    chain,
    compare,
    group,
    parallel,
    prompt,
    rerun,
    runs,
    server,
    sessions,
)
from clinvk.api.openai.routes import ROUTES as OPENAI
from clinvk.api.problems import Kind
from clinvk.api.routes import JSON, NDJSON, SSE, Answer, Parameter, Route, query
from clinvk.api.starting import (
    GROUP_HEADER,
    KEY,
    NEW_RUN,
    OF_A_PROMPT,
    OF_A_RERUN,
    OF_MANY,
    RUN_HEADER,
    SENT_BODY,
)
from clinvk.domain.run import RunState
from clinvk.domain.session import SessionStatus

_A_RUN: Final = ["run_01k9w3m4x5c8f2h6j0n4q8s2v6"]
_A_SESSION: Final = ["ses_01k9w3m4x5c8f2h6j0n4q8s2v5"]
_RUN_ID: Final = Parameter(
    "id", "path", "Id of the run, as in `X-Run-Id`.", {"type": "string", "examples": _A_RUN}
)
_LAST_EVENT: Final = Parameter(
    "Last-Event-ID",
    "header",
    "Number of the last event seen: what follows it is sent. Browsers send it when they reconnect.",
    {"type": "integer", "minimum": -1, "maximum": 2**53 - 1, "examples": [41]},
)
_A_GROUP: Final = ["grp_01k9w3m4x5c8f2h6j0n4q8s2v4"]
_GROUP_ID: Final = Parameter(
    "id", "path", "Id of the group, as in `X-Group-Id`.", {"type": "string", "examples": _A_GROUP}
)
_NO_RUN: Final = (Kind.NOT_FOUND, Kind.STORE_UNAVAILABLE)


def _json(description: str, schema: str, headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(description, {JSON: schema}, headers or {})


_WAIT: Final = query(
    "wait", "Seconds to wait for the end before answering.", type="number", minimum=0, maximum=60, examples=[2.5]
)
_BY: Final = query(
    "by",
    "Who asks, for the run's `stop_cause`; `client` if not given. `console` is what a person at the console does.",
    type="string",
    enum=["client", "console"],
)
_CANCELLED: Final = {
    200: _json("The run has ended, now or before.", "domain/run"),
    202: _json("The run is stopping.", "domain/run"),
}
_BACKEND: Final = "Only those of this backend."
_PAGE: Final = (
    query("limit", "How many; 50 if not given.", type="integer", minimum=1, maximum=200, examples=[50]),
    query("offset", "How many to pass over. A large one costs; a `cursor` does not.",
           type="integer", minimum=0, maximum=10_000, examples=[50]),
    query("cursor", "`next_cursor` of the page before: what comes after it.", type="string", maxLength=200),
)  # fmt: skip
_SESSION_PREFIX: Final = Parameter(
    "id",
    "path",
    "Id of the session, or as much of its beginning as no other has.",
    {"type": "string", "examples": _A_SESSION},
)
_SESSION_ID: Final = Parameter(
    "id", "path", "Id of the session, whole.", {"type": "string", "examples": _A_SESSION}
)
_EVENT_STREAM: Final = {SSE: "domain/event", NDJSON: "domain/event"}


def _many(name: str, summary: str, endpoint: Endpoint, description: str) -> Route:
    """A request of many prompts."""
    answer = Answer(
        "The outcome of all; with `dry_run` what would be executed; with `output_format: stream-json` the events"
        " of every run as they come, each with its task, step or backend, and `group.finished` last: one a line,"
        " or as server-sent events if `Accept` asks for them.",
        {JSON: f"native/{name}-response", **_EVENT_STREAM},
        GROUP_HEADER,
    )
    return Route(
        "POST", f"/api/v1/{name}", endpoint, f"create{name.capitalize()}", summary, "groups", {200: answer},
        OF_MANY, request=f"native/{name}-request", parameters=(KEY,), description=description,
    )  # fmt: skip


ROUTES: Final = (
    Route(
        "POST", "/api/v1/prompt", prompt.create, "createPrompt", "Run one prompt", "runs",
        {
            200: Answer(
                "The answer; with `dry_run` what would be executed; with `output_format: stream-json` the"
                " run's events, one a line, or as server-sent events if `Accept` asks for them.",
                {JSON: "native/prompt-response", **_EVENT_STREAM},
                RUN_HEADER,
            ),
            202: _json(
                "With `detach`: the run was taken and lives on without you. With a key that was used before:"
                " the run as it is now.",
                "domain/run",
                RUN_HEADER,
            ),
        },
        OF_A_PROMPT,
        request="native/prompt-request",
        parameters=(KEY,),
        description="A client that leaves stops its run, unless it was detached.",
    ),
    _many(
        "parallel", "Run many prompts side by side", parallel.create,
        "Nothing is begun unless every task can be. Tasks stand alone: they have no session. A client that leaves"
        " stops them all.",
    ),
    _many(
        "chain", "Run prompts one after the other", chain.create,
        "`{{previous}}` in a prompt stands for what the step before it answered. Steps stand alone: they have no"
        " session. A client that leaves stops the chain.",
    ),
    _many(
        "compare", "Run one prompt with several backends", compare.create,
        "The runs stand alone: they have no session. A client that leaves stops them all.",
    ),
    Route(
        "POST", "/api/v1/groups/{id}/cancel", group.cancel, "cancelGroup", "Stop a group of runs", "groups",
        {
            200: _json("All its runs have ended, now or before.", "native/group-stopped"),
            202: _json("Its runs are stopping; none is begun any more.", "native/group-stopped"),
        },
        (Kind.INVALID_REQUEST, Kind.NOT_FOUND, *SENT_BODY), parameters=(_GROUP_ID, _WAIT),
        description="Stopping twice, or after the end, does no harm.",
    ),
    Route(
        "GET", "/api/v1/backends", backends.list_backends, "listBackends", "The backends on this machine", "meta",
        {200: _json("claude, codex, gemini, then the others.", "native/backend-list")},
        description="Looks at the machine again: a CLI that was installed or upgraded meanwhile is found.",
    ),
    Route(
        "GET", "/api/v1/runs", runs.list_runs, "listRuns", "Live and recent runs, newest first", "runs",
        {200: _json("A page of runs.", "native/run-list")},
        (Kind.INVALID_REQUEST,),
        parameters=(
            query("state", "Only runs in this state.", type="string", enum=[state.value for state in RunState]),
            query("live", "With `true` only runs that have not ended.", type="boolean", examples=[True]),
            query("lingering", "With `true` only those that left something.", type="boolean", examples=[True]),
            query("backend", _BACKEND, type="string", examples=["demo"]),
            query("session_id", "Only turns of this session.", type="string", examples=_A_SESSION),
            query("group_id", "Only runs of this group.", type="string", examples=_A_GROUP),
            *_PAGE,
        ),
    ),
    Route(
        "GET", "/api/v1/runs/{id}", runs.get_run, "getRun", "One run", "runs",
        {200: _json("The run.", "domain/run")}, (Kind.INVALID_REQUEST, *_NO_RUN), parameters=(_RUN_ID,),
    ),
    Route(
        "DELETE", "/api/v1/runs/{id}", runs.cancel_run, "deleteRun", "Stop a run", "runs",
        _CANCELLED, (Kind.INVALID_REQUEST, *_NO_RUN), parameters=(_RUN_ID, _WAIT, _BY),
        description="The same as `POST /api/v1/runs/{id}/cancel`.",
    ),
    Route(
        "POST", "/api/v1/runs/{id}/cancel", runs.cancel_run, "cancelRun", "Stop a run", "runs",
        _CANCELLED, (Kind.INVALID_REQUEST, *_NO_RUN, *SENT_BODY), parameters=(_RUN_ID, _WAIT, _BY),
        description="Stopping twice, or after the end, does no harm. What a run left by `linger_secs` ends.",
    ),
    Route(
        "GET", "/api/v1/runs/{id}/events", runs.follow_run, "followRun", "One run's events", "runs",
        {200: Answer("Events from the first, or after `Last-Event-ID`, to the run's end.", _EVENT_STREAM)},
        (Kind.INVALID_REQUEST, *_NO_RUN), parameters=(_RUN_ID, _LAST_EVENT),
        description="Server-sent events; lines of JSON if `Accept` says `application/x-ndjson`.",
    ),
    Route(
        "GET", "/api/v1/runs/{id}/processes", runs.inspect_run, "inspectRun", "A run's processes, and its stderr",
        "runs", {200: _json("As they are now; of a run that has ended, and left nothing, only the end of stderr.",
                            "native/inspection")},
        (Kind.INVALID_REQUEST, *_NO_RUN), parameters=(_RUN_ID,),
    ),
    Route(
        "POST", "/api/v1/runs/{id}/rerun", rerun.create, "rerunRun", "Run the same prompt once more", "runs",
        {202: _json("The new run was taken and lives on without you.", "domain/run",
                    NEW_RUN)},
        OF_A_RERUN, request="native/rerun-request", needs_body=False, parameters=(_RUN_ID,),
        description="What `request_as_curl` of the run asks for, detached. On another backend it goes without the"
        " model, the session and the extra flags: they mean nothing there.",
    ),
    Route(
        "GET", "/api/v1/events", runs.follow_all, "followEvents", "Every run's lifecycle as it happens", "runs",
        {200: Answer("Lifecycle events; the id of each is its number in this stream.", {SSE: "domain/event"})},
        (Kind.INVALID_REQUEST,), parameters=(_LAST_EVENT,),
    ),
    Route(
        "GET", "/api/v1/sessions", sessions.list_sessions, "listSessions", "Sessions, the last used first",
        "sessions", {200: _json("A page of sessions.", "native/session-list")},
        (Kind.INVALID_REQUEST, Kind.STORE_UNAVAILABLE),
        parameters=(
            query("backend", _BACKEND, type="string", examples=["demo"]),
            query("status", "Only those whose newest turn stands so; `paused` is none.", type="string",
                   enum=[status.value for status in SessionStatus]),
            *_PAGE,
        ),
    ),
    Route(
        "GET", "/api/v1/sessions/{id}", sessions.get_session, "getSession", "One session", "sessions",
        {200: _json("The session.", "domain/session")},
        (Kind.INVALID_REQUEST, Kind.SESSION_AMBIGUOUS, Kind.NOT_FOUND, Kind.STORE_UNAVAILABLE),
        parameters=(_SESSION_PREFIX,),
    ),
    Route(
        "DELETE", "/api/v1/sessions/{id}", sessions.delete_session, "deleteSession", "Delete a session",
        "sessions", {200: _json("It is gone.", "native/session-deleted")},
        (Kind.INVALID_REQUEST, Kind.NOT_FOUND, Kind.SESSION_BUSY, Kind.STORE_UNAVAILABLE),
        parameters=(_SESSION_ID,),
        description="With its runs, what they said, and the conversation that the CLI keeps.",
    ),
    Route(
        "GET", "/api/v1/status", server.get_status, "getStatus", "How busy is the server?", "meta",
        {200: _json("The server at one glance.", "native/status")},
    ),
    Route(
        "GET", "/api/v1/requests", server.list_requests, "listRequests", "Recent HTTP requests, newest first",
        "meta",
        {
            200: _json(
                "Those under way, and the last thousand that were answered; not what consoles look at.",
                "native/request-list",
            )
        },
        (Kind.INVALID_REQUEST,),
        parameters=(
            query("limit", "How many; 100 if not given.", type="integer", minimum=1, maximum=1000, examples=[20]),
        ),
    ),
    *OPENAI,
    *ANTHROPIC,
    Route(
        "GET", "/health", meta.health, "getHealth", "Is the server well?", "meta",
        {
            200: _json("It is, or it is `degraded`: a backend that the configuration wants is missing.",
                       "native/health"),
            503: _json("The store of sessions fails: prompts still run, without sessions. Or the server ends.",
                       "native/health"),
        },
        open=True, unlimited=True, description="Where keys are asked for, all but `status` is for who shows one.",
    ),
    Route(
        "GET", "/openapi.json", meta.openapi, "getOpenapi", "This document", "meta",
        {200: Answer("OpenAPI 3.1.", {JSON: ""})}, open=True,
    ),
    Route(
        "GET", "/docs", explorer.docs, "getDocs", "This API, to read and to try out", "meta",
        pages.answers("A page for browsers. It needs nothing from elsewhere, and no JavaScript."), open=True,
    ),
    METRICS,
    CONSOLE,
    Route(
        "GET", "/", meta.root, "getRoot", "Where to go from here", "meta",
        {200: _json("Name, version and links.", "native/root")},
    ),
)  # fmt: skip
