"""For tests: the stub as a process, the plainest requests to it, and the text of its answers."""

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

TIMEOUT: Final = 20.0


@contextlib.contextmanager
def running() -> Iterator["Client"]:
    """The stub, on a port of its own."""
    command = [sys.executable, "-I", "-S", str(Path(__file__).parent), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout
            said, _, port = child.stdout.readline().strip().rpartition(":")
            assert said == "model stub on http://127.0.0.1"
            yield Client(int(port), child)
        finally:
            child.terminate()


@dataclass(frozen=True)
class Heard:
    """A response, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        data = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [json.loads(line) for line in data if line != "[DONE]"]


class Client:
    """Talks to the stub, one connection a request."""

    def __init__(self, port: int, child: "subprocess.Popen[str]") -> None:
        self.port = port
        self._child = child

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Heard:
        connection = self.connect()
        try:
            raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
            connection.request(method, path, raw, headers)
            response = connection.getresponse()
            return Heard(response.status, dict(response.headers.items()), response.read())
        except ConnectionRefusedError:
            raise ConnectionRefusedError(f"the stub is gone: exit status {self._child.poll()}") from None
        finally:
            connection.close()

    def ask(self, provider: str, prompt: str, stream: bool = True, **more: Any) -> Heard:
        path, body = request(provider, prompt, stream)
        return self.send("POST", path, body | more)

    def whole(self, provider: str, prompt: str, **more: Any) -> Any:
        """The answer to a request that wants no stream."""
        return self.ask(provider, prompt, stream=False, **more).json

    def log(self) -> list[Any]:
        """The requests since the last reset, oldest first."""
        entries: list[Any] = self.send("GET", "/__stub/log").json
        return entries

    def asked(self, prompt: str) -> list[Any]:
        """Those of them with that in their prompt."""
        return [entry for entry in self.log() if prompt in entry.get("prompt", "")]  # some ask no model

    def body(self, entry: Any) -> str:
        """The request behind an entry of the log, whole."""
        return self.send("GET", f"/__stub/request/{entry['seq']}").body.decode()

    def go_on(self, entry: Any) -> None:
        """Have it say one more piece of an answer that it says `[[step=1]]` by step."""
        self.send("POST", f"/__stub/go/{entry['seq']}")


def request(provider: str, prompt: str, stream: bool, model: str = "some-model") -> tuple[str, dict[str, Any]]:
    """Path and body of the plainest request."""
    messages = [{"role": "user", "content": prompt}]
    match provider:
        case "anthropic":
            return "/v1/messages?beta=true", {"model": model, "stream": stream, "messages": messages}
        case "openai":
            return "/v1/responses", {"model": model, "stream": stream, "input": messages}
        case "chat":
            return "/v1/chat/completions", {"model": model, "stream": stream, "messages": messages}
    verb = "streamGenerateContent?alt=sse" if stream else "generateContent"
    return f"/v1beta/models/{model}:{verb}", {"contents": [{"role": "user", "parts": [{"text": prompt}]}]}


def deltas(provider: str, events: list[Any]) -> list[str]:
    """The pieces of answer text in a stream."""
    match provider:
        case "anthropic":
            return [event["delta"]["text"] for event in events if event.get("delta", {}).get("text")]
        case "openai":
            return [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
        case "chat":
            found = [choice["delta"].get("content") for event in events for choice in event.get("choices", [])]
            return [text for text in found if text]
    parts = [part for event in events for part in parts_of(event)]
    return [part["text"] for part in parts if part.get("text") and not part.get("thought")]


def parts_of(event: Any) -> list[Any]:
    return [part for candidate in event.get("candidates", []) for part in candidate["content"]["parts"]]


def whole_text(provider: str, answer: Any) -> str:
    match provider:
        case "anthropic":
            return str(answer["content"][-1]["text"])
        case "openai":
            return str(answer["output"][-1]["content"][0]["text"])
        case "chat":
            return str(answer["choices"][0]["message"]["content"])
    return str(parts_of(answer)[-1]["text"])
