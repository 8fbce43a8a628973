"""What a service is made of, and what it does not get of the environment it was made in."""

import math
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final

from clinvk.domain.errors import ClinvkError

MARKER: Final = "Written by clinvk service install"
"""In the first lines of a file of ours. A file without it is somebody else's, and left alone."""

_SPARE_SECS: Final = 30  # for what comes after the grace: stopping runs, and writing down their end

_MISSED: Final = (
    "CLINVK_API_KEYS", "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "CODEX_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY",
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "no_proxy", "all_proxy",
    "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR",
)  # fmt: skip

KEPT: Final = (
    "CLINVK_API_KEYS_GOPASS_PATH", "CLINVK_BACKEND",
    "CLINVK_CLAUDE_MODEL", "CLINVK_CODEX_MODEL", "CLINVK_GEMINI_MODEL",
)  # fmt: skip
"""No secrets, and the configuration was checked with them: a service without them would be another one, and an
open door where the first asks for keys."""


class CannotManage(ClinvkError):
    """It could not be done, in a sentence or more."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One service, however it is managed."""

    command: tuple[str, ...]
    user_home: Path
    path: str
    """PATH, as it was when the service was planned."""
    variables: Mapping[str, str]
    """Further variables, none of them a secret."""
    env_file: Path
    """May hold more of them, secrets too."""
    grace_secs: float

    @property
    def stop_secs(self) -> int:
        """Seconds from being asked to end to being killed."""
        return math.ceil(self.grace_secs) + _SPARE_SECS


def program(invoked: str) -> tuple[str, ...]:
    """How to start this program from anywhere, by what it was `invoked` as. Raises CannotManage."""
    found = shutil.which(invoked) if Path(invoked).name != "__main__.py" else None
    if found:
        return (str(Path(found).absolute()),)  # not resolved: installers replace what a link leads to
    try:
        metadata.distribution("clinvk")
    except metadata.PackageNotFoundError as error:
        raise CannotManage("clinvk is not installed, only started from its source: a service could not") from error
    return (sys.executable, "-m", "clinvk")


def search_path(environment: Mapping[str, str]) -> str:
    """PATH without what means another place to every process, and each folder once."""
    folders = environment.get("PATH", os.defpath).split(os.pathsep)
    return os.pathsep.join(dict.fromkeys(folder for folder in folders if folder.startswith("/")))


def missed(environment: Mapping[str, str]) -> list[str]:
    """Variables that are set now and that the service will not have, since some hold secrets."""
    return [name for name in _MISSED if environment.get(name)]
