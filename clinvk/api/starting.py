"""What the routes that start runs have in common: the key that keeps one from running twice, headers, problems."""

from typing import Final

from clinvk.api.dialects.ask import IGNORED
from clinvk.api.idempotency import HEADER, REPLAYED
from clinvk.api.operation import START_HEADER
from clinvk.api.problems import Kind
from clinvk.api.routes import Parameter

KEY: Final = Parameter(
    HEADER,
    "header",
    "The same key with the same request within 24 hours gives the same run, and its answer, instead of another."
    " Not for `dry_run`.",
    {"type": "string", "pattern": "^[!-~]{1,255}$", "examples": ["5f1f9a4e-41a5-4b0e-9a52-0d3f6f8f7c11"]},
)
_REPLAYED: Final = {REPLAYED: "`true` where an earlier request with the same key started it."}
GROUP_HEADER: Final = {"X-Group-Id": "Id of the group of runs that was started.", **_REPLAYED}
NEW_RUN: Final = {
    "X-Run-Id": "Id of the run that was started.",
    START_HEADER: "How it came by its child, if it had one by then.",
}
RUN_HEADER: Final = {**NEW_RUN, **_REPLAYED}
DIALECT_HEADER: Final = {**RUN_HEADER, IGNORED: "The fields that were sent and have no effect, if there are any."}

SENT_BODY: Final = (Kind.READ_TIMEOUT, Kind.TOO_LARGE, Kind.MEDIA_TYPE)
"""Problems of every request that has a body."""
_KEYED: Final = (Kind.ANSWER_NOT_KEPT, Kind.IDEMPOTENCY_MISMATCH, Kind.STORE_UNAVAILABLE)
_TAKEN: Final = (Kind.INVALID_REQUEST, Kind.BACKEND_NOT_FOUND, *SENT_BODY, *_KEYED)
_BUSY: Final = (Kind.OVERLOADED, Kind.SHUTTING_DOWN, Kind.TIMEOUT)

OF_A_PROMPT: Final = (*_TAKEN, Kind.NOT_FOUND, Kind.SESSION_BUSY, *_BUSY)
OF_A_RERUN: Final = (
    Kind.INVALID_REQUEST, Kind.NOT_FOUND, Kind.BACKEND_NOT_FOUND, Kind.SESSION_BUSY, Kind.STORE_UNAVAILABLE,
    Kind.OVERLOADED, Kind.SHUTTING_DOWN, *SENT_BODY,
)  # fmt: skip
OF_MANY: Final = (*_TAKEN, *_BUSY)
OF_A_DIALECT: Final = (
    *_TAKEN, Kind.UNSUPPORTED, Kind.MODEL_NOT_FOUND, Kind.RUN_CANCELLED, Kind.USAGE_LIMIT, Kind.BACKEND_FAILED,
    Kind.NOT_AUTHENTICATED, Kind.BACKEND_OVERLOADED, *_BUSY,
)  # fmt: skip
"""Where the failure of the run is a problem too."""
