"""The explorer's files: ours, and Swagger UI's, which scripts/vendor-explorer brings."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Self

_HERE: Final = Path(__file__).parent
_SERVED: Final[Mapping[str, str]] = {
    "explorer.js": "static/explorer.js",
    "page.css": "static/page.css",
    "icon.svg": "static/icon.svg",
    "swagger-ui-bundle.js": "swagger_ui/swagger-ui-bundle.js.gz",
    "swagger-ui-bundle.js.LICENSE.txt": "swagger_ui/swagger-ui-bundle.js.LICENSE.txt",  # the bundle refers to it
    "swagger-ui.css": "swagger_ui/swagger-ui.css.gz",
}
MEDIA_TYPES: Final[Mapping[str, str]] = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}


@dataclass(frozen=True, slots=True)
class File:
    """What is sent, as it is stored: `data` may be compressed already."""

    media_type: str
    data: bytes
    digest: str
    is_gzip: bool = False

    @classmethod
    def of(cls, media_type: str, data: bytes, *, is_gzip: bool = False) -> Self:
        """The file with its digest."""
        return cls(media_type, data, hashlib.sha256(data).hexdigest()[:32], is_gzip)

    def etag(self, *, compressed: bool) -> str:
        """Other bytes have another one, also if they are the same file's."""
        return f'"{self.digest}-gzip"' if compressed else f'"{self.digest}"'

    def unpacked(self) -> bytes:
        """For the few clients that do not take gzip."""
        return gzip.decompress(self.data)


def read(name: str) -> File | None:
    """The file that is served under `name`; None for any other name, so that no path leads anywhere else."""
    return _read(name) if name in _SERVED else None


@cache
def _read(name: str) -> File:
    data = (_HERE / _SERVED[name]).read_bytes()
    return File.of(MEDIA_TYPES[Path(name).suffix], data, is_gzip=_SERVED[name].endswith(".gz"))


def takes_gzip(accept_encoding: str) -> bool:
    """Whether that header names gzip, and not to refuse it."""
    for each in accept_encoding.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False
