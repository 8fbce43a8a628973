"""The plain page: what the OpenAPI document says, for people without JavaScript, and for paper."""

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from tornado.escape import xhtml_escape
from tornado.template import Loader, Template

_STREAMS: Final = {"text/event-stream", "application/x-ndjson"}
_VARIABLE: Final = "CLINVK_API_KEY"
"""Where the commands take the key from: it stands neither on the page nor in the shell's history."""
_WIDTH: Final = 78  # characters of a body that still stands on one line


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation as the page shows it."""

    name: str
    method: str
    path: str
    summary: str
    description: str
    parameters: tuple[Mapping[str, Any], ...]
    answers: tuple["Answer", ...]
    problems: tuple["Answer", ...]
    commands: tuple[str, ...]
    """With curl: one for each example of its body."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back."""

    status: str
    description: str
    media: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """The operations of one tag."""

    name: str
    description: str
    operations: tuple[Operation, ...]


def render(document: Mapping[str, Any], base_url: str, *, keys: bool = False) -> str:
    """The page as HTML, with commands for the server at `base_url`, which asks for `keys` or does not."""
    shown = sections(document, base_url, keys=keys)
    html: bytes = _template().generate(
        info=document["info"], sections=shown, marked=marked, paragraphs=paragraphs, keys=keys, variable=_VARIABLE
    )
    return html.decode()


def sections(document: Mapping[str, Any], base_url: str, *, keys: bool = False) -> tuple[Section, ...]:
    """By tag, in the document's order; a tag without operations has none."""
    by_tag: dict[str, list[Operation]] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method == "parameters":  # of all its methods: nothing that one must know to use them
                continue
            shown = _operation(method, path, operation, base_url, keys=keys)
            by_tag.setdefault(operation["tags"][0], []).append(shown)
    return tuple(
        Section(tag["name"], tag["description"], tuple(by_tag[tag["name"]]))
        for tag in document["tags"]
        if tag["name"] in by_tag
    )


def marked(text: str) -> str:
    """`text` as HTML: what stands in backticks is code, and nothing else is markup."""
    return re.sub("`([^`]+)`", r"<code>\1</code>", xhtml_escape(text))


def paragraphs(text: str) -> str:
    """The same, parted by its empty lines."""
    return "\n".join(f"<p>{marked(part)}</p>" for part in re.split("\n{2,}", text.strip()))


@cache
def _template() -> Template:
    return Loader(str(Path(__file__).parent / "static")).load("page.html")  # it escapes whatever is put into it


def _operation(method: str, path: str, operation: Mapping[str, Any], base_url: str, *, keys: bool) -> Operation:
    answers = tuple(_answers(operation["responses"]))
    parameters = tuple(operation.get("parameters", ()))
    url = shlex.quote(base_url + _filled(path, parameters))
    target = url if method == "get" else f"-X {method.upper()} {url}"
    if keys and operation.get("security"):
        target += f' \\\n  -H "Authorization: Bearer ${_VARIABLE}"'
    return Operation(
        operation["operationId"],
        method.upper(),
        path,
        operation["summary"],
        operation.get("description", ""),
        parameters,
        tuple(answer for answer in answers if answer.status < "4"),
        tuple(answer for answer in answers if answer.status >= "4"),
        tuple(_commands(target, operation.get("requestBody"), streams=_are_streams(answers))),
    )


def _answers(responses: Mapping[str, Any]) -> Iterator[Answer]:
    for status, answer in sorted(responses.items()):
        yield Answer(status, answer["description"], tuple(answer.get("content", ())))


def _filled(path: str, parameters: tuple[Mapping[str, Any], ...]) -> str:
    """`path` with an example in the place of each parameter that has one."""
    for each in parameters:
        for example in list(each.get("examples", {}).values())[:1]:
            if each["in"] == "path":
                path = path.replace("{" + each["name"] + "}", quote(str(example["value"]), safe=""))
    return path


def _are_streams(answers: tuple[Answer, ...]) -> bool:
    media = {each for answer in answers if answer.status < "3" for each in answer.media}
    return bool(media) and media <= _STREAMS


def _commands(target: str, body: Mapping[str, Any] | None, *, streams: bool) -> Iterator[str]:
    """For each example of the body, or one where no body is taken. `streams` says that every answer is one."""
    if body is None:
        yield f"curl {'-N ' if streams else ''}{target}"
        return
    for example in body["content"]["application/json"]["examples"].values():
        value = example["value"]
        flag = "-N " if streams or value.get("output_format") == "stream-json" or value.get("stream") else ""
        yield f"curl {flag}{target} \\\n  -H 'Content-Type: application/json' \\\n  -d {shlex.quote(_text(value))}"


def _text(value: object) -> str:
    line = json.dumps(value, ensure_ascii=False)
    return line if len(line) <= _WIDTH else json.dumps(value, ensure_ascii=False, indent=2)
