"""Every source of API keys, united: the environment, gopass and a file. One that fails fails all."""

import asyncio
import logging
from collections.abc import Awaitable
from pathlib import Path
from typing import Final, TypeAlias

from clinvk.apikeys import gopass, keyfile
from clinvk.apikeys.gopass import Errand
from clinvk.domain.access import LEAST, Grant, Keyring, digest, listed, unfit
from clinvk.schemas import Schemas
from clinvk.settings import BadSettings, Settings
from clinvk.settings.keys import Keys

_log = logging.getLogger("clinvk.config")

_Held: TypeAlias = list[tuple[bytes, Grant]]

_FORM: Final = "keys of visible ASCII, separated by commas or lines"


class KeySources:
    """Gathers the keys that settings name. No message of it holds one: keys go by labels and numbers."""

    def __init__(self, schemas: Schemas, errand: Errand) -> None:
        """`errand` runs gopass."""
        self._keys = Keys(schemas, keyfile.SCHEMA)
        self._errand = errand

    async def load(self, settings: Settings) -> Keyring:
        """Every key; an empty keyring where no source is configured. Raises BadSettings, with all faults."""
        server, faults = settings.server, list[str]()
        held = _numbered("env", listed(settings.api_keys))
        if server.api_keys_gopass_path:
            held += await _tried(self._from_gopass(server.api_keys_gopass_path), faults)
        if server.api_keys_file:
            file = asyncio.to_thread(keyfile.read, self._keys, Path(server.api_keys_file))
            held += await _tried(file, faults)
        faults += _same(held)
        if not held and not faults and server.require_auth:
            faults.append(
                "server.require_auth is true, but there are no API keys; expected CLINVK_API_KEYS,"
                " server.api_keys_file or server.api_keys_gopass_path to give some"
            )
        if faults:
            raise BadSettings("\n".join(faults))
        return Keyring(dict(held))

    async def _from_gopass(self, path: str) -> _Held:
        keys = listed(await gopass.show(path, self._errand))
        wrong = [(number, why) for number, key in enumerate(keys, 1) if (why := unfit(key))]
        if wrong or not keys:
            said = [f"holds a key, number {number}, that {why}" for number, why in wrong] or ["holds no key"]
            raise BadSettings("\n".join(f"{gopass.SOURCE}: the secret {one}; expected {_FORM}" for one in said))
        return _numbered("gopass", keys)


async def _tried(source: Awaitable[_Held], faults: list[str]) -> _Held:
    """What it gives; nothing, and what is wrong with it among the `faults`, where it fails."""
    try:
        return await source
    except BadSettings as error:
        faults.append(str(error))
        return []


def _numbered(source: str, keys: list[str]) -> _Held:
    held = []
    for number, key in enumerate(keys, 1):
        grant = Grant(f"{source}-{number}")
        if len(key) < LEAST:
            _log.warning("the API key %s has fewer than %d characters: it can be guessed", grant.label, LEAST)
        held.append((digest(key), grant))
    return held


def _same(held: _Held) -> list[str]:
    """The faults of keys that go by two labels: which bounds hold for such a one, and who is it?"""
    seen: dict[bytes, str] = {}
    told = []
    for known, grant in held:
        if known in seen:
            told.append(f"API keys: {seen[known]} and {grant.label} are the same key; expected it once")
        seen.setdefault(known, grant.label)
    return told
