"""What is typed into a filter bar, read. Pure.

`engine -state:failed backend:demo,claude "two words"`: all of it must hold. A word occurs anywhere in the row, a
field's value in that field; a value in quotes is all of the field. A comma is an or, a minus a not.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_TERM: Final = re.compile(r'(?P<no>-?)(?:(?P<field>[A-Za-z_]+):)?(?P<value>(?:"[^"]*"?|[^\s"])*)')
_VALUE: Final = re.compile(r'"([^"]*)"?|([^,"]+)')


class WrongFilter(Exception):
    """A filter that cannot be read: in words, and what would be right."""


@dataclass(frozen=True, slots=True)
class Field(Generic[T]):
    """What `name:` looks at: the words a row has there. With `words` these are all there are, and the beginning of
    one will do.
    """

    of: Callable[[T], Iterable[str]]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Vocabulary(Generic[T]):
    """What can be said of the rows of a list: `text` is what words are searched in."""

    text: Callable[[T], str]
    fields: Mapping[str, Field[T]]


@dataclass(frozen=True, slots=True)
class _Word:
    word: str
    wanted: bool


@dataclass(frozen=True, slots=True)
class _Claim(Generic[T]):
    field: Field[T]
    values: tuple[tuple[str, bool], ...]
    """Each in lower case, and whether it is all of the field's."""
    wanted: bool

    def holds(self, row: T) -> bool:
        return self.wanted is any(self._is(said.lower()) for said in self.field.of(row))

    def _is(self, said: str) -> bool:
        if self.field.words:
            return any(said.startswith(value) for value, _ in self.values)
        return any(said == value if whole else value in said for value, whole in self.values)


@dataclass(frozen=True, slots=True)
class Filter(Generic[T]):
    """All of this must hold of a row."""

    words: tuple[_Word, ...]
    claims: tuple[_Claim[T], ...]

    def matches(self, row: T, text: str) -> bool:
        """Whether `row` is wanted; `text` is the vocabulary's of it, in lower case."""
        return all((one.word in text) is one.wanted for one in self.words) and all(
            claim.holds(row) for claim in self.claims
        )


def read(typed: str, vocabulary: Vocabulary[T]) -> Filter[T] | None:
    """The filter that was typed; None for nothing but spaces. Raises WrongFilter."""
    words: list[_Word] = []
    claims: list[_Claim[T]] = []
    for found in _TERM.finditer(typed):
        field, value, wanted = found["field"], found["value"], not found["no"]
        if field is not None:
            claims.append(_claim(field.lower(), value, vocabulary, wanted=wanted))
        elif word := value.replace('"', "").lower():
            words.append(_Word(word, wanted))
    return Filter(tuple(words), tuple(claims)) if words or claims else None


def _claim(name: str, value: str, vocabulary: Vocabulary[T], *, wanted: bool) -> _Claim[T]:
    field = vocabulary.fields.get(name)
    if field is None:
        raise WrongFilter(f"{name}: is no field: {' '.join(vocabulary.fields)}; or quote it")
    values = tuple((whole or part, bool(whole)) for whole, part in _VALUE.findall(value.lower()) if whole or part)
    for said, _ in values if field.words else ():
        if not any(word.startswith(said) for word in field.words):
            raise WrongFilter(f"{name}: is one of {', '.join(field.words)}")
    if not values:
        raise WrongFilter(f"{name}: of what? {_example(name, field)}")
    return _Claim(field, values, wanted)


def _example(name: str, field: Field[T]) -> str:
    return f"It is one of {', '.join(field.words)}" if field.words else f"Say {name}:something"
