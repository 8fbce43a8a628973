"""Until when a certificate holds: the one thing of X.509 that Python's own library does not tell of a file."""

import calendar
import re
import ssl
import time
from typing import Final

_PEM: Final = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)
_UTC_TIME: Final = 0x17
_VERSION: Final = 0xA0


class NotCertificate(ValueError):
    """The text holds no certificate, or one that cannot be read."""


def ends(text: str) -> float:
    """When the first certificate in `text`, PEM, ends: seconds since the epoch. Raises NotCertificate."""
    found = _PEM.search(text)
    if found is None:
        raise NotCertificate("there is no certificate in it")
    try:
        return _ends(ssl.PEM_cert_to_DER_cert(found[0]))
    except (ValueError, IndexError) as error:
        raise NotCertificate("its certificate cannot be read") from error


def _ends(der: bytes) -> float:
    """Certificate → tbsCertificate → validity → notAfter."""
    inner = _parts(_parts(_parts(der)[0][1])[0][1])
    fields = inner[1:] if inner[0][0] == _VERSION else inner
    _, validity = fields[3]  # behind the serial number, the algorithm and the issuer
    tag, value = _parts(validity)[1]
    text = value.decode("ascii")
    if tag == _UTC_TIME:  # two digits of the year: up to 49 they are of this century
        text = ("20" if int(text[:2]) < 50 else "19") + text
    return calendar.timegm(time.strptime(text, "%Y%m%d%H%M%SZ"))


def _parts(data: bytes) -> list[tuple[int, bytes]]:
    """The elements that `data` is made of: tag and content of each."""
    parts, at = [], 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size]), at + size
        if at + length > len(data):
            raise ValueError("cut off")
        parts.append((tag, data[at : at + length]))
        at += length
    return parts
