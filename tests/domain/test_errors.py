"""What can go wrong is told in sentences."""

import pytest

from clinvk.domain import errors
from clinvk.domain.errors import ClinvkError, Fault, InvalidInput

FAULTS = [
    (errors.BackendNotFound, ("claude",), "The requested backend 'claude' is not available"),
    (errors.BackendNotFound, ("claude", "why"), "The requested backend 'claude' is not available: why"),
    (errors.RunNotFound, ("run_1",), "There is no run 'run_1', or it is past its retention"),
    (errors.GroupNotFound, ("grp_1",), "There is no group of runs 'grp_1', or it is past its retention"),
    (errors.SessionAmbiguous, ("ses",), "More than one session's id begins with 'ses': give more of it"),
    (errors.StoreUnavailable, ("it is full",), "The session store is not available: it is full"),
    (errors.SessionNotFound, ("ses_1",), "There is no session 'ses_1'"),
    (errors.SessionBusy, ("ses_1",), "The session 'ses_1' is busy with another turn"),
    (errors.QueueFull, (100, 5), "The queue is full: 100 runs are waiting for a free slot"),
    (errors.ShuttingDown, (), "The server is shutting down and takes no new runs"),
    (errors.LineTooLong, (16,), "The CLI wrote a line longer than 16 bytes"),
]


@pytest.mark.parametrize(("fault", "about", "sentence"), FAULTS)
def test_every_fault_can_be_told_to_a_caller(fault, about, sentence):
    error = fault(*about)
    assert isinstance(error, ClinvkError)
    assert str(error) == sentence


def test_a_full_queue_says_when_to_come_back():
    assert errors.QueueFull(3, 7).retry_after_secs == 7


def test_an_unknown_backend_keeps_its_name():
    assert errors.BackendNotFound("claude").name == "claude"


def test_an_invalid_input_tells_every_fault():
    faults = [Fault("/prompt", "is missing", "a string"), Fault("", "is a list", "an object")]
    error = InvalidInput(faults)
    assert error.faults == faults
    assert str(error) == "/prompt: is missing; /: is a list"
