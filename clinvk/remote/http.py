"""What httpx is told of one server, and what its errors mean."""

import logging
import ssl
from collections.abc import Iterator
from typing import Final

import httpx

from clinvk import __version__
from clinvk.monitor import Unreachable
from clinvk.remote.target import Target

CEILING: Final = 64 << 20
"""Bytes of an answer that is read whole: far more than any page of ours has."""
_CONNECT_SECS: Final = 5.0

for _name in ("httpx", "httpcore"):  # they tell of every request, and a console makes three a second
    logging.getLogger(_name).setLevel(logging.WARNING)


def connected_to(target: Target) -> httpx.AsyncClient:
    """A client for `target` alone: it takes neither proxies nor passwords from the environment.

    Certificates are checked as OpenSSL does, with SSL_CERT_FILE; where no TLS is asked for, nobody is trusted.
    """
    headers = {"User-Agent": f"clinvk/{__version__}", "Accept-Encoding": "identity"}
    if target.key:
        headers["Authorization"] = f"Bearer {target.key}"
    tls = target.url.startswith("https:")
    return httpx.AsyncClient(
        base_url=target.url,
        headers=headers,
        verify=ssl.create_default_context() if tls else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        trust_env=False,
        limits=httpx.Limits(max_keepalive_connections=20),
    )


def timeout(patience: float) -> httpx.Timeout:
    """For who waits `patience` seconds for the next byte."""
    return httpx.Timeout(patience, connect=_CONNECT_SECS)


async def whole(answer: httpx.Response) -> bytes:
    """All of a body. Raises Unreachable where it is longer than CEILING."""
    body = bytearray()
    async for data in answer.aiter_raw():
        body += data
        if len(body) > CEILING:
            raise Unreachable(f"what {answer.url} answers is longer than {CEILING} bytes")
    return bytes(body)


def told(error: Exception, patience: float) -> str:
    """What went wrong on a connection, with its cure if there is one: the end of a sentence."""
    match error:
        case httpx.ConnectTimeout():
            return f"cannot be reached: no connection in {_CONNECT_SECS:g} seconds"
        case httpx.TimeoutException():
            return f"said nothing for {patience:g} seconds"
        case httpx.ProtocolError() if not any(word in str(error) for word in ("disconnected", "closed")):
            return f"does not answer in HTTP/1.1: {error}"
        case httpx.ConnectError() | OSError():
            return next(filter(None, map(_of_system, _causes(error))), "broke the connection off")
    return "broke the connection off"


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """The error and what is behind it; of addresses that were all tried, the last."""
    while error:
        yield error
        if isinstance(error, BaseExceptionGroup):
            error = error.exceptions[-1]
        else:
            error = error.__cause__ or error.__context__


def _of_system(error: BaseException) -> str | None:
    match error:
        case ssl.SSLCertVerificationError():
            return (
                f"has a certificate that is not trusted: {error.verify_message} (SSL_CERT_FILE can name another)"
            )
        case ssl.SSLError():
            return f"does not speak TLS as we do: {error.reason or error} (is it http://?)"
        case ConnectionRefusedError():
            return "refused the connection: is `clinvk serve` running there?"
        case ConnectionError():
            return "broke the connection off"
        case OSError(errno=int()):
            return f"cannot be reached: {error.strerror or error}"
    return None
