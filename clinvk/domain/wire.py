"""Plain data for JSON: fields by name, nested ones too, and what is None left out."""

from dataclasses import fields, is_dataclass
from typing import Any


def to_wire(record: Any) -> dict[str, Any]:
    """`record`, a dataclass instance, as a dict."""
    named = vars(record) if hasattr(record, "__dict__") else _slots(record)
    return {name: _plain(value) for name, value in named.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, str | int | float):  # nearly all of them: a million deltas go this way
        return value
    if is_dataclass(value):
        return to_wire(value)
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _slots(record: Any) -> dict[str, Any]:
    return {field.name: getattr(record, field.name) for field in fields(record)}
