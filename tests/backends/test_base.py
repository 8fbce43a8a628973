"""What every backend refuses in the same words: flags on no list, and ids that are none."""

import pytest

from clinvk.backends.base import malformed_resume, misused_flags, refused_flags
from clinvk.domain.errors import Fault

UUID = "0275709f-d70f-4a05-b03b-a0495b28b953"


@pytest.mark.parametrize(
    ("allowed", "named"),
    [(("--effort", "--quiet"), "--effort, --quiet"), ((), "none for this backend")],
)
def test_a_flag_on_no_list_is_a_fault_that_names_the_list(allowed, named):
    assert refused_flags(("--yolo=--effort", "-x"), allowed) == [
        Fault("/extra/0", "'--yolo=--effort' may not be passed on", f"flags of the allow-list: {named}"),
        Fault("/extra/1", "'-x' may not be passed on", f"flags of the allow-list: {named}"),
    ]


def test_a_flag_on_the_list_may_have_any_value():
    assert refused_flags(("--quiet", "--effort=a=b", "--effort=--yolo"), ("--effort", "--quiet")) == []


@pytest.mark.parametrize("resume", [None, UUID])
def test_a_uuid_or_none_is_no_fault(resume):
    assert malformed_resume(resume) == []


@pytest.mark.parametrize("resume", ["", "latest", UUID + "\n", UUID.upper(), UUID[:-1], f" {UUID}"])
def test_any_other_id_is_a_fault(resume):
    assert malformed_resume(resume) == [
        Fault("/session_id", "the backend's conversation id is not a UUID", "the id that the backend gave")
    ]


def test_a_flag_that_lacks_its_value_or_takes_none_is_a_fault():
    extra = ("--effort", "--effort=", "--quiet=1", "--quiet=", "--other", "--effort=a", "--quiet")
    assert misused_flags(extra, ("--effort",), ("--quiet",)) == [
        Fault("/extra/0", "'--effort' lacks its value", "--effort=VALUE"),
        Fault("/extra/1", "'--effort' lacks its value", "--effort=VALUE"),
        Fault("/extra/2", "'--quiet' takes no value", "--quiet"),
        Fault("/extra/3", "'--quiet' takes no value", "--quiet"),
    ]
    assert misused_flags(("--quiet=1",), ("--effort",)) == []
