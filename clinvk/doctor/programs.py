"""Programs as they lie in folders: the copies of one, what starts them, and which Node.js they ask for."""

import json
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

SERVICE_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""The PATH of a service that says nothing else: systemd's own, and more than launchd gives."""

_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "fish"})
_SHEBANG: Final = re.compile(rb"#! ?(\S+)(?: +(\S+))?")
_LEAST_NODE: Final = 20
_NODE: Final = re.compile(r">=\s*(\d+)")


class Copies(NamedTuple):
    """Programs of one name along a PATH, each file once; and files of that name that may not be executed."""

    programs: tuple[str, ...]
    barred: tuple[str, ...]


def copies(name: str, environ: Mapping[str, str]) -> Copies:
    """Along PATH only: the usual places are searched where PATH has none."""
    programs: dict[str, str] = {}
    barred = []
    for folder in environ.get("PATH", os.defpath).split(os.pathsep):
        path = f"{folder}/{name}"
        if not folder.startswith("/") or not os.path.isfile(path):  # noqa: PTH113  a Path's may raise
            continue
        if os.access(path, os.X_OK):
            programs.setdefault(os.path.realpath(path), path)
        else:
            barred.append(path)
    return Copies(tuple(programs.values()), tuple(barred))


def interpreter(program: str) -> str | None:
    """The name of what a script is run by; None for a program that is none."""
    try:
        with Path(program).open("rb") as file:
            found = _SHEBANG.match(file.read(128))
    except OSError:  # it may be executed and not read
        return None
    if found is None:
        return None
    first = found[1].rpartition(b"/")[2]
    named = found[2] if first == b"env" and found[2] else first
    return named.decode(errors="replace")


def is_shell_script(program: str) -> bool:
    return interpreter(program) in _SHELLS


def node(argv: tuple[str, ...], environ: Mapping[str, str]) -> str | None:
    """The Node.js that would run this command; None if none would."""
    if interpreter(argv[-1]) != "node":
        return None
    return argv[0] if len(argv) > 1 else next(iter(copies("node", environ).programs), None)


def least_node(program: str) -> int:
    """The major version of Node.js that the package of `program` asks for."""
    for folder in _above(Path(os.path.realpath(program)).parents):
        try:
            said = json.loads((folder / "package.json").read_bytes())
            found = _NODE.search(str(said["engines"]["node"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
        if found:
            return int(found[1])
    return _LEAST_NODE


def _above(folders: Iterable[Path]) -> Iterable[Path]:
    """Up to the folder of modules: what lies above is another package's."""
    for folder in folders:
        if folder.name == "node_modules":
            return
        yield folder
