"""Query and header parameters: text → the value that their schema describes."""

from collections.abc import Callable, Mapping
from typing import Any

from clinvk.api.routes import Parameter
from clinvk.domain.errors import Fault, InvalidInput
from clinvk.schemas import Checker

_CONVERT: Mapping[str, Callable[[str], Any]] = {"integer": int, "number": float, "string": str}


def read(
    parameters: tuple[Parameter, ...], argument: Callable[..., str | None], headers: Mapping[str, str]
) -> dict[str, Any]:
    """The parameters that were sent, by name. Raises InvalidInput with every fault."""
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    for parameter in parameters:
        text = headers.get(parameter.name) if parameter.place == "header" else None
        if parameter.place == "query":
            text = argument(parameter.name, None)
        if text is None:
            continue
        value = _converted(text, parameter)
        wrong = Checker(parameter.schema).faults(value)
        faults += [Fault(_path(parameter), fault.message, fault.expected) for fault in wrong]
        found[parameter.name] = value
    if faults:
        raise InvalidInput(faults)
    return found


def _converted(text: str, parameter: Parameter) -> Any:
    try:
        return _CONVERT[parameter.schema["type"]](text)
    except ValueError:
        return text  # the schema will say what it should have been


def _path(parameter: Parameter) -> str:
    return f"?{parameter.name}" if parameter.place == "query" else parameter.name
