"""clinvk tui: the console of a server that runs elsewhere."""

import argparse
import asyncio
import traceback
from collections.abc import Mapping
from contextlib import aclosing
from pathlib import Path
from typing import Final

from clinvk import settings
from clinvk.commands.refusing import refuse
from clinvk.monitor import Refused, Unreachable
from clinvk.remote import BadTarget, RemoteMonitor
from tui.terminal.fitness import unfit

KEY_VARIABLE: Final = "CLINVK_API_KEY"
_INTERRUPTED: Final = 130


class _NoKey(Exception):
    """The variable that should hold the key is not set."""


def run(options: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Show the console until it is left; the exit code. Without a terminal, or a server, nothing is shown."""
    try:
        monitor = RemoteMonitor(options.url, _key(options.api_key_env, environment))
    except (BadTarget, _NoKey) as error:
        return refuse(error, 2)
    if why := unfit():
        return refuse(f"the console cannot be shown: {why}", 1)
    try:
        return asyncio.run(_show(monitor, settings.places(None, environment).home / "tui.log"))
    except settings.BadSettings as error:
        return refuse(error, 3)
    except (Unreachable, Refused) as error:
        return refuse(error, 1)
    except KeyboardInterrupt:  # while the server was waited for: later it is a key as any other
        return _INTERRUPTED


async def _show(monitor: RemoteMonitor, log: Path) -> int:
    async with aclosing(monitor):
        await monitor.status()  # before the screen is taken: what is wrong with the way is said on a plain line
        return await _shown(monitor, log)


async def _shown(monitor: RemoteMonitor, log: Path) -> int:
    from tui.console import Console  # noqa: PLC0415  it takes its time, and is for those who get in
    from tui.terminal.show import Crashed, HungUp, show  # noqa: PLC0415

    try:
        await show(Console(monitor, owns_server=False), log, stoppable=True)
    except HungUp:
        return 1  # there is nobody to tell
    except Crashed as crash:
        traceback.print_exception(crash.__cause__)
        return refuse("the console crashed; the server goes on", 1)
    return 0


def _key(named: str | None, environment: Mapping[str, str]) -> str | None:
    """The key in the variable that was named, which has to be set then, or in the usual one. Raises _NoKey."""
    key = environment.get(named or KEY_VARIABLE, "").strip() or None
    if named and key is None:
        raise _NoKey(f"the environment has no {named}, which --api-key-env names")
    return key
