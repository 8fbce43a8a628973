"""A request for a message → what is wanted. Pure: what cannot be had here is refused by its place."""

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

import orjson

from clinvk.api import problems
from clinvk.api.dialects.ask import Ask
from clinvk.domain.conversation import Conversation, Turn

if TYPE_CHECKING:
    from clinvk.api.schema_types import CountTokensRequest, MessagesRequest

Block = Mapping[str, Any]

_BETWEEN: Final = "\n\n"
_LEFT_OUT: Final = ("thinking", "redacted_thinking")
_NOT_GIVEN: Final = {"image": "an image", "document": "a document"}


def to_ask(body: "MessagesRequest", backend: str, ignored: tuple[str, ...]) -> Ask:
    """What `body` wants of `backend`; `ignored` are its fields without effect. Raises Problem."""
    return Ask(
        model=body["model"],
        conversation=to_conversation(body, backend),
        stops=tuple(body.get("stop_sequences") or ()),
        max_tokens=int(body["max_tokens"]),
        effort=(body.get("output_config") or {}).get("effort"),
        effort_field="output_config",
        reasoning=_wants_reasoning(body.get("thinking") or {"type": "disabled"}),
        stream=bool(body.get("stream")),
        dry_run=bool(body.get("dry_run")),
        ignored=ignored,
    )


def to_conversation(body: "MessagesRequest | CountTokensRequest", backend: str) -> Conversation:
    """What was said. Raises Problem for what cannot be had of `backend`, and where nothing was said."""
    _refuse(body)
    reader = _Reader(backend)
    system = [reader.text(body.get("system") or "", "/system")]
    turns: list[Turn] = []
    for number, message in enumerate(body["messages"]):
        said = list(reader.turns(message["role"], message["content"], f"/messages/{number}/content"))
        if message["role"] == "system":
            system += [turn.text for turn in said]
        else:
            turns += said
    if not turns:
        raise problems.invalid("/messages", "says nothing", "a message of the user that holds some text")
    return Conversation(tuple(turns), tuple(system))


def _wants_reasoning(thinking: Mapping[str, Any]) -> bool:
    return thinking["type"] != "disabled" and thinking.get("display") != "omitted"


def _refuse(body: "MessagesRequest | CountTokensRequest") -> None:
    """Raise Problem for what no backend can do here."""
    choice = body.get("tool_choice")
    if choice and choice["type"] in ("any", "tool"):
        raise problems.unsupported(
            "/tool_choice/type",
            f"is '{choice['type']}', but the tools of a client are not called here",
            "'auto' or 'none', or no tool_choice",
        )
    if body.get("mcp_servers"):
        raise problems.unsupported("/mcp_servers", "names servers that cannot be connected here", "none")
    forms = {
        "/output_config/format": (body.get("output_config") or {}).get("format"),
        "/output_format": body.get("output_format"),
    }
    for path, form in forms.items():
        if form is not None:
            raise problems.unsupported(path, "asks for a form that cannot be promised here", "none: text")


class _Reader:
    """Reads the content of one request's messages, in their order: results know the calls before them."""

    def __init__(self, backend: str) -> None:
        self._backend = backend
        self._called: dict[str, str] = {}  # names of tools, by the id of the call

    def turns(self, role: str, content: str | Iterable[Block], path: str) -> Iterator[Turn]:
        """The turns of one message: each call of a tool and each result is one of its own. Empty text is none."""
        spoken: list[str] = []
        for number, block in enumerate(_blocks(content)):
            if block["type"] in _LEFT_OUT:
                continue
            turn = self._of_tool(block, f"{path}/{number}")
            if turn is None:
                spoken.append(self._plain(block, f"{path}/{number}"))
                continue
            yield from _said(role, spoken)
            yield turn
            spoken = []
        yield from _said(role, spoken)

    def text(self, content: str | Iterable[Block], path: str) -> str:
        """Content that is text alone."""
        blocks = enumerate(_blocks(content))
        return _BETWEEN.join(self._plain(block, f"{path}/{number}") for number, block in blocks)

    def _of_tool(self, block: Block, path: str) -> Turn | None:
        """The turn that is a call of a tool, or its result."""
        if block["type"] == "tool_use":
            self._called[block["id"]] = block["name"]
            return Turn(f"assistant calls {block['name']} ({block['id']})", orjson.dumps(block["input"]).decode())
        if block["type"] == "tool_result":
            id_ = block["tool_use_id"]
            failed = ", which failed" if block.get("is_error") else ""
            speaker = f"result of {self._called.get(id_, 'a tool')} ({id_}){failed}"
            return Turn(speaker, self.text(block.get("content") or "", f"{path}/content"))
        return None

    def _plain(self, block: Block, path: str) -> str:
        if block["type"] == "text":
            return str(block["text"])
        if block["type"] == "search_result":
            found = _BETWEEN.join(part["text"] for part in block["content"])
            return f"{block['title']} ({block['source']})\n{found}"
        what = _NOT_GIVEN[block["type"]]
        raise problems.unsupported(
            path, f"is {what}, which the backend '{self._backend}' is not given here", "text"
        )


def _blocks(content: str | Iterable[Block]) -> Iterable[Block]:
    return [{"type": "text", "text": content}] if isinstance(content, str) else content


def _said(role: str, spoken: list[str]) -> Iterator[Turn]:
    """What is between two tools. Answers with citations are cut in mid-sentence: joined as they were."""
    text = ("" if role == "assistant" else _BETWEEN).join(filter(None, spoken))
    if text:
        yield Turn(role, text)
