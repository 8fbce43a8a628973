"""What a message holds, text or parts of it → text. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from clinvk.api import problems
from clinvk.api.problems import Problem

_BETWEEN_PARTS: Final = "\n\n"
_TEXTS: Final[Mapping[str, str]] = {
    "text": "text", "input_text": "text", "output_text": "text", "refusal": "refusal"
}  # fmt: skip
"""By the type of a part: which of its fields is text."""
_OTHERS: Final[Mapping[str, str]] = {
    "image_url": "an image",
    "input_image": "an image",
    "file": "a file",
    "input_file": "a file",
    "input_audio": "sound",
}


def text_of(content: str | Sequence[Mapping[str, Any]] | None, path: str, backend: str) -> str:
    """The text of `content`, which stands at `path`; between parts a blank line is put.

    Raises Problem for a part that is no text.
    """
    if content is None or isinstance(content, str):
        return content or ""
    return _BETWEEN_PARTS.join(_text(part, f"{path}/{number}", backend) for number, part in enumerate(content))


def _text(part: Mapping[str, Any], path: str, backend: str) -> str:
    kind: str = part["type"]
    if kind not in _TEXTS:
        raise not_given(path, _OTHERS.get(kind, f"of the type '{kind}'"), backend)
    text: str = part[_TEXTS[kind]]
    return text


def not_given(path: str, what: str, backend: str) -> Problem:
    """What stands there is no text."""
    return problems.unsupported(path, f"is {what}, which the backend '{backend}' is not given here", "text")
