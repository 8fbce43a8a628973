"""The text of a configuration file → plain data, and where in the text each piece of it stands."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from clinvk.settings.faults import Place, Wrong
from clinvk.settings.keys import Steps

_TAG: Final = "tag:yaml.org,2002:"
_MOST: Final = 100_000  # pieces: aliases of aliases make a page of text into more than any memory holds
_TOP: Final = Place(1, 1)


class NotYaml(Exception):
    """The text cannot be read at all; what is wrong with it."""

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(wrong.message)
        self.wrong = wrong


@dataclass(slots=True)
class Document:
    """What the text says, key by key."""

    value: Any = None
    keys: dict[Steps, Place] = field(default_factory=dict)
    """Where each key stands; for the items of lists where these do."""
    values: dict[Steps, Place] = field(default_factory=dict)
    written: dict[Steps, str] = field(default_factory=dict)
    """Values as they are written, where they are of one piece."""
    wrong: list[Wrong] = field(default_factory=list)
    """What the text itself gets wrong, whatever its keys may hold."""


def read(text: str) -> Document:
    """Raises NotYaml."""
    reader = _Reader()
    try:
        node = yaml.compose(text, yaml.SafeLoader)
        reader.document.value = None if node is None else reader.plain(node, ())
    except yaml.YAMLError as error:
        raise NotYaml(_syntax(text, error)) from error
    except RecursionError as error:
        raise NotYaml(Wrong((), "is nested too deeply", "sections of keys", _TOP)) from error
    return reader.document


class _Reader:
    """One walk through the nodes of a document."""

    def __init__(self) -> None:
        self.document = Document()
        self._above: list[yaml.Node] = []
        self._pieces = 0

    def plain(self, node: yaml.Node, steps: Steps) -> Any:
        place = _place(node)
        self._pieces += 1
        if self._pieces > _MOST:
            raise NotYaml(Wrong((), "is too large with all its aliases", f"at most {_MOST} values", place))
        if node in self._above:
            raise NotYaml(Wrong((), "has an alias of what holds it", "aliases of what is already complete", place))
        self.document.values[steps] = place
        self._above.append(node)
        try:
            if isinstance(node, yaml.MappingNode):
                return self._mapping(node, steps)
            if isinstance(node, yaml.SequenceNode):
                return [self._item(item, (*steps, str(number))) for number, item in enumerate(node.value)]
            assert isinstance(node, yaml.ScalarNode)
            return self._scalar(node, steps)
        finally:
            self._above.pop()

    def _item(self, node: yaml.Node, steps: Steps) -> Any:
        self.document.keys[steps] = _place(node)
        return self.plain(node, steps)

    def _mapping(self, node: yaml.MappingNode, steps: Steps) -> dict[str, Any]:
        merges = [value for key, value in node.value if key.tag == f"{_TAG}merge"]
        found = self._merged(merges[0], steps) if merges else {}
        for extra in merges[1:]:
            self._say((*steps, "<<"), _place(extra), "stands here a second time", "it once, with a list")
        own: dict[str, int] = {}
        for key, value in [(key, value) for key, value in node.value if key.tag != f"{_TAG}merge"]:
            name, place = key.value, _place(key)
            if not isinstance(name, str):
                self._say(steps, place, "has a key that is not text", "a name before each ':'")
                continue
            below = (*steps, name)
            if name in own:
                twice = Wrong(below, "stands here a second time", f"it once: line {own[name]} has it", place, True)
                self.document.wrong.append(twice)
                continue
            own[name] = place.line
            self.document.keys[below] = place
            found[name] = self.plain(value, below)
        return found

    def _merged(self, node: yaml.Node, steps: Steps) -> dict[str, Any]:
        """What `<<` brings in; of a list the first that has a key wins."""
        nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
        found: dict[str, Any] = {}
        for one in reversed(nodes):
            if isinstance(one, yaml.MappingNode):
                found |= self.plain(one, steps)
            else:
                self._say((*steps, "<<"), _place(one), "brings in what has no keys", "an alias of a section")
        for name in found:
            self.document.keys.setdefault((*steps, name), _place(node))
        return found

    def _scalar(self, node: yaml.ScalarNode, steps: Steps) -> Any:
        text, kind = node.value, node.tag.removeprefix(_TAG)
        self.document.written[steps] = text
        try:
            return _SCALARS[kind](text)
        except KeyError:
            self._say(steps, _place(node), f"is tagged {node.tag.replace(_TAG, '!!')}", "a plain value")
        except (ValueError, IndexError):  # the latter for nothing at all that is tagged as a number
            self._say(steps, _place(node), f"is no {_NAMES[kind]} that can be used", f"a plain {_NAMES[kind]}")
        return None

    def _say(self, steps: Steps, place: Place, message: str, expected: str) -> None:
        self.document.wrong.append(Wrong(steps, message, expected, place))


def _boolean(text: str) -> bool:
    known: dict[str, bool] = yaml.SafeLoader.bool_values
    if text.lower() not in known:
        raise ValueError(text)
    return known[text.lower()]


def _whole(text: str) -> int:
    return int(yaml.SafeLoader("").construct_yaml_int(yaml.ScalarNode(f"{_TAG}int", text)))


def _number(text: str) -> float:
    number = float(yaml.SafeLoader("").construct_yaml_float(yaml.ScalarNode(f"{_TAG}float", text)))
    if not math.isfinite(number):
        raise ValueError(text)
    # JSON Schema calls 8080.0 an integer; what listens on it does not.
    return int(number) if number.is_integer() else number


_SCALARS: Final[Mapping[str, Callable[[str], Any]]] = {
    "str": str,
    "null": lambda _: None,
    "bool": _boolean,
    "int": _whole,
    "float": _number,
    # What only looks like more than text is text.
    "timestamp": str,
    "value": str,
    "merge": str,
}
_NAMES: Final = {"bool": "truth value", "int": "number", "float": "number"}


def _place(node: yaml.Node) -> Place:
    return Place(node.start_mark.line + 1, node.start_mark.column + 1)


def _syntax(text: str, error: yaml.YAMLError) -> Wrong:
    """What the YAML library says, without the lines that it quotes: these may hold secrets."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(mark.line + 1, mark.column + 1) if mark else _TOP
    if isinstance(error, yaml.reader.ReaderError):
        before = text[: error.position].splitlines() or [""]
        place = Place(len(before), len(before[-1]) + 1)
        return Wrong((), f"has the character U+{error.character:04X}", "text that can be printed", place)
    for number, line in enumerate(text.splitlines()[: place.line], 1):
        indentation = line[: len(line) - len(line.lstrip())]
        if "\t" in indentation and not line.lstrip().startswith("#"):
            where = Place(number, indentation.index("\t") + 1)
            return Wrong((), "is indented by a tab", "spaces: YAML takes nothing else", where)
    problem = str(getattr(error, "problem", None) or "it breaks off").removeprefix("but ")
    begin, context = getattr(error, "context_mark", None), str(getattr(error, "context", None))
    if begin and begin.line + 1 != place.line and context.startswith("while"):
        problem += f" {context} that begins on line {begin.line + 1}"
    return Wrong((), f"is not YAML: {problem}", "'key: value' lines, those of one section indented alike", place)
