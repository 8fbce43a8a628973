"""What is set for backends, held against the backends there are."""

from collections.abc import Iterator
from typing import Any, Final

from clinvk.backends.registry import default_registry
from clinvk.domain.errors import Fault
from clinvk.domain.spec import RunSpec
from clinvk.settings.faults import Wrong, nearest, shown
from clinvk.settings.keys import Steps

_REGISTRY: Final = default_registry()

NAMES: Final = _REGISTRY.names()


def unknown(name: str) -> tuple[str, str]:
    """What to say of the value `name` where no backend is called so."""
    return f"{shown(name)} is not a backend", nearest(name, NAMES)


def of_names(whole: Any) -> Iterator[Wrong]:
    """Backends that there are not."""
    given = whole if isinstance(whole, dict) else {}
    named = given.get("backends")
    for name in named if isinstance(named, dict) else ():
        if name not in NAMES:
            yield Wrong(("backends", name), "is not a backend", nearest(name, NAMES), of_key=True)
    default = given.get("default_backend")
    if isinstance(default, str) and default and default not in NAMES:
        yield Wrong(("default_backend",), *unknown(default))


def of_abilities(whole: Any) -> Iterator[Wrong]:
    """What a backend cannot do although it is set up to. For a configuration that is right by its schema."""
    for name, given in whole.get("backends", {}).items():
        if given.get("enabled") is not False:
            tools, flags = tuple(given.get("allowed_tools", ())), tuple(given.get("extra_flags", ()))
            for fault in _REGISTRY.get(name).faults(RunSpec(name, "", "/", allowed_tools=tools, extra=flags)):
                yield Wrong(("backends", name, *_key(fault)), f"is refused: {fault.message}", fault.expected)


def _key(fault: Fault) -> Steps:
    """A run's extra flags begin with those of the settings, which call them by another name."""
    first, *rest = fault.path.split("/")[1:]
    return ("extra_flags" if first == "extra" else first, *rest)
