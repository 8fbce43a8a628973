"""Where a CLI is on this machine, as the files tell. Starts no process; every look may wait for a disk."""

import json
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clinvk.backends.base import Executable
from clinvk.domain.errors import ClinvkError

_USUAL: Final = ("~/.local/bin", "~/.claude/local", "~/.npm-global/bin", "/usr/local/bin", "/opt/homebrew/bin")
"""Where installers put CLIs. A server that a service manager started may have none of them on its PATH."""

_VERSION: Final = re.compile(r"\d+\.\d+\.\d+\S*")
_SHEBANG: Final = re.compile(rb"#! ?/usr/bin/env ([\w.-]+)\s*\n")
_CPUS: Final = {"x86_64": "x64", "aarch64": "arm64"}

Stamp = tuple[str, str, int, int, int, int, int]
"""What tells one state of a file from the next: as found, as resolved, device, inode, size, both times."""


class NotUsable(ClinvkError):
    """There is no such CLI here, or it cannot be started. The message goes on where `NAME is` ends."""


@dataclass(frozen=True, slots=True)
class Found:
    """A CLI's files: how to execute it, and what npm says of its version, None where only it can tell."""

    argv: tuple[str, ...]
    version: str | None
    stamp: Stamp


@dataclass(frozen=True, slots=True)
class _Package:
    """What an npm package says of itself. No platforms, CPUs or C libraries: it is for every one."""

    version: str | None
    platforms: tuple[str, ...]
    cpus: tuple[str, ...]
    libcs: tuple[str, ...]

    @property
    def suits_this_machine(self) -> bool:
        cpu = os.uname().machine
        machine = ((self.platforms, sys.platform), (self.cpus, _CPUS.get(cpu, cpu)), (self.libcs, _libc()))
        return all(not wanted or ours in wanted for wanted, ours in machine)


def find(executable: Executable, configured: str | None, environ: Mapping[str, str]) -> Found:
    """The CLI at the path `configured`, else on PATH, else in one of the usual places. Raises NotUsable.

    An npm package that brings a native program is passed by for that program: it starts faster, and there
    is no second process between it and us.
    """
    if configured is None:
        program = next(_programs(executable.name, (*_path(environ), *_usual(environ))), None)
    else:
        program = configured if _is_program(configured) else None
    if program is None:
        raise NotUsable(_absent(executable, configured))
    real = os.path.realpath(program)
    native = _native(Path(real), executable.natives)
    version = None
    if native or not executable.natives:  # else the package may be half there: it has to prove that it runs
        version = _told(Path(real)) or (_told(native) if native else None)
    argv = (str(native),) if native else _interpreted(program, environ)
    return Found(argv, version, _stamp(argv[-1]))


def _absent(executable: Executable, configured: str | None) -> str:
    if configured is None:
        return f"not installed ({executable.install})"
    wrong = "no executable file" if os.path.lexists(configured) else "not there"
    return f"not usable: its configured path '{configured}' is {wrong}"


def _path(environ: Mapping[str, str]) -> list[str]:
    """The folders of PATH. A relative one would mean another place for every working directory."""
    return [folder for folder in environ.get("PATH", os.defpath).split(os.pathsep) if folder.startswith("/")]


def _usual(environ: Mapping[str, str]) -> list[str]:
    home = environ.get("HOME", "")
    return [
        folder.replace("~", home, 1) for folder in _USUAL if home.startswith("/") or not folder.startswith("~")
    ]


def _programs(name: str, places: Iterable[str]) -> Iterator[str]:
    return (program for folder in places if _is_program(program := f"{folder}/{name}"))


def _is_program(path: str | Path) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)  # noqa: PTH113  a Path's may raise


def _native(program: Path, patterns: tuple[str, ...]) -> Path | None:
    """The native program that belongs to the npm wrapper `program`, and runs on this machine."""
    for folder in _module_folders(program):
        for pattern in patterns:
            for match in sorted(folder.glob(pattern)):
                package = _package(match)
                if _is_program(match) and (package is None or package.suits_this_machine):
                    return match
    return None


def _module_folders(program: Path) -> Iterator[Path]:
    """Where Node would look for what `program` needs, nearest first, up to the tree it is installed in."""
    for folder in program.parents:
        if folder.name == "node_modules":
            yield folder
        elif "node_modules" in folder.parts:
            yield folder / "node_modules"


def _told(program: Path) -> str | None:
    package = _package(program)
    return package.version if package else None


def _package(program: Path) -> _Package | None:
    """The npm package that `program` is a file of."""
    for folder in program.parents:
        above = folder.parent
        if above.name == "node_modules" or (above.name.startswith("@") and above.parent.name == "node_modules"):
            return _read(folder / "package.json")
    return None


def _read(path: Path) -> _Package | None:
    try:
        said = json.loads(path.read_bytes())
    except (OSError, ValueError):  # no package after all, such as `.bin`; or one that is being replaced
        return None
    if not isinstance(said, dict):
        return None
    platforms, cpus = _names(said.get("os")), _names(said.get("cpu"))
    version = str(said.get("version"))
    for suffix in (f"-{platform}-{cpu}" for platform in platforms for cpu in cpus):
        version = version.removesuffix(suffix)  # codex publishes one package under many versions
    known = version if _VERSION.fullmatch(version) else None
    return _Package(known, platforms, cpus, _names(said.get("libc")))


def _names(said: Any) -> tuple[str, ...]:
    return tuple(map(str, said)) if isinstance(said, list) else ()


def _libc() -> str:
    try:
        return "glibc" if os.confstr("CS_GNU_LIBC_VERSION") else "musl"
    except (OSError, ValueError):  # only glibc knows that name
        return "musl"


def _interpreted(program: str, environ: Mapping[str, str]) -> tuple[str, ...]:
    """How to execute `program`: by an interpreter that we have found, where `env` finds none on PATH."""
    try:
        with Path(program).open("rb") as file:
            wanted = _SHEBANG.match(file.read(128))
    except OSError:  # it may be executed and not read
        wanted = None
    name = wanted[1].decode() if wanted else None
    if name is None or any(_programs(name, _path(environ))):
        return (program,)
    beside = (str(Path(program).parent), *_usual(environ))
    interpreter = next(_programs(name, beside), None)
    if interpreter is None:
        raise NotUsable(f"not usable: '{program}' needs '{name}', which is not on the server's PATH")
    return (interpreter, program)


def _stamp(path: str) -> Stamp:
    try:
        real = os.path.realpath(path)
        state = os.stat(real)  # noqa: PTH116  the path is a string
    except OSError as error:
        raise NotUsable(f"not usable: '{path}' is going away ({error.strerror})") from error
    return path, real, state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
