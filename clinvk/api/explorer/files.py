"""The explorer's files: ours, and Swagger UI's, which scripts/vendor-explorer brings."""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
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


class Shelf:
    """Files of a folder that are served by name: `served` says where each lies. No other path leads anywhere."""

    def __init__(self, folder: Path, served: Mapping[str, str]) -> None:
        self._folder = folder
        self._served = served
        self._read: dict[str, File] = {}

    def read(self, name: str) -> File | None:
        """The file of that name, if there is one."""
        if name not in self._served:
            return None
        if name not in self._read:
            path = self._folder / self._served[name]
            packed = path.suffix == ".gz"
            self._read[name] = File.of(MEDIA_TYPES[Path(name).suffix], path.read_bytes(), is_gzip=packed)
        return self._read[name]


read: Final = Shelf(_HERE, _SERVED).read


def takes_gzip(accept_encoding: str) -> bool:
    """Whether that header names gzip, and not to refuse it."""
    for each in accept_encoding.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False
