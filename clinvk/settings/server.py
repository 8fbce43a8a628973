"""What is set for the server, held against itself: what no schema of single keys can tell."""

from collections.abc import Iterator
from ipaddress import ip_network
from typing import Any, Final

from clinvk.settings.faults import Wrong, shown

_UNIX: Final = "unix"
_PAIR: Final = ("tls_cert_file", "tls_key_file")


def of_server(whole: Any) -> Iterator[Wrong]:
    """For a configuration that is right by its schema."""
    given = whole.get("server", {})
    yield from _of_tls(given)
    yield from _of_proxies(given)
    if given.get("cors_allow_credentials") and "*" in given.get("cors_allowed_origins", ()):
        expected = (
            "false, or the origins by name: the pages of the whole world are not to act for whoever is logged in"
        )
        yield Wrong(("server", "cors_allow_credentials"), "is true for every origin", expected)


def _of_tls(given: dict[str, Any]) -> Iterator[Wrong]:
    there = [name for name in _PAIR if given.get(name)]
    if len(there) == 1:
        missing = next(name for name in _PAIR if name not in there)
        yield Wrong(("server", there[0]), "stands alone", f"server.{missing} beside it")


def _of_proxies(given: dict[str, Any]) -> Iterator[Wrong]:
    for number, entry in enumerate(given.get("trusted_proxies", ())):
        if entry != _UNIX and not _is_network(entry):
            expected = f"an address, a network such as 10.0.0.0/8, or {_UNIX}"
            yield Wrong(("server", "trusted_proxies", str(number)), f"is {shown(entry)}", expected)


def _is_network(entry: str) -> bool:
    try:
        ip_network(entry, strict=False)
    except ValueError:
        return False
    return True
