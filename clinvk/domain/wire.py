"""Plain data for JSON: fields by name, nested ones too, and what is None left out."""

from dataclasses import fields, is_dataclass
from typing import Any, Final

_PLAIN: Final = (str, int, float)
_NAMES: Final[dict[type, tuple[str, ...]]] = {}
"""Of the fields of each class that was asked for."""


def to_wire(record: Any) -> dict[str, Any]:
    """`record`, a dataclass instance, as a dict."""
    wired = {}
    for name in _names(type(record)):
        value = getattr(record, name)
        if isinstance(value, _PLAIN):  # nearly all of them: a million deltas go this way
            wired[name] = value
        elif value is not None:
            wired[name] = _plain(value)
    return wired


def _plain(value: Any) -> Any:
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return to_wire(value) if is_dataclass(value) else value


def _names(kind: Any) -> tuple[str, ...]:
    if kind not in _NAMES:
        _NAMES[kind] = tuple(field.name for field in fields(kind))
    return _NAMES[kind]
