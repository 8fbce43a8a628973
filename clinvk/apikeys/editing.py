"""Keys put into the text of a key file and taken out of it, and nothing else in it changed."""

import re
from pathlib import Path
from typing import Any, Final

import yaml
from ruamel.yaml.error import YAMLError

from clinvk.apikeys import keyfile
from clinvk.settings.editing import rewritten
from clinvk.settings.faults import BadSettings
from clinvk.settings.keys import Keys

NEW: Final = "# Who may ask the server, and for what. `clinvk keys` writes here, and so may you.\nkeys:\n"
_LINES: Final = re.compile("(?<=\n)|(?<=\r)(?!\n)|(?<=[\x85\u2028\u2029])")


def added(keys: Keys, file: Path, text: str, label: str, entry: dict[str, Any]) -> str:
    """`text`, the content of `file`, with one more key. Raises BadSettings."""
    before = keyfile.checked(keys, file, text)["keys"]
    try:
        fresh = rewritten(text, ("keys", label), entry)
    except (YAMLError, ValueError) as error:
        raise _by_hand(file, label) from error
    return _kept(keys, file, fresh, label, {**before, label: entry})


def removed(keys: Keys, file: Path, text: str, label: str) -> str:
    """`text`, the content of `file`, which has that key, without it. Raises BadSettings."""
    before = keyfile.checked(keys, file, text)["keys"]
    lines = _LINES.split(text)
    span = _span(text, label, lines)
    if span is None:
        raise _by_hand(file, label)
    fresh = "".join([*lines[: span.start], *lines[span.stop :]])
    return _kept(keys, file, fresh, label, {name: entry for name, entry in before.items() if name != label})


def _kept(keys: Keys, file: Path, fresh: str, label: str, wanted: dict[str, Any]) -> str:
    """`fresh`, if it says what is wanted. Raises BadSettings."""
    try:
        after = keyfile.checked(keys, file, fresh)["keys"]
    except BadSettings as error:
        raise _by_hand(file, label) from error
    if after != wanted:
        raise _by_hand(file, label)
    return fresh


def _span(text: str, label: str, lines: list[str]) -> range | None:
    """The lines of a key that has some to itself; comments that follow it are not of it."""
    node = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)  # its keys were read before
    section = next((value for key, value in node.value if key.value == "keys"), None)
    if not isinstance(section, yaml.MappingNode) or section.flow_style:
        return None
    starts = {key.value: key.start_mark.line for key, _ in section.value}
    later = [line for line in starts.values() if line > starts[label]]
    end = min(later, default=section.end_mark.line + (section.end_mark.column > 0))
    while end > starts[label] + 1 and lines[end - 1 : end] and _is_apart(lines[end - 1]):
        end -= 1
    return range(starts[label], end)


def _is_apart(line: str) -> bool:
    return not line.strip() or line.lstrip().startswith("#")


def _by_hand(file: Path, label: str) -> BadSettings:
    return BadSettings(f"{file}: {label} cannot be changed without a change elsewhere; expected an edit by hand")
