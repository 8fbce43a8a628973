"""Faults of a CLI: of its file, and of what it does."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from family import Family
from runs import PID, cancelled, leader, on_cue, stopped, with_clock
from server import Server
from trial import QUIET, Row, Trial, kept, whole

from clinvk.schemas import Schemas

PART = "faults of a CLI"
_FAKE = Path(__file__).resolve().parents[2] / "tests" / "fakecli" / "runaway.py"


def install(server: Server, fault: str) -> Path:
    """A program of the server's own home, in the place of what was there; nobody sees half of it."""
    program, new = server.home / "cli", server.home / "cli.new"
    new.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{_FAKE}" {fault}\n')
    new.chmod(0o700)
    new.replace(program)
    return program


def broken(act: Callable[[Path], None]) -> Callable[[Server], Trial]:
    """A prompt while the program is so, and one when it is right again."""

    def trial(server: Server) -> Trial:
        program = install(server, "where")
        act(program)
        stream = server.stream("go", str(program))
        client = stream.end()
        told = kept(server, stream)
        install(server, "where")
        again = server.stream("go", str(program))
        return Trial(0, None, f"{client}; once it is right again: {again.end()}", told)

    return trial


def replaced(server: Server) -> Trial:
    """Another program in its place while it runs: the run goes on with the old one, the next has the new one."""
    program = install(server, "cue answer")
    stream = server.stream("go", str(program))
    stream.until(PID)
    pid = leader(stream)
    install(server, "where")
    family = Family(server.below())
    family.cause()
    os.kill(pid, 10)
    client = stream.end()
    following = server.stream("go", str(program))
    ended = following.end()
    new = "the new one answers the next" if "fine" in following.told else "the next has the old one"
    return whole(server, stream, family, f"{client}; {new}: {ended}")


def muted(server: Server) -> Trial:
    """It closes its output and lives on. The time is counted from its last word."""
    stream = server.stream("go", "fakecli mute")
    stream.until(PID)
    family = Family(server.below())
    family.cause()
    return whole(server, stream, family, stream.end())


def memory_limit() -> str:
    """The setting of how much memory a run may have; empty where there is none."""
    server = Schemas().whole("config/config")["properties"]["server"]
    return next((name for name in server.get("properties", {}) if "memory" in name), "")


_LIMIT = memory_limit()
ROWS = [
    Row(
        "fault-missing",
        PART,
        "its program is gone",
        "deleted between two runs",
        broken(Path.unlink),
    ),
    Row(
        "fault-not-executable",
        PART,
        "its program may not be executed",
        "mode 0644",
        broken(lambda program: program.chmod(0o644)),
    ),
    Row(
        "fault-replaced", PART, "its program is replaced", "in the middle of a run, as an update does it", replaced
    ),
    Row(
        "fault-endless-line",
        PART,
        "one line without end",
        "1 GB is tried, 16 MiB are taken",
        stopped("go", "runaway endless-line"),
    ),
    Row("fault-mute", PART, "it closes its output and lives on", "after a few words", muted),
    Row(
        "fault-stopped",
        PART,
        "it stops itself",
        "SIGSTOP after a few words; `idle_timeout_secs` is 0.3 s here",
        stopped("go", "fakecli stopped", 1),
        settings=with_clock("idle_timeout_secs", 0.3),
    ),
    Row(
        "fault-forks",
        PART,
        "it forks without end",
        "a tree of 126 processes, and 4 that go on as their own children, 50 times a second; cancelled",
        cancelled("go", "runaway forks 6 2 4", 1),
    ),
    Row(
        "fault-aborts",
        PART,
        "it aborts",
        "SIGABRT, with four tools left",
        on_cue("runaway tools SIGABRT", 4),
    ),
    Row(
        "fault-memory",
        PART,
        "it eats memory",
        "more than the run may have",
        stopped("go", "runaway memory"),
        settings={**QUIET, "server": {_LIMIT: 256 << 20}} if _LIMIT else QUIET,
        needs=lambda: "" if _LIMIT else "this version has no limit of a run's memory",
    ),
]
