"""The CLIs' own copies of conversations that clinvk kept, and that are to be forgotten."""

import asyncio
import itertools
import os
from collections.abc import Mapping
from typing import Final

from clinvk.backends.base import Backend, Installation
from clinvk.supervisor import environment, errand, residue
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.residue import Removed
from clinvk.supervisor.spawning import SpawnFailed

DELETION_SECS: Final = 20.0
"""What a CLI's own deletion may take. codex needs 0.1 s, and many times that on a busy machine."""

_NOWHERE: Final = Installation(())


class Forgetting:
    """Has CLIs forget conversations. Nobody may be using such a one: that is for the caller to see to."""

    def __init__(self, probe: Probe, descendants: Descendants, deletion_secs: float = DELETION_SECS) -> None:
        self._probe = probe
        self._descendants = descendants
        self._deletion_secs = deletion_secs
        self._numbers = itertools.count()

    async def forget(self, backend: Backend, conversation: str, added: Mapping[str, str]) -> Removed:
        """Delete what the backend's CLI keeps of it. What was gone before is no fault.

        `added` is what its children see beyond the usual: it may say where they keep their files.
        """
        marker = f"forget-{next(self._numbers)}"
        variables = environment.clean(os.environ, backend.traits.environment, added, marker)
        failure = await self._by_itself(backend, conversation, variables)
        removed = await asyncio.to_thread(residue.remove, backend.stored(conversation), variables)
        # A CLI fails too if it knows no such conversation: then there was no file of it either.
        if failure and removed.files:
            return removed._replace(left=(*removed.left, failure))
        return removed

    async def _by_itself(self, backend: Backend, conversation: str, variables: Mapping[str, str]) -> str | None:
        """Have the CLI delete it, if it has a way to; in a sentence why that came to nothing."""
        installation = self._probe.found(backend.name)
        command = backend.deletion(conversation, installation or _NOWHERE)
        if command is None:
            return None
        marker = variables[environment.MARKER]
        failed = f"{backend.name} could not delete all that it holds of the conversation"
        if installation is None:
            return f"{failed}: it is not installed"
        try:
            done = await errand.run(command, variables, marker, self._descendants, self._deletion_secs)
        except SpawnFailed as error:
            return f"{failed}: {error}"
        if done.exit is None:
            return f"{failed}: it took more than {self._deletion_secs:g} s"
        return None if done.exit.clean else f"{failed}: {done.exit.last_words or done.exit.code}"
