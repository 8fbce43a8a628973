"""Query and header parameters: text → the value that their schema describes."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from tornado.httputil import HTTPHeaders

from clinvk.api.routes import Parameter
from clinvk.domain.errors import Fault, InvalidInput


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError
    return number


# What each type looks like: Python itself would also take " 1", "1_0", "nan" and the digits of every script.
_TYPES: Final[Mapping[str, tuple[str, Callable[[str], Any]]]] = {
    "boolean": ("true|false", lambda text: text == "true"),
    "integer": ("-?[0-9]+", int),
    "number": (r"-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?", _finite),
    "string": ("(?s:.*)", str),
}


def read(
    parameters: tuple[Parameter, ...], argument: Callable[..., str | None], headers: HTTPHeaders
) -> dict[str, Any]:
    """The parameters that were sent, by name. Raises InvalidInput with every fault."""
    found: dict[str, Any] = {}
    faults: list[Fault] = []
    for parameter in parameters:
        text = headers.get(parameter.name) if parameter.place == "header" else None
        if text is not None and len(headers.get_list(parameter.name)) > 1:  # together they would be another value
            faults.append(Fault(parameter.name, "stands there more than once", "it once"))
            continue
        if parameter.place == "query":
            text = argument(parameter.name, None)
        if text is None:
            continue
        value = _converted(text, parameter)
        wrong = parameter.checker.faults(value)
        faults += [Fault(_path(parameter), fault.message, fault.expected) for fault in wrong]
        found[parameter.name] = value
    if faults:
        raise InvalidInput(faults)
    return found


def _converted(text: str, parameter: Parameter) -> Any:
    pattern, convert = _TYPES[parameter.schema["type"]]
    try:
        return convert(text) if re.fullmatch(pattern, text) else text
    except ValueError:  # more digits than Python converts, or a number beyond a double
        return text  # the schema will say what it should have been


def _path(parameter: Parameter) -> str:
    return f"?{parameter.name}" if parameter.place == "query" else parameter.name
