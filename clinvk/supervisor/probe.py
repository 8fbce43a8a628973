"""Which CLIs there are on this machine, and in which version: looked for in threads, told from memory."""

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from clinvk import __version__
from clinvk.backends.base import Command, Executable, Installation, Outgoing, Said, TurnId
from clinvk.backends.registry import Registry
from clinvk.domain.approvals import Verdict
from clinvk.domain.run import Exit, Start
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import environment, installed
from clinvk.supervisor.child import Child, SpawnFailed
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.installed import Found, NotUsable, Stamp
from clinvk.supervisor.tasks import Tasks, first_of

ANSWER_SECS: Final = 20.0
"""What `--version` may take. The slowest CLI needs 1.5 s, and several times that on a busy machine."""

_ENOUGH: Final = 4 << 10
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
        if self._registry.get(name).executable is None:
            return _OURS
        seen = self._seen.get(name)
        return seen.installation if seen else None

    def forget(self, name: str) -> None:
        """It could not be started as it was found: whoever wants it next has it looked for again."""
        self._seen.pop(name, None)

    def reason(self, name: str) -> str | None:
        """Why it was not found, with the cure, or why its version is to be doubted; in a sentence."""
        if self._registry.get(name).executable is None:
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
        try:
            path = self._configured.get(name)
            environ = {**os.environ, **self._variables.get(name, {})}
            found = await asyncio.to_thread(installed.find, executable, path, environ)
            version = found.version or await self._version(name, executable, found)
        except NotUsable as error:
            self._seen[name] = _Seen(None, str(error))
        else:
            self._seen[name] = _Seen(Installation(found.argv, version), _doubt(version, executable.tested))

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
        heard, marker = _Heard(), f"version-{name}"
        # What its runs will see: a program that starts in another environment proves nothing.
        names = self._registry.get(name).traits.environment
        variables = environment.clean(os.environ, names, self._variables.get(name, {}), marker)
        try:
            child = Child.spawn(Command((*argv, "--version"), "/"), variables, heard)
        except SpawnFailed as error:
            raise NotUsable(f"not usable: {error}") from error
        self._descendants.enrol(marker, child.pid)
        try:
            child.open()
            in_time = await first_of(child.ended, timeout=self._answer_secs)
        finally:
            await self._descendants.end(marker)
            exit_ = await child.ended
            self._descendants.forget(marker)
        if in_time and not exit_.clean:
            last = exit_.last_words or f"exit {exit_.signal or exit_.code}"
            raise NotUsable(f"not usable: '{argv[-1]} --version' fails: {last}")
        return heard.text if in_time else None


class _Heard:
    """The dialogue with a program that is asked for its version: all it has to say is its output."""

    capacity = 0

    def __init__(self) -> None:
        self._bytes = b""

    @property
    def text(self) -> str:
        return self._bytes.decode(errors="replace")

    def open(self) -> None:
        """There is nothing to say."""

    def fit(self, spec: RunSpec) -> Start | None:  # noqa: ARG002  it takes no turns
        return None

    def begin(self, turn: TurnId, spec: RunSpec) -> None:
        raise NotImplementedError

    def interrupt(self, turn: TurnId) -> bool:  # noqa: ARG002  it takes no turns
        return False

    def answer(self, turn: TurnId, ask_id: str, verdict: Verdict) -> None:
        raise NotImplementedError

    def receive(self, data: bytes) -> list[Said]:
        self._bytes = (self._bytes + data)[:_ENOUGH]
        return []

    def outgoing(self) -> Outgoing:
        return Outgoing(b"", close_stdin=True)

    def exited(self, exit_: Exit) -> list[Said]:  # noqa: ARG002  the asker sees for itself
        return []


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
