"""Bare drivers of the real CLIs: each speaks its CLI's protocol on two pipes, and does nothing else. The floor.

They start the same programs with the same options as clinvk does, and know nothing of clinvk.
"""

import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

Message = dict[str, Any]

_PATIENCE = 60.0
_SETTINGS = '{"env":{"CLAUDE_CODE_DISABLE_ATTACHMENTS":"1","CLAUDE_CODE_SIMPLE":""}}'


class NoAnswer(Exception):
    """The CLI did not say what it should."""


class Driver:
    """One process of a CLI, opened: it waits for its first conversation."""

    argv: Sequence[str] = ()
    variables: Mapping[str, str] = {}

    def __init__(self, program: Path, home: Path, workdir: Path, environment: Mapping[str, str]) -> None:
        self.began = time.perf_counter()
        self.workdir = workdir
        temporary = home / "tmp"
        temporary.mkdir(exist_ok=True)
        self._process = subprocess.Popen(
            [str(program), *self.argv],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env={**environment, **self.variables, "TMPDIR": str(temporary)}, cwd=workdir, start_new_session=True,
        )  # fmt: skip
        self._held = b""
        self._waiting: list[Message] = []
        self._asked = 0
        self.open()
        self.opening = time.perf_counter() - self.began

    def open(self) -> None:
        """The handshake."""
        raise NotImplementedError

    def begin(self) -> None:
        """A new conversation."""
        raise NotImplementedError

    def turn(self, prompt: str) -> float:
        """Say the prompt, and hear all of the answer; when its first token came."""
        raise NotImplementedError

    def end(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def send(self, message: Message) -> None:
        assert self._process.stdin
        data = memoryview(json.dumps(message).encode() + b"\n")
        while data:
            data = data[os.write(self._process.stdin.fileno(), data) :]

    def call(self, method: str, params: Message, **envelope: str) -> int:
        """A request of JSON-RPC; its number."""
        self._asked += 1
        self.send({**envelope, "id": self._asked, "method": method, "params": params})
        return self._asked

    def until(self, wanted: Callable[[Message], bool]) -> Message:
        """The next message that is wanted; all before it are passed over."""
        deadline = time.monotonic() + _PATIENCE
        while True:
            while self._waiting:
                message = self._waiting.pop(0)
                if wanted(message):
                    return message
            self._read(deadline)

    def answer(self, number: int) -> Message:
        """The result of that request."""
        reply = self.until(lambda message: message.get("id") == number and "method" not in message)
        if "result" not in reply:
            raise NoAnswer(str(reply))
        result: Message = reply["result"]
        return result

    def _read(self, deadline: float) -> None:
        out = self._process.stdout
        assert out
        ready, _, _ = select.select([out], [], [], max(0.0, deadline - time.monotonic()))
        piece = os.read(out.fileno(), 1 << 16) if ready else b""
        if not piece:
            raise NoAnswer(f"{self._process.args!r} says nothing more")
        *lines, self._held = (self._held + piece).split(b"\n")
        self._waiting += [json.loads(line) for line in lines if line.startswith(b"{")]


class Claude(Driver):
    """One conversation a process; the first message begins it."""

    argv = (
        "-p", "--input-format=stream-json", "--output-format=stream-json", "--verbose",
        "--include-partial-messages", "--permission-prompt-tool=stdio", f"--settings={_SETTINGS}",
    )  # fmt: skip
    variables = {  # noqa: RUF012  a constant
        "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
        "CLAUDE_CODE_MAX_RETRIES": "3",
        "DISABLE_AUTOUPDATER": "1",
    }

    def open(self) -> None:
        self.send({"type": "control_request", "request_id": "1", "request": {"subtype": "initialize"}})
        self.until(lambda message: message.get("type") == "control_response")

    def begin(self) -> None:
        """Nothing: there is one already."""

    def turn(self, prompt: str) -> float:
        message = {"role": "user", "content": prompt}
        self.send({"type": "user", "message": message, "parent_tool_use_id": None, "session_id": ""})
        self.until(lambda said: said.get("event", {}).get("delta", {}).get("type") == "text_delta")
        heard = time.perf_counter()
        self.until(lambda said: said.get("type") == "result")
        return heard


class Codex(Driver):
    """An app-server: any number of threads."""

    argv = ("app-server", "--config=features.unbounded_connection_retries=false")
    _thread = ""

    def open(self) -> None:
        client = {"name": "bench", "title": "bench", "version": "1"}
        self.answer(self.call("initialize", {"clientInfo": client}))
        self.send({"method": "initialized"})

    def begin(self) -> None:
        started = self.answer(self.call("thread/start", {"cwd": str(self.workdir), "ephemeral": False}))
        self._thread = started["thread"]["id"]

    def turn(self, prompt: str) -> float:
        self.call("turn/start", {"threadId": self._thread, "input": [{"type": "text", "text": prompt}]})
        self.until(lambda message: message.get("method") == "item/agentMessage/delta")
        heard = time.perf_counter()
        self.until(lambda message: message.get("method") == "turn/completed")
        return heard


class Gemini(Driver):
    """An agent of the Agent Client Protocol: any number of sessions."""

    argv = ("--acp", "--model=gemini-2.5-flash")
    variables = {"GEMINI_CLI_NO_RELAUNCH": "1", "NO_BROWSER": "true"}  # noqa: RUF012  a constant
    _session = ""

    def open(self) -> None:
        able = {"fs": {"readTextFile": False, "writeTextFile": False}, "terminal": False}
        hello = {"protocolVersion": 1, "clientCapabilities": able}
        self.answer(self.call("initialize", hello, jsonrpc="2.0"))

    def begin(self) -> None:
        where = {"cwd": str(self.workdir), "mcpServers": []}
        self._session = self.answer(self.call("session/new", where, jsonrpc="2.0"))["sessionId"]

    def turn(self, prompt: str) -> float:
        said = [{"type": "text", "text": prompt}]
        number = self.call("session/prompt", {"sessionId": self._session, "prompt": said}, jsonrpc="2.0")
        self.until(lambda told: _update(told).get("sessionUpdate") == "agent_message_chunk")
        heard = time.perf_counter()
        self.answer(number)
        return heard


def _update(message: Message) -> Message:
    update: Message = message.get("params", {}).get("update", {})
    return update


DRIVERS: Mapping[str, type[Driver]] = {"claude": Claude, "codex": Codex, "gemini": Gemini}
