"""What the vendor scripts share: files of npm packages, stored as they are pinned, and checked against that."""

import argparse
import base64
import gzip
import hashlib
import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class CannotVendor(Exception):
    """What is wrong, in a sentence."""


class Package(NamedTuple):
    """One npm package of which we serve some files. What is in `folder` is pinned by the package.json there."""

    script: str
    name: str
    folder: Path
    served: tuple[str, ...]
    """Stored compressed, since that is how browsers take them."""
    licences: tuple[str, ...]

    @property
    def pin(self) -> Path:
        return self.folder / "package.json"

    def vendor(self, version: str | None) -> None:
        """Fetch, verify and write what is pinned, or pin `version`. Raises CannotVendor."""
        pinned = json.loads(self.pin.read_text()) if self.pin.exists() else {}
        if not (version or pinned):
            raise CannotVendor(f"{self.name} is not pinned yet: name a version")
        archive = packed(f"{self.name}@{version or pinned['version']}")
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive).digest()).decode()
        if version is None and integrity != pinned["integrity"]:
            raise CannotVendor(f"{self.name} {pinned['version']} from npm is not what is pinned: {integrity}")
        files = {Path(name).name: self._member(archive, name) for name in (*self.served, *self.licences)}
        for name, data in files.items():
            path = self._stored(name)
            path.write_bytes(gzip.compress(data, 9, mtime=0) if path.suffix == ".gz" else data)
        pin = {
            "name": self.name,
            "version": json.loads(self._member(archive, "package.json"))["version"],
            "integrity": integrity,
            "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
        }
        self.pin.write_text(json.dumps(pin, indent=2) + "\n")

    def check(self) -> str:
        """Which version is there. Raises CannotVendor for a file that is not what is pinned."""
        pinned: dict[str, Any] = json.loads(self.pin.read_text())
        for name, digest in pinned["sha256"].items():
            path = self._stored(name)
            data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            if hashlib.sha256(data).hexdigest() != digest:
                raise CannotVendor(f"{path} is not what {self.pin.name} says: run scripts/{self.script}")
        return f"{self.name} {pinned['version']} ({self.folder})"

    def _stored(self, name: str) -> Path:
        is_served = name in {Path(each).name for each in self.served}
        return self.folder / (f"{name}.gz" if is_served else name)

    def _member(self, archive: bytes, name: str) -> bytes:
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as opened:
            try:
                file = opened.extractfile(f"package/{name}")
            except KeyError:
                file = None
            if file is None:
                raise CannotVendor(f"{self.name} has no {name} any more")
            return file.read()


def packed(what: str) -> bytes:
    """The package as npm hands it out. Raises CannotVendor."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["npm", "pack", what, "--ignore-scripts", "--silent", "--pack-destination", folder]
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
        except FileNotFoundError as error:
            raise CannotVendor("npm is not installed") from error
        except subprocess.TimeoutExpired as error:
            raise CannotVendor("npm did not end within 300 s") from error
        found = list(Path(folder).glob("*.tgz"))
        if done.returncode or len(found) != 1:
            raise CannotVendor(f"npm pack failed with exit status {done.returncode}: {done.stderr.strip()}")
        return found[0].read_bytes()


def main(packages: Sequence[Package], documentation: str) -> int:
    """The program of such a script; its exit code."""
    first, rest = documentation.split("\n", 1)
    parser = argparse.ArgumentParser(
        description=first, epilog=rest, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    known = ", ".join(package.name for package in packages)
    parser.add_argument("version", metavar="VERSION", nargs="*", help=f"such as 5.35.0, for each of: {known}")
    parser.add_argument("--check", action="store_true", help="fetch nothing; 1 if a file is not what is pinned")
    given = parser.parse_args()
    if len(given.version) not in (0, len(packages)):
        parser.error(f"one version for each of: {known}")
    try:
        for number, package in enumerate(packages):
            if not given.check:
                package.vendor(given.version[number] if given.version else None)
            print(package.check())
    except (CannotVendor, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0
