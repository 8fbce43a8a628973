"""Records as plain data."""

from clinvk.domain.errors import ErrorCode, RunError
from clinvk.domain.events import ApprovalAsked, RunFinished, TextDelta
from clinvk.domain.run import RunState
from clinvk.domain.spec import RunSpec
from clinvk.domain.usage import Usage
from clinvk.domain.wire import to_wire


def test_fields_go_by_name():
    assert to_wire(TextDelta("block-1", "text")) == {"block": "block-1", "text": "text"}


def test_what_is_none_is_left_out():
    assert to_wire(RunError(ErrorCode.CANCELLED, "m")) == {"code": "cancelled", "message": "m"}


def test_tuples_become_lists():
    assert to_wire(ApprovalAsked("a", "t", "edit", ("x", "y")))["paths"] == ["x", "y"]


def test_mappings_stay_as_they_are():
    assert to_wire(RunSpec("demo", "p", "/", metadata={"k": "v"}))["metadata"] == {"k": "v"}


def test_records_within_records_become_plain_too():
    error = RunError(ErrorCode.TIMEOUT, "m", 1.5)
    finished = RunFinished(RunState.FAILED, 1, 2.0, Usage(1, 2, 3, 4, 5), error)
    assert to_wire(finished) == {
        "state": "failed",
        "code": 1,
        "seconds": 2.0,
        "usage": {
            "input_tokens": 1,
            "output_tokens": 2,
            "cached_tokens": 3,
            "cache_write_tokens": 4,
            "reasoning_tokens": 5,
        },
        "error": {"code": "timeout", "message": "m", "retry_after_secs": 1.5},
    }
