"""The page's files: ours, and xterm.js, which scripts/vendor-terminal brings."""

from functools import cache
from pathlib import Path
from typing import Final

from clinvk.api.explorer.files import File, Shelf

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


read: Final = Shelf(_HERE, _SERVED).read


@cache
def page() -> File:
    """The page itself, which is the same for everybody."""
    return File.of("text/html", (_HERE / "static" / "console.html").read_bytes())
