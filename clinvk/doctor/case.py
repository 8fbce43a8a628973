"""What is examined: a configuration, and the environment that a server would be started in."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clinvk import settings, wiring
from clinvk.backends.base import Backend
from clinvk.clock import Clock, SystemClock
from clinvk.schemas import Schemas
from clinvk.settings import BadSettings, Places, Settings
from clinvk.supervisor import environment

_NOWHERE = Path("/dev/null/clinvk")


@dataclass(frozen=True, slots=True)
class Case:
    """`settings` are the defaults where the configuration cannot be used: `faults` say why, one a line."""

    environment: Mapping[str, str]
    places: Places
    settings: Settings
    faults: tuple[str, ...] = ()
    clock: Clock = dataclasses.field(default_factory=SystemClock)

    @classmethod
    def of(cls, option: Path | None, variables: Mapping[str, str]) -> "Case":
        """That of `--config`, and of those variables. Raises BadSettings where there is no home at all."""
        places, schemas = settings.places(option, variables), Schemas()
        try:
            held = settings.load(schemas, places.home, places.named, {}, variables)
        except BadSettings as error:
            usual = settings.load(schemas, _NOWHERE, None, {}, {})
            held = dataclasses.replace(usual, home=places.home, file=places.file)
            return cls(dict(variables), places, held, tuple(str(error).splitlines()))
        return cls(dict(variables), places, held)

    @property
    def looping(self) -> list[str]:
        """The variables that lead back to this server, with their keys: it does without them."""
        return environment.leading_back(self.environment, {self.settings.server.port})

    @property
    def served(self) -> dict[str, str]:
        """The environment as a server would have it."""
        gone = set(self.looping)
        return {name: value for name, value in self.environment.items() if name not in gone}

    def seen_by(self, backend: Backend, marker: str) -> dict[str, str]:
        """What that backend's CLI would see as the child of that name."""
        added = wiring.variables(self.settings.backends[backend.name])
        return environment.clean(self.served, backend.traits.environment, added, marker)
