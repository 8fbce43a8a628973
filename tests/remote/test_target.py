"""Where a server is and how to get in."""

import pytest

from clinvk.remote import BadTarget, RemoteMonitor
from clinvk.remote.target import Target

KEY = "dummy-key-31337"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://build.example/", "http://build.example"),
        ("HTTPS://build.example", "https://build.example"),
        ("http://[::1]:9", "http://[::1]:9"),
        ("http://build.example/ai/one/", "http://build.example/ai/one"),
        ("http://bücher.example:1/ä b", "http://xn--bcher-kva.example:1/%C3%A4%20b"),
    ],
)
def test_a_url_as_it_is_asked_and_told(url, told):
    assert Target.of(url, None).url == told


@pytest.mark.parametrize(
    "url",
    ["", "localhost:8080", "127.0.0.1", "ftp://a", "http://", "http://:80", "http://a:x", "http://a:99999", "http://[::1",
     "http://a:0", "http://a/?b", "http://a/#b", "http://" + "a" * 70 + ".example", "http://a b"],
)  # fmt: skip
def test_what_is_no_url_of_a_server(url):
    with pytest.raises(BadTarget, match="8080"):
        Target.of(url, None)


def test_a_password_in_a_url_is_refused_and_not_told():
    with pytest.raises(BadTarget) as told:
        RemoteMonitor("http://me:secret@build.example")
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("key", ["", "a b", "a\r\nX: y", "schlüssel", "\x00"])
def test_a_key_that_no_header_holds_is_refused_and_not_told(key):
    with pytest.raises(BadTarget) as told:
        RemoteMonitor("http://build.example", key)
    assert "the API key" in str(told.value)
    assert not key or key not in str(told.value)


def test_the_key_is_in_no_representation():
    target, monitor = Target.of("http://build.example", KEY), RemoteMonitor("http://build.example", KEY)
    assert KEY not in repr(target) + str(target) + repr(monitor) + str(monitor) + repr(vars(monitor))
