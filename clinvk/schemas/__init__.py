"""The schemas under `schemas/`: the one source of validation, specification and reference."""

import json
import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from clinvk.schemas.checker import Checker, Document

__all__ = ["BASE", "Checker", "Document", "Schemas", "folder", "target"]

BASE: Final = "https://api.clinvk.dev/schemas/"
_OF_A_FILE: Final = ("$id", "$schema")


def folder() -> Path:
    """Where the schemas are: in the installed package, else at the top of the checkout."""
    package = Path(__file__).resolve().parent.parent
    shipped = package / "_schemas"
    return shipped if shipped.is_dir() else package.parent / "schemas"


def target(reference: str, name: str) -> tuple[str, str]:
    """Where `reference` leads from the schema `name`: the name of a schema, and a JSON pointer in it."""
    path, _, pointer = reference.partition("#")
    file = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
    return file.removesuffix(".json"), pointer


class _Documents(Mapping[str, Document]):
    """The files of a folder, each read when it is first asked for: a server needs few of them."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._read: dict[str, Document] = {}

    def __getitem__(self, name: str) -> Document:
        if name not in self._read:
            try:
                text = (self._root / f"{name}.json").read_text("utf-8")
            except FileNotFoundError:
                raise KeyError(name) from None
            self._read[name] = json.loads(text)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return (path.relative_to(self._root).with_suffix("").as_posix() for path in self._paths())

    def __len__(self) -> int:
        return len(self._paths())

    def _paths(self) -> list[Path]:
        return sorted(self._root.rglob("*.json"))


class Schemas:
    """Every schema by its path below `schemas/`, such as `native/prompt-request`. Nothing is ever fetched."""

    def __init__(self, root: Path | None = None) -> None:
        self.documents: Mapping[str, Document] = _Documents(root or folder())
        self._whole: dict[str, Document] = {}
        self._checkers: dict[str, Checker] = {}

    def checker(self, name: str) -> Checker:
        """The compiled schema `name`."""
        if name not in self._checkers:
            self._checkers[name] = Checker(self.whole(name))
        return self._checkers[name]

    def whole(self, name: str) -> Document:
        """The schema `name` with what its references lead to in their place; what stands beside one wins.

        No schema of ours may hold itself.
        """
        if name not in self._whole:
            self._whole[name] = self._inlined(self.documents[name], name)
        return self._whole[name]

    def _inlined(self, part: Any, name: str) -> Any:
        if isinstance(part, list):
            return [self._inlined(each, name) for each in part]
        if not isinstance(part, Mapping):
            return part
        beside = {key: self._inlined(each, name) for key, each in part.items() if key != "$ref"}
        if "$ref" not in part:
            return beside
        led = self._inlined(*self.part(*target(part["$ref"], name)))
        return {key: each for key, each in led.items() if key not in _OF_A_FILE} | beside

    def part(self, name: str, pointer: str) -> tuple[Any, str]:
        """What stands there in the schema `name`, as it is written, and that name."""
        found: Any = self.documents[name]
        for step in pointer.split("/")[1:]:
            key = step.replace("~1", "/").replace("~0", "~")
            found = found[int(key)] if isinstance(found, list) else found[key]
        return found, name
