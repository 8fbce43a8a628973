"""Small disks of a test's own: tmpfs, which root may mount, and anybody in a namespace of their own."""

import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_PAGE = 4096


class Disk:
    """A disk of so many bytes at a folder; mounted, for as long as the test lasts."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder], check=True)

    def fill(self) -> None:
        """Leave not one byte."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (1 << 20, _PAGE, 1):
                self._fill_by(file.fileno(), bytes(size))

    def _fill_by(self, descriptor: int, piece: bytes) -> None:
        try:
            while os.write(descriptor, piece):
                pass
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise

    def free(self) -> None:
        """There is room again."""
        self._ballast.unlink()

    def protect(self) -> None:
        """Nothing can be written from now on. Nobody may have a file of it open for that."""
        self._remount("ro")

    def unprotect(self) -> None:
        self._remount("rw")

    def _remount(self, how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", self.folder], check=True)

    def unmount(self) -> None:
        subprocess.run(["umount", "--lazy", self.folder], check=True)


@contextmanager
def mounted(folder: Path, size: int) -> Iterator[Disk]:
    disk = Disk(folder, size)
    try:
        yield disk
    finally:
        disk.unmount()


def refusal(folder: Path) -> str | None:
    """Why no disk can be mounted here; None where one can."""
    if os.geteuid():
        return "not root"
    try:
        with mounted(folder, _PAGE):
            return None
    except (OSError, subprocess.CalledProcessError) as error:
        return f"mount: {error}"
