"""Certificate and key, as what the HTTP server speaks TLS with."""

import ssl
from pathlib import Path
from typing import NoReturn

from clinvk.domain.errors import ClinvkError


class NoTls(ClinvkError):
    """Certificate and key cannot be used; the message says which, and why."""


class _Encrypted(Exception):
    pass


def context(cert_file: str, key_file: str) -> ssl.SSLContext | None:
    """For connections that come from now on; None where neither is named. Raises NoTls.

    Reads both files, which may be on a slow disk. To take new ones, make another: connections that are open keep
    the one they began with.
    """
    if not cert_file and not key_file:
        return None
    if not (cert_file and key_file):
        there, missing = ("cert", "key") if cert_file else ("key", "cert")
        raise NoTls(f"server.tls_{there}_file needs server.tls_{missing}_file beside it")
    _look("certificate", "CERTIFICATE", cert_file)
    _look("key", "PRIVATE KEY", key_file)
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.set_alpn_protocols(["http/1.1"])
    try:
        made.load_cert_chain(cert_file, key_file, password=_ask)
    except _Encrypted:
        raise NoTls(f"the TLS key {key_file} is encrypted: nobody is there to type its password") from None
    except ssl.SSLError as error:
        raise NoTls(_why(error, cert_file, key_file)) from error
    except OSError as error:
        raise NoTls(f"{cert_file} or {key_file} cannot be read: {error.strerror}") from error
    return made


def _look(what: str, label: str, file: str) -> None:
    """Whether there is one, before OpenSSL says no more than that something is wrong with something."""
    try:
        text = Path(file).read_bytes()
    except OSError as error:
        raise NoTls(f"the TLS {what} {file} cannot be read: {error.strerror}") from error
    if f"{label}-----".encode() not in text:
        raise NoTls(f"the TLS {what} {file} is not one in PEM: it holds no {label}")


def _ask() -> NoReturn:
    raise _Encrypted  # OpenSSL would ask at the terminal


def _why(error: ssl.SSLError, cert_file: str, key_file: str) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the TLS key {key_file} is not that of the certificate {cert_file}"
    return f"the TLS certificate {cert_file} and key {key_file} cannot be used: {error.reason or error}"
