"""The environment of a child: an allow-list of ours, the backend's additions, nothing else."""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Final

MARKER: Final = "CLINVK_RUN"
"""Names in every child's environment the lease it was started for: strays are charged by it."""

_COMMON: Final = (
    "HOME", "PATH", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "LC_*", "TZ", "TMPDIR", "XDG_*",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
)  # fmt: skip

_FIXED: Final = {"TERM": "dumb", "NO_COLOR": "1"}


def clean(own: Mapping[str, str], allowed: Iterable[str], added: Mapping[str, str], marker: str) -> dict[str, str]:
    """What of `own` a child may see, with `added` on top. `allowed` are names, `LC_*` style families too."""
    patterns = (*_COMMON, *allowed)
    kept = {name: value for name, value in own.items() if any(fnmatchcase(name, pattern) for pattern in patterns)}
    return {**kept, **_FIXED, **added, MARKER: marker}
