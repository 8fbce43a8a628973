"""A secret that gopass shows: the programs of that name are two, and either will do.

Nothing that one of them prints is ever told, on standard error neither: it may be the secret.
"""

import os
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeAlias

from clinvk.backends.base import Command
from clinvk.domain.run import Exit
from clinvk.settings.faults import BadSettings, shown
from clinvk.supervisor import environment
from clinvk.supervisor.errand import ENOUGH, Outcome
from clinvk.supervisor.spawning import SpawnFailed

Errand: TypeAlias = Callable[[Command, Mapping[str, str], float], Awaitable[Outcome]]
"""Runs a program with that environment, so many seconds at most. Raises SpawnFailed."""

SECS: Final = 30.0
SOURCE: Final = "server.api_keys_gopass_path"

# Beside what every child sees: what it needs to find its store, its keys, and who asks for their passphrase.
_NAMES: Final = (
    "GNUPGHOME", "GPG_TTY", "GPG_AGENT_INFO", "PASSWORD_STORE_*", "GOPASS_*", "SSH_AUTH_SOCK",
    "DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS",
)  # fmt: skip

# The well-known gopass says by its exit code what went wrong, the one that Debian has in words alone.
_USAGE, _NOT_FOUND, _NOT_DECRYPTED = {2}, {10}, {11, 20}
_SAYS_USAGE: Final = re.compile(
    r"flag provided but not defined|option.*not (known|recognized)|^usage:", re.IGNORECASE | re.MULTILINE
)
_SAYS_NOT_FOUND: Final = re.compile(r"could not find password|not in the password store", re.IGNORECASE)
_SAYS_NOT_DECRYPTED: Final = re.compile(r"\bgpg2?\b|decrypt|exit status", re.IGNORECASE)


async def show(path: str, errand: Errand, seconds: float = SECS) -> str:
    """What gopass shows of the secret `path`, and nothing else. Raises BadSettings, in a sentence.

    `-o` asks for the password alone, its first line. One that knows no such option is asked for all.
    """
    outcome = await _ask(("-o", path), errand, seconds)
    if outcome.exit and not outcome.exit.clean and _is_usage(outcome.exit, outcome.text):
        outcome = await _ask((path,), errand, seconds)
    exit_, text = outcome
    if exit_ is None:
        raise _bad(
            f"gopass did not end within {seconds:g} s",
            "a key that is unlocked: nobody is there to type a passphrase",
        )
    if not exit_.clean:
        raise _bad(*_explained(path, exit_))
    if len(text.encode()) >= ENOUGH:
        raise _bad(f"gopass shows too much for {shown(path)}", f"less than {ENOUGH} bytes")
    if not text.strip():
        raise _bad(f"gopass shows nothing for {shown(path)}", "keys, separated by commas or lines")
    return text


async def _ask(arguments: tuple[str, ...], errand: Errand, seconds: float) -> Outcome:
    variables = environment.clean(os.environ, _NAMES, {}, "")
    try:
        return await errand(Command(("gopass", "show", *arguments), "/"), variables, seconds)
    except SpawnFailed as error:
        if isinstance(error.__cause__, FileNotFoundError):
            raise _bad("gopass is not on the PATH of the server", "it installed, or no such setting") from error
        raise _bad(f"gopass cannot be started: {error}", "a program") from error


def _is_usage(exit_: Exit, text: str) -> bool:
    """Whether it did not take the option."""
    return exit_.code in _USAGE or any(_SAYS_USAGE.search(said) for said in (text, exit_.stderr_tail))


def _explained(path: str, exit_: Exit) -> tuple[str, str]:
    """What went wrong, and what would be right."""
    if exit_.code in _NOT_FOUND or _SAYS_NOT_FOUND.search(exit_.stderr_tail):
        return f"gopass has no secret {shown(path)}", "one of those that `gopass ls` lists"
    if exit_.code in _NOT_DECRYPTED or _SAYS_NOT_DECRYPTED.search(exit_.stderr_tail):
        return f"gopass cannot decrypt {shown(path)}", "its private key at hand and unlocked for the server's user"
    ended = f"exit code {exit_.code}" if exit_.signal is None else exit_.signal
    return f"gopass fails to show {shown(path)} ({ended})", "that `gopass show` works for the server's user"


def _bad(message: str, expected: str) -> BadSettings:
    return BadSettings(f"{SOURCE}: {message}; expected {expected}")
