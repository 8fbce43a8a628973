"""clinvk keys: the file of API keys, and whether the server would get all of its keys."""

import argparse
import asyncio
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from clinvk import settings
from clinvk.apikeys import KeySources, editing, keyfile
from clinvk.commands.refusing import refuse
from clinvk.domain.access import digest
from clinvk.schemas import Schemas
from clinvk.settings import Settings, shown
from clinvk.settings.editing import alone, replace
from clinvk.settings.keys import Keys
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.errand import Errands

_PREFIX: Final = "clv_"
_BYTES: Final = 32
_RELOAD: Final = "a running server reads it on SIGHUP"


class _CannotDo(Exception):
    """Nothing was changed; why, in a sentence."""


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """The exit code: 0 fine, 1 could not, 3 wrong configuration."""
    try:
        places = settings.places(options.config, environment)
        found = settings.load(Schemas(), places.home, places.named, {}, environment)
        _ACTIONS[options.action](options, found)
    except settings.BadSettings as error:
        return refuse(error, 3)
    except (_CannotDo, OSError) as error:
        return refuse(error, 1)
    return 0


def _add(options: argparse.Namespace, found: Settings) -> None:
    keys, file = _keys(), _file(found)
    key = _PREFIX + secrets.token_urlsafe(_BYTES)
    entry = {"sha256": digest(key).hex(), **_bounds(options)}
    with alone(file):
        text = keyfile.text_of(file) if file.exists() else editing.NEW
        if options.label in keyfile.checked(keys, file, text)["keys"]:
            raise _CannotDo(f"{file} has a key {options.label} already")
        # Of the new entry alone: the faults of a file are told with its lines, and it has none yet.
        keyfile.judge(keys, options.label, entry)
        replace(file, editing.added(keys, file, text, options.label, entry))
    print(key)  # noqa: T201  what was asked for, this once
    _note(f"{options.label} is in {file}, by its digest: the key itself is shown this once")
    if found.server.api_keys_file:
        _note(_RELOAD)
    else:
        _note(f"to have it asked for: clinvk config set server.api_keys_file {file}; {_RELOAD}")


def _list(options: argparse.Namespace, found: Settings) -> None:  # noqa: ARG001  it takes none
    file = _file(found)
    if not file.exists() and not found.server.api_keys_file:
        _note(f"{file} is not there yet; clinvk keys add makes it")
        return
    for label, entry in keyfile.checked(_keys(), file, keyfile.text_of(file))["keys"].items():
        print(f"{label}  {_told(keyfile.bounds(entry))}")  # noqa: T201
    _note_unused(found)


def _remove(options: argparse.Namespace, found: Settings) -> None:
    keys, file = _keys(), _file(found)
    with alone(file):
        text = keyfile.text_of(file)
        held = keyfile.checked(keys, file, text)["keys"]
        if options.label not in held:
            raise _CannotDo(f"{file} has no key {options.label}")
        replace(file, editing.removed(keys, file, text, options.label))
    _note(f"{options.label} is out of {file}; {_RELOAD}")
    if len(held) == 1 and found.server.api_keys_file:
        _note(
            "it was the last one: with a file that holds none the server does not start, and on SIGHUP stays as it"
            " was, with that key. Add another, or set server.api_keys_file to ''"
        )


def _check(options: argparse.Namespace, found: Settings) -> None:  # noqa: ARG001  it takes none
    async def load() -> Mapping[str, object]:
        return (await KeySources(Schemas(), Errands(Descendants()).run).load(found)).by_label

    for label in (labels := asyncio.run(load())):
        print(label)  # noqa: T201
    if not labels:
        _note("no API keys are configured: the server asks for none")
    _note_unused(found)


_ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Settings], None]]] = {
    "add": _add,
    "list": _list,
    "remove": _remove,
    "check": _check,
}


def _keys() -> Keys:
    return Keys(Schemas(), keyfile.SCHEMA)


def _file(found: Settings) -> Path:
    """The one that is configured, else the usual one."""
    return (
        Path(found.server.api_keys_file) if found.server.api_keys_file else (found.home / "keys.yaml").absolute()
    )


def _bounds(options: argparse.Namespace) -> dict[str, Any]:
    given = {
        "backends": options.backend,
        "workdirs": options.workdir and [os.path.abspath(each) for each in options.workdir],  # noqa: PTH100
        "max_concurrent_runs": options.max_runs,
        "max_queued_runs": options.max_queued,
        "rate_limit_rps": options.rate,
        "rate_limit_burst": options.burst,
    }
    return {name: value for name, value in given.items() if value is not None}


def _told(bounds: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}: {shown.written(value)}" for name, value in bounds.items()) or "no bounds of its own"


def _note_unused(found: Settings) -> None:
    if not found.server.api_keys_file and (file := _file(found)).exists():
        _note(f"{file} is of no effect: server.api_keys_file is not set")


def _note(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201
