"""The configuration as it holds, and where each value of it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clinvk.settings.keys import Keys, Steps


@dataclass(frozen=True, slots=True)
class Effective:
    """Every value, and of those that are no defaults the origin: `FILE:LINE`, `environment NAME` or a flag."""

    keys: Keys
    file: Path
    exists: bool
    values: Mapping[str, Any]
    origins: Mapping[Steps, str]

    def value(self, steps: Steps) -> Any:
        """None where nothing is set, nor has a default."""
        found: Any = self.values
        for step in steps:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found

    def origin(self, steps: Steps) -> str:
        """Of a section that of its first value that is no default."""
        if steps in self.origins:
            return self.origins[steps]
        return next((told for at, told in self.origins.items() if at[: len(steps)] == steps), "default")
