"""The official SDKs as installed by scripts/install-sdks, and a program on each that users might have written."""

import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

SDKS = Path(__file__).parents[2] / ".cache" / "sdks"
"""Where `scripts/install-sdks` puts them."""
CLIENTS = Path(__file__).parent / "clients"
STAMP = "clinvk-stamp"
KEY = "sk-test-dummy"
PATIENCE = 50.0
"""Seconds that an answer may take on a machine that does much else."""


def installed() -> bool:
    return (SDKS / STAMP).exists()


def python(generation: str, program: str) -> tuple[str, ...]:
    return (str(SDKS / generation / "bin" / "python"), "-I", str(CLIENTS / program))


def node(program: str) -> tuple[str, ...]:
    """Evaluated, and not run from its file, so that it finds its packages in the folder where it is started."""
    text = (CLIENTS / program).read_text()
    return (str(SDKS / "node" / "node_modules" / ".bin" / "node"), "--input-type=module", "--eval", text)


PROGRAMS = {
    "openai": lambda: python("newest", "openai_client.py"),
    "openai-older": lambda: python("older", "openai_client.py"),
    "openai-node": lambda: node("openai_client.mjs"),
    "anthropic": lambda: python("newest", "anthropic_client.py"),
    "anthropic-older": lambda: python("older", "anthropic_client.py"),
    "anthropic-node": lambda: node("anthropic_client.mjs"),
}
APIS = {"openai": ("chat", "responses"), "anthropic": ("messages",)}


def grouped(client: str, value: Any, name: str) -> Any:
    """A parameter whose tests run in one process with others of that client: each client is started once."""
    return pytest.param(value, id=name, marks=pytest.mark.xdist_group(client))


def surfaces(*apis: str) -> list[Any]:
    """Every SDK with every one of those APIs that it speaks."""
    spoken = [(client, api) for client in PROGRAMS for api in APIS[client.split("-")[0]]]
    return [grouped(client, (client, api), f"{client} {api}") for client, api in spoken if api in apis]


class Program:
    """One client program, alive for as many asks as one has."""

    def __init__(self, name: str, port: int, home: Path) -> None:
        self.name = name
        home.mkdir(parents=True)
        self._errors = home / "errors"
        with self._errors.open("wb") as errors:
            self._process = subprocess.Popen(
                PROGRAMS[name](), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
                env=environment(port, home), cwd=SDKS / "node",
            )  # fmt: skip

    def ask(self, do: str, body: Any = None, **options: Any) -> Any:
        """What its user sees."""
        line = json.dumps({"do": do, "body": body, "options": options}).encode() + b"\n"
        self._process.stdin.write(line)
        self._process.stdin.flush()
        return json.loads(self._line())

    def dismiss(self) -> None:
        """Tell it that nobody will ask any more."""
        self._process.stdin.close()

    def end(self) -> None:
        self._process.wait(PATIENCE)
        self._process.stdout.close()

    def _line(self) -> bytes:
        until, told = time.monotonic() + PATIENCE, b""
        while not told.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            piece = os.read(self._process.stdout.fileno(), 1 << 16) if ready else b""
            assert piece, f"no answer: {self._errors.read_text()}"
            told += piece
        return told


def environment(port: int, home: Path) -> dict[str, str]:
    """All that a user sets to come to clinvk, and nothing else."""
    return {
        "PATH": os.environ["PATH"],
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/openai/v1",
        "OPENAI_API_KEY": KEY,
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}/anthropic",
        "ANTHROPIC_API_KEY": KEY,
    }


@dataclass(frozen=True)
class Ask:
    """What a user wants, in no API's words; `more` are fields that go along as they are, by API."""

    prompt: str = "hello"
    model: str = "demo"
    system: str | None = None
    history: tuple[tuple[str, str], ...] = ()
    most: int = 1024
    more: dict[str, dict[str, Any]] = field(default_factory=dict)

    def body(self, api: str) -> dict[str, Any]:
        """It, as arguments for a call of that API."""
        turns = [{"role": role, "content": text} for role, text in (*self.history, ("user", self.prompt))]
        told = {"model": self.model} | getattr(self, f"_{api}")(turns)
        return told | self.more.get(api, {})

    def _chat(self, turns: list[Any]) -> dict[str, Any]:
        system = [{"role": "system", "content": self.system}] if self.system else []
        return {"messages": [*system, *turns], "max_completion_tokens": self.most}

    def _responses(self, turns: list[Any]) -> dict[str, Any]:
        instructions = {"instructions": self.system} if self.system else {}
        return {"input": turns, "max_output_tokens": self.most} | instructions

    def _messages(self, turns: list[Any]) -> dict[str, Any]:
        system = {"system": self.system} if self.system else {}
        return {"messages": turns, "max_tokens": self.most} | system


@contextmanager
def programs(port: int, homes: Path) -> Iterator[Callable[[str], Program]]:
    """Gives the program of a name, which is started for the first who asks, and alive until the end."""
    started: dict[str, Program] = {}

    def get(name: str) -> Program:
        if name not in started:
            started[name] = Program(name, port, homes / name)
        return started[name]

    yield get
    for each in started.values():
        each.dismiss()
    for each in started.values():
        each.end()


@dataclass(frozen=True)
class Surface:
    """One SDK with one of the APIs that it speaks."""

    client: str
    api: str
    program: Program

    def ask(self, way: str, ask: Ask, **options: Any) -> Any:
        """`way` is create, raw, stream, helper or leave: what comes of it, as the user sees it."""
        return self.program.ask(f"{self.api}.{way}", ask.body(self.api), **options)
