"""The backends there are, by name."""

from collections.abc import Collection, Iterable

from clinvk.backends.base import Backend
from clinvk.backends.claude.backend import ClaudeBackend
from clinvk.backends.codex.backend import CodexBackend
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.gemini.backend import GeminiBackend
from clinvk.domain.errors import BackendNotFound


def turned_off(name: str) -> str:
    """What there is to say of a disabled backend: it goes on after `NAME is`."""
    return f"disabled (backends.{name}.enabled)"


class Registry:
    """Backends by name, in the order given. Those `disabled` are told of, and not to be had."""

    def __init__(self, backends: Iterable[Backend], disabled: Collection[str] = ()) -> None:
        self._known = tuple(backends)
        self._backends: dict[str, Backend] = {}
        self.disabled: tuple[Backend, ...] = ()
        self.disable(disabled)

    def disable(self, names: Collection[str]) -> None:
        """From now on these are disabled, and no others."""
        self._backends = {backend.name: backend for backend in self._known if backend.name not in names}
        self.disabled = tuple(backend for backend in self._known if backend.name in names)

    def get(self, name: str) -> Backend:
        """The backend called `name`. Raises BackendNotFound."""
        if name in self._backends:
            return self._backends[name]
        off = any(backend.name == name for backend in self.disabled)
        raise BackendNotFound(name, f"it is {turned_off(name)}" if off else None)

    def known(self, name: str) -> Backend:
        """The same, be it disabled or not: for what goes on all the same. Raises BackendNotFound."""
        found = next((backend for backend in self._known if backend.name == name), None)
        if found is None:
            raise BackendNotFound(name)
        return found

    def names(self) -> tuple[str, ...]:
        return tuple(self._backends)


def default_registry(disabled: Collection[str] = ()) -> Registry:
    """Every backend that clinvk knows."""
    return Registry((ClaudeBackend(), CodexBackend(), GeminiBackend(), DemoBackend()), disabled)
