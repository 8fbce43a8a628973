"""Pages for browsers and the files that they need: under a policy that lets nothing else in, compressed where the
client takes that, and not sent again to whoever has them.
"""

import gzip
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from clinvk.api.handler import Handler
from clinvk.api.problems import Kind, Problem
from clinvk.api.routes import HTML, Answer, Parameter, Route

_MEDIA_TYPES: Final[Mapping[str, str]] = {
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
            self._read[name] = File.of(_MEDIA_TYPES[Path(name).suffix], path.read_bytes(), is_gzip=packed)
        return self._read[name]

    def route(self, page: str, name: str, summary: str, example: str) -> Route:
        """Where they are served: below `page`. No operation of the API, so it stands in no document of it."""

        async def file(call: Handler) -> None:
            found = self.read(call.path["name"])
            if found is None:
                raise Problem(Kind.NOT_FOUND, f"There is nothing at {call.request.path}: see {page}")
            send(call, found)

        named = Parameter("name", "path", "Name of the file.", {"type": "string", "examples": [example]})
        told = {200: Answer("The file.", dict.fromkeys(_MEDIA_TYPES.values(), ""))}
        return Route(
            "GET", f"{page}/{{name}}", file, name, summary, "meta", told, (Kind.NOT_FOUND,), open=True,
            parameters=(named,),
        )  # fmt: skip


def answers(description: str) -> dict[int, Answer]:
    """What comes back where a page is asked for."""
    which = {"Etag": "Which page it is."}
    return {
        200: Answer(description, {HTML: ""}, which | {"Cache-Control": "Not without asking."}),
        304: Answer("It is the page that you have.", {}, which),
    }


def send_page(call: Handler, html: bytes, images: str = "'self'") -> None:
    """Answer with a page that may load what this server has, `images` from there, and may not be framed."""
    policy = (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        f"img-src {images}",
        "connect-src 'self'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
    call.set_header("Content-Security-Policy", "; ".join(policy))
    call.set_header("Referrer-Policy", "no-referrer")
    send(call, File.of("text/html", html))


def send(call: Handler, sent: File) -> None:
    """Answer with it, compressed where the client takes that; 304 where the client has it."""
    compressed = sent.is_gzip and takes_gzip(call.request.headers.get("Accept-Encoding", ""))
    call.set_header("Content-Type", f"{sent.media_type}; charset=utf-8")
    call.set_header("Cache-Control", "no-cache")  # kept, and asked for again: after an upgrade nothing is stale
    call.set_header("Etag", sent.etag(compressed=compressed))
    if sent.is_gzip:
        call.add_header("Vary", "Accept-Encoding")
    if call.check_etag_header():
        call.set_status(304)
        call.finish()
        return
    if compressed:
        call.set_header("Content-Encoding", "gzip")
    call.finish(sent.data if compressed or not sent.is_gzip else sent.unpacked())


def takes_gzip(accept_encoding: str) -> bool:
    """Whether that header names gzip, and not to refuse it."""
    for each in accept_encoding.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return not re.fullmatch(r"\s*q=0(\.0*)?\s*", weight)
    return False
