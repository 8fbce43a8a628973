"""JSON-RPC in lines, as codex's app-server and the agents of the Agent Client Protocol speak it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from clinvk.backends import json_lines
from clinvk.backends.base import Outgoing, Said
from clinvk.backends.json_lines import Malformed, Message
from clinvk.backends.message_lines import MessageLines

RequestId = int | str

_NO_SUCH_METHOD: Final = -32601


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a request of ours: a result, or an error."""

    result: Message
    error: Message | None = None


class Peer:
    """One connection, sans-io: our requests and what to do with their answers; theirs, always answered.

    `told(method, params)` says what a notification means, and raises Malformed where it lacks something.
    `asked(id, method, params)` does so for a request from the other side, and None means that we do not
    know that method: it is refused, since silence would hang the CLI.
    """

    def __init__(
        self,
        told: Callable[[str, Message], list[Said]],
        asked: Callable[[RequestId, str, Message], list[Said] | None],
        envelope: Mapping[str, Any] | None = None,
    ) -> None:
        self._told = told
        self._asked = asked
        self._envelope = dict(envelope or {})
        self._lines = MessageLines(self._line)
        self._pending: dict[RequestId, Callable[[Reply], list[Said]]] = {}
        self._last_id = 0

    def call(self, method: str, params: Message, then: Callable[[Reply], list[Said]]) -> None:
        """Send a request; `then` gets its answer, and may not raise."""
        self._last_id += 1
        self._pending[self._last_id] = then
        self._send({"id": self._last_id, "method": method, "params": params})

    def notify(self, method: str, params: Message | None = None) -> None:
        self._send({"method": method} | ({} if params is None else {"params": params}))

    def reply(self, request: RequestId, result: Message) -> None:
        self._send({"id": request, "result": result})

    def refuse(self, request: RequestId, message: str, code: int = _NO_SUCH_METHOD) -> None:
        self._send({"id": request, "error": {"code": code, "message": message}})

    def receive(self, data: bytes) -> list[Said]:
        """What these bytes say. Raises LineTooLong."""
        return self._lines.receive(data)

    def rest(self) -> list[Said]:
        """What the unfinished last line says."""
        return self._lines.rest()

    def outgoing(self) -> Outgoing:
        return self._lines.outgoing()

    def _send(self, message: Message) -> None:
        self._lines.send(self._envelope | message)

    def _line(self, message: Message, line: bytes) -> list[Said]:
        try:
            return self._message(message)
        except Malformed:
            return [Said(None, json_lines.unknown(line))]

    def _message(self, message: Message) -> list[Said]:
        request, method, params = message.get("id"), message.get("method"), message.get("params", {})
        if not isinstance(params, dict) or isinstance(request, bool | float | list | dict):
            raise Malformed("params")
        if not isinstance(method, str):
            return self._answered(request, message)
        if request is None:
            return self._told(method, params)
        said = self._asked(request, method, params)
        if said is None:
            self.refuse(request, f"clinvk does not offer '{method}'")
            return []
        return said

    def _answered(self, request: RequestId | None, message: Message) -> list[Said]:
        then = self._pending.pop(request, None) if request is not None else None
        if then is None or not message.keys() & {"result", "error"}:
            raise Malformed("id")
        error, result = message.get("error"), message.get("result")
        return then(Reply(_object(result), None if error is None else _object(error)))


def _object(value: Any) -> Message:
    """`value`, or an empty object in place of anything else: whoever reads it finds out what is missing."""
    return value if isinstance(value, dict) else {}
