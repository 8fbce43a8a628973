"""Which CLIs there are on this machine, and in which version: looked for in threads, told from memory."""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from clinvk import __version__
from clinvk.backends.base import Command, Executable, Installation
from clinvk.backends.registry import Registry
from clinvk.supervisor import environment, errand, installed
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.installed import Found, NotUsable, Stamp
from clinvk.supervisor.spawning import SpawnFailed
from clinvk.supervisor.tasks import Tasks

ANSWER_SECS: Final = 20.0
"""What `--version` may take. The slowest CLI needs 1.5 s, and several times that on a busy machine."""

_OURS: Final = Installation((), __version__)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the last look at a CLI found, and what there is to say against it: it goes on after `NAME is`."""

    installation: Installation | None
    why: str | None


class Probe:
    """Knows how every backend's CLI is installed. What changes on disk is noticed by the next look."""

    def __init__(
        self,
        registry: Registry,
        configured: Mapping[str, str],
        descendants: Descendants,
        variables: Mapping[str, Mapping[str, str]] | None = None,
        answer_secs: float = ANSWER_SECS,
    ) -> None:
        """`configured` are paths of executables by backend: each stands for a search. `variables` are what
        a backend's children see beyond the usual, a PATH perhaps.
        """
        self._registry = registry
        self._configured = configured
        self._descendants = descendants
        self._variables = variables or {}
        self._answer_secs = answer_secs
        self._tasks = Tasks()
        self._looks: dict[str, asyncio.Task[None]] = {}
        self._seen: dict[str, _Seen] = {}
        self._answers: dict[str, tuple[Stamp, str | None]] = {}
        self._closed = False

    def found(self, name: str) -> Installation | None:
        """How that backend's CLI is to be executed, as of the last look. Raises BackendNotFound."""
        if self._registry.known(name).executable is None:
            return _OURS
        seen = self._seen.get(name)
        return seen.installation if seen else None

    def is_looking(self, name: str) -> bool:
        """Whether it is being looked for, and nobody knows yet whether it is there."""
        return name not in self._seen and name in self._looks and not self._looks[name].done()

    def forget(self, name: str) -> None:
        """It could not be started as it was found: whoever wants it next has it looked for again."""
        self._seen.pop(name, None)

    def reason(self, name: str) -> str | None:
        """Why it was not found, with the cure, or why its version is to be doubted; in a sentence."""
        if self._registry.known(name).executable is None:
            return None
        seen = self._seen.get(name)
        if seen is None:
            return f"{name} is still being looked for"
        return f"{name} is {seen.why}" if seen.why else None

    def told(self) -> list[str]:
        """One line for each CLI that was looked for, for people."""
        return [_line(name, self._seen[name]) for name in self._registry.names() if name in self._seen]

    async def look(self, *names: str) -> None:
        """Look again for these, or for all. Whoever stops waiting does not stop the look."""
        looks = [self._look(name) for name in names or self._registry.names() if not self._closed]
        under_way = [look for look in looks if look and not look.done()]
        if under_way:
            await asyncio.wait(under_way)

    async def adjust(self, configured: Mapping[str, str], variables: Mapping[str, Mapping[str, str]]) -> None:
        """Let these hold from now on, and look at what they change, and at what is enabled only now."""
        before = {name: self._setup(name) for name in self._registry.names()}
        self._configured, self._variables = configured, variables
        changed = [name for name, setup in before.items() if name not in self._seen or setup != self._setup(name)]
        if changed:
            await self.look(*changed)

    async def close(self) -> None:
        """End every look, and the processes that were asked. There is none after this."""
        self._closed = True
        await self._tasks.cancel()

    def _look(self, name: str) -> asyncio.Task[None] | None:
        executable = self._registry.get(name).executable
        if executable is None:
            return None
        if name not in self._looks or self._looks[name].done():
            self._looks[name] = self._tasks.spawn(self._look_at(name, executable), name=f"look for {name}")
        return self._looks[name]

    async def _look_at(self, name: str, executable: Executable) -> None:
        setup = path, added = self._setup(name)
        try:
            found = await asyncio.to_thread(installed.find, executable, path, {**os.environ, **added})
            version = found.version or await self._version(name, executable, found)
        except NotUsable as error:
            seen = _Seen(None, str(error))
        else:
            seen = _Seen(Installation(found.argv, version), _doubt(version, executable.tested))
        if setup == self._setup(name):
            self._seen[name] = seen
        else:  # it was set up anew meanwhile
            await self._look_at(name, executable)

    def _setup(self, name: str) -> tuple[str | None, Mapping[str, str]]:
        return self._configured.get(name), self._variables.get(name, {})

    async def _version(self, name: str, executable: Executable, found: Found) -> str | None:
        """What the program says its version is. It is asked once, and again once its file has changed."""
        stamp, version = self._answers.get(name, (None, None))
        if stamp == found.stamp:
            return version
        answer = await self._ask(name, found.argv)
        if answer is None:  # the machine may only have been busy: it is asked again
            return None
        said = re.search(executable.version, answer)
        self._answers[name] = found.stamp, said[1] if said else None
        return self._answers[name][1]

    async def _ask(self, name: str, argv: tuple[str, ...]) -> str | None:
        """What it prints for `--version`; None if it does not end in time. Raises NotUsable if it fails."""
        marker = f"version-{name}"
        # What its runs will see: a program that starts in another environment proves nothing.
        names = self._registry.known(name).traits.environment
        variables = environment.clean(os.environ, names, self._variables.get(name, {}), marker)
        command = Command((*argv, "--version"), "/")
        try:
            exit_, text = await errand.run(command, variables, marker, self._descendants, self._answer_secs)
        except SpawnFailed as error:
            raise NotUsable(f"not usable: {error}") from error
        if exit_ and not exit_.clean:
            last = exit_.last_words or f"exit {exit_.signal or exit_.code}"
            raise NotUsable(f"not usable: '{argv[-1]} --version' fails: {last}")
        return text if exit_ else None


def _doubt(version: str | None, tested: tuple[str, str]) -> str | None:
    first, beyond = tested
    range_ = f"clinvk is tested with {first} and later, below {beyond}"
    if version is None:
        return f"not telling its version; {range_}"
    if _numbers(first) <= _numbers(version) < _numbers(beyond):
        return None
    return f"in a version that nobody has tried; {range_}"


def _numbers(version: str) -> tuple[int, ...]:
    """`0.61.0-preview.1` counts as 0.61.0."""
    return tuple(int(number) for number in re.findall(r"\d+", re.split(r"[^\d.]", version, maxsplit=1)[0]))


def _line(name: str, seen: _Seen) -> str:
    if seen.installation is None:
        return f"{name}: {seen.why}"
    version = f" {seen.installation.version}" if seen.installation.version else ""
    return f"{name}{version} ({seen.installation.argv[-1]})" + (f": {seen.why}" if seen.why else "")
