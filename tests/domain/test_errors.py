"""What can go wrong is told in sentences."""

import pytest

from clinvk.domain import errors
from clinvk.domain.errors import ClinvkError, Fault, InvalidInput

FAULTS = [
    errors.BackendNotFound("claude"),
    errors.RunNotFound("run_1"),
    errors.SessionNotFound("ses_1"),
    errors.SessionBusy("ses_1"),
    errors.QueueFull(100, 5),
    errors.ShuttingDown(),
    errors.LineTooLong(16),
]


@pytest.mark.parametrize("error", FAULTS, ids=lambda error: type(error).__name__)
def test_every_fault_can_be_told_to_a_caller(error):
    assert isinstance(error, ClinvkError)
    assert str(error).startswith("The")


@pytest.mark.parametrize(
    ("error", "part"),
    [
        (FAULTS[0], "'claude'"),
        (FAULTS[1], "'run_1'"),
        (FAULTS[2], "'ses_1'"),
        (FAULTS[3], "'ses_1' is busy"),
        (FAULTS[4], "100 runs"),
        (FAULTS[6], "16 bytes"),
    ],
)
def test_a_fault_names_what_it_is_about(error, part):
    assert part in str(error)


def test_a_full_queue_says_when_to_come_back():
    assert errors.QueueFull(3, 7).retry_after_secs == 7


def test_an_unknown_backend_keeps_its_name():
    assert errors.BackendNotFound("claude").name == "claude"


def test_an_invalid_input_tells_every_fault():
    faults = [Fault("/prompt", "is missing", "a string"), Fault("", "is a list", "an object")]
    error = InvalidInput(faults)
    assert error.faults == faults
    assert str(error) == "/prompt: is missing; /: is a list"
