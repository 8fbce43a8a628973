"""Starting a process. The only module that does."""

import errno
import os
import resource
import subprocess
from collections.abc import Mapping
from typing import Final

from clinvk.backends.base import Command
from clinvk.domain.errors import ClinvkError
from clinvk.supervisor import workdir

_SPARED: Final = 32
"""Descriptors that are not for children; a start needs a dozen of them for a moment."""


class SpawnFailed(ClinvkError):
    """The process could not be started: not there, not executable, no such folder."""


def start(command: Command, environment: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    """Start `command` in a session of its own, in the very folder that its `cwd`, a real path, is now.

    Raises SpawnFailed, in a sentence.
    """
    _see_that_some_are_left()
    try:
        with workdir.held(command.cwd) as cwd:
            return subprocess.Popen(
                command.argv,
                cwd=cwd,
                env=dict(environment),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
    except workdir.Replaced as error:
        raise SpawnFailed(f"The CLI was not started: {error}") from error
    except OSError as error:
        at = command.cwd if workdir.is_held(error.filename) else error.filename
        named = f" '{at}'" if at else ""
        raise SpawnFailed(f"The CLI could not be started: {error.strerror}{named}") from error


def _see_that_some_are_left() -> None:
    """Leave some descriptors to clients, that would cancel a run, and to the looks at its processes.

    Raises SpawnFailed. The number that comes next is the lowest that is free.
    """
    try:
        following = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        os.close(following)
    except OSError as error:
        raise SpawnFailed(f"The CLI could not be started: {error.strerror}") from error
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most != resource.RLIM_INFINITY and following >= most - _SPARED:
        raise SpawnFailed(f"The CLI could not be started: {os.strerror(errno.EMFILE)}")
