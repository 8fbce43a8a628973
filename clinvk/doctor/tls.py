"""The certificate that the server would show: readable, fitting its key, and not at its end."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clinvk import tls
from clinvk.doctor import certificate
from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, ok, problem, warning

_SOON_DAYS: Final = 21
_DAY_SECS: Final = 86400


def findings(case: Case) -> Iterator[Finding]:
    """Nothing where no TLS is configured."""
    cert, key = case.settings.server.tls_cert_file, case.settings.server.tls_key_file
    if not cert or not key:  # one alone is a fault of the configuration
        return
    refused = _refused(cert, key)
    if refused:
        yield problem(Id.CONFIG_TLS, cert, refused, "correct the files, or who may read them")
        return
    yield from _private(Path(key))
    yield _lasting(cert, certificate.ends(Path(cert).read_text("ascii", "replace")) - case.clock.wall())


def _refused(cert: str, key: str) -> str | None:
    """As the server would say it, for the same reasons."""
    try:
        tls.context(cert, key)
        certificate.ends(Path(cert).read_text("ascii", "replace"))
    except tls.NoTls as error:
        return str(error)
    except certificate.NotCertificate as error:
        return f"{cert}: {error}"
    return None


def _private(key: Path) -> Iterator[Finding]:
    mode = key.stat().st_mode & 0o777
    if mode & 0o007:
        message = f"{key}, the server's private key, is open to every user (mode {mode:04o})"
        yield problem(Id.CONFIG_TLS, str(key), message, f"chmod 600 {key}, and have a new certificate made")


def _lasting(cert: str, seconds: float) -> Finding:
    days = math.floor(seconds / _DAY_SECS)
    if seconds <= 0:
        return problem(Id.CONFIG_TLS, cert, f"{cert} has expired, {-days} days ago", "renew it, then SIGHUP")
    message = f"{cert} is valid for {days} more days"
    return (
        warning(Id.CONFIG_TLS, cert, message, "renew it, then SIGHUP")
        if days < _SOON_DAYS
        else ok(Id.CONFIG_TLS, cert, message)
    )
