"""What the install scripts share: a folder is filled once, by one at a time, and says whether it is whole."""

import argparse
import fcntl
import hashlib
import platform
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple, Protocol

ROOT = Path(__file__).resolve().parent.parent
STAMP = "clinvk-stamp"  # says what was installed; written last, so a half-made folder has none
UNREACHABLE = 3


class Installer(NamedTuple):
    """A program that installs from a registry, and what it says when it does not reach it."""

    name: str
    task: str
    command: tuple[str, ...]
    unreachable: re.Pattern[str]


# What the user may have set for projects of their own, and would break this one.
NPM = Installer(
    "npm", "ci",
    (
        "npm", "ci", "--ignore-scripts", "--include=optional", "--no-global", "--no-engine-strict", "--no-audit",
        "--no-fund", "--no-update-notifier", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=10000",
    ),
    re.compile(
        r"^npm (?:error|ERR!) code "
        r"(E5\d\d|EAI_AGAIN|ECONN\w+|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EPIPE|ETIMEDOUT|ERR_SOCKET_TIMEOUT|\w*CERT\w*)$",
        re.MULTILINE,
    ),
)  # fmt: skip


class CannotInstall(Exception):
    """They cannot be installed: what to say, and the exit code."""

    def __init__(self, message: str, code: int = 1) -> None:
        super().__init__(message)
        self.code = code


class Wanted(Protocol):
    """What one script installs."""

    script: str
    made_from: Sequence[Path]
    """The files that lock it."""
    leaves: Sequence[str]
    """What it leaves in the folder."""

    def is_in(self, folder: Path) -> bool:
        """Whether all of it can be used."""
        ...

    def install(self, folder: Path) -> None:
        """Put it there. Raises CannotInstall."""
        ...

    def tell(self, folder: Path) -> Iterator[str]:
        """What is installed, line by line."""
        ...


def main(wanted: Wanted, documentation: str, default: Path) -> int:
    """The program of such a script; its exit code."""
    first, rest = documentation.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--into", metavar="DIR", type=Path, default=default)
    parser.add_argument("--check", action="store_true", help="install nothing; 1 if they are not there")
    given = parser.parse_args()
    folder = given.into.resolve()
    try:
        ensure(wanted, folder, may_install=not given.check)
    except CannotInstall as error:
        mark = "!! " if error.code == UNREACHABLE else ""
        print(f"{mark}{error}", file=sys.stderr)
        return error.code
    print("\n".join(wanted.tell(folder)))
    return 0


def ensure(wanted: Wanted, folder: Path, *, may_install: bool) -> None:
    """See that everything is in `folder`, and install it if it may. Raises CannotInstall."""
    if is_whole(wanted, folder):
        return
    if not may_install:
        raise CannotInstall(f"{folder} does not hold what is locked: run scripts/{wanted.script}")
    with locked(wanted, folder):
        if not is_whole(wanted, folder):  # somebody else may have been quicker
            (folder / STAMP).unlink(missing_ok=True)
            wanted.install(folder)
            (folder / STAMP).write_text(recipe(wanted))


def is_whole(wanted: Wanted, folder: Path) -> bool:
    stamp = folder / STAMP
    return stamp.is_file() and stamp.read_text() == recipe(wanted) and wanted.is_in(folder)


def recipe(wanted: Wanted) -> str:
    """What an installation is made from."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in wanted.made_from)).hexdigest()
    return f"{digest} {sys.platform} {platform.machine()}\n"


@contextmanager
def locked(wanted: Wanted, folder: Path) -> Iterator[None]:
    """Make `folder`, and let one installation at a time into it. The lock goes with its holder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        strangers = {path.name for path in folder.iterdir()} - {*wanted.leaves, STAMP, ".lock"}
        ours = (folder / ".lock").exists() or not any(folder.iterdir())
        if strangers or not ours:
            raise CannotInstall(f"{folder} holds something else: name a folder that is empty or not there")
        with (folder / ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise CannotInstall(f"{error.filename or folder}: {error.strerror}") from error


def run(installer: Installer, where: Path, logs: Path, without: str) -> None:
    """Run it in `where`. What it says is kept in the folder `logs`, and shown if it fails: raises CannotInstall.

    `without` is what to say beside it where there is no registry.
    """
    log = logs / f"{installer.name}.log"
    with log.open("wb") as output:
        done = subprocess.run(
            installer.command, cwd=where, stdin=subprocess.DEVNULL, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        said = log.read_text(errors="replace")
        sys.stderr.write(said)
        if found := installer.unreachable.search(said):
            lost = f"{installer.name} does not reach its registry ({found[1]}): {without}"
            raise CannotInstall(lost, UNREACHABLE)
        failed = f"{installer.name} {installer.task} failed with exit status {done.returncode}"
        raise CannotInstall(f"{failed}; what it said is above")
