"""What both service managers do for us, and the one place that calls their programs."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from clinvk.service.plan import CannotManage, Plan

_PATIENCE_SECS: Final = 150  # starting waits until the server is ready, for which systemd gives it 90


@dataclass(frozen=True, slots=True)
class Said:
    """How a program ended, and what it said."""

    code: int
    out: str
    err: str

    @property
    def why(self) -> str:
        return (self.err or self.out).strip() or f"exit code {self.code}"


class Manager(Protocol):
    """A service manager of one user."""

    name: str
    file: Path
    """Where it wants the service described."""

    def text(self, plan: Plan) -> str:
        """The description."""
        ...

    def check(self) -> None:
        """Raises CannotManage where there is none that answers."""
        ...

    def start(self) -> None:
        """Start the service now and with every login; one that runs goes on as it is. Raises CannotManage."""
        ...

    def stop(self) -> None:
        """Stop the service, now and for good. Raises CannotManage."""
        ...

    def forget(self) -> None:
        """The file is gone. Raises CannotManage."""
        ...

    def runs(self) -> tuple[bool, list[str]]:
        """Whether it runs, and what there is to tell of it. Raises CannotManage."""
        ...

    def hints(self, plan: Plan, missed: list[str]) -> list[str]:
        """What a person should know who has just installed it; `missed` are variables that it does not get."""
        ...


def ask(*command: str) -> Said:
    """Run a program of the manager's to its end. Raises CannotManage if it is not there, or does not end."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=_PATIENCE_SECS
        )
    except FileNotFoundError as error:
        raise CannotManage(f"there is no {command[0]} here") from error
    except (OSError, subprocess.TimeoutExpired) as error:
        raise CannotManage(f"{' '.join(command)}: {error}") from error
    return Said(done.returncode, done.stdout, done.stderr)


def do(*command: str) -> None:
    """The same. Raises CannotManage if it fails, too."""
    said = ask(*command)
    if said.code:
        raise CannotManage(f"{' '.join(command)}: {said.why}")


def told(command: Sequence[str], names: Sequence[str]) -> dict[str, str]:
    """The `NAME=value` lines that a command answers with. Raises CannotManage."""
    said = ask(*command)
    if said.code:
        raise CannotManage(f"{' '.join(command)}: {said.why}")
    found = dict(line.split("=", 1) for line in said.out.splitlines() if "=" in line)
    return {name: found.get(name, "") for name in names}
