"""The page's files: ours, and xterm.js, which scripts/vendor-terminal brings."""

from functools import cache
from pathlib import Path
from typing import Final

from clinvk.api.explorer.files import MEDIA_TYPES, File

_HERE: Final = Path(__file__).parent
_SERVED: Final = {
    "console.js": "static/console.js",
    "console.css": "static/console.css",
    "xterm.js": "xterm/xterm.js.gz",
    "addon-fit.js": "addon_fit/addon-fit.js.gz",
    "xterm.css": "xterm/xterm.css.gz",
    "xterm.LICENSE.txt": "xterm/LICENSE",
    "addon-fit.LICENSE.txt": "addon_fit/LICENSE",
}


def read(name: str) -> File | None:
    """The file that is served under `name`; None for any other name, so that no path leads anywhere else."""
    return _read(name) if name in _SERVED else None


@cache
def _read(name: str) -> File:
    data = (_HERE / _SERVED[name]).read_bytes()
    return File.of(MEDIA_TYPES[Path(name).suffix], data, is_gzip=_SERVED[name].endswith(".gz"))


@cache
def page() -> File:
    """The page itself, which is the same for everybody."""
    return File.of("text/html", (_HERE / "static" / "console.html").read_bytes())
