"""Where the configuration is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from clinvk.settings.faults import BadSettings


@dataclass(frozen=True, slots=True)
class Places:
    """The folder that everything is kept in, and the file that was named, which must then be there."""

    home: Path
    named: Path | None

    @property
    def file(self) -> Path:
        return self.named or self.home / "config.yaml"


def places(option: Path | None, environment: Mapping[str, str]) -> Places:
    """By `--config`, then CLINVK_CONFIG; CLINVK_HOME, then ~/.clinvk. Raises BadSettings."""
    named = option or environment.get("CLINVK_CONFIG")
    home = environment.get("CLINVK_HOME")
    try:
        return Places(Path(home) if home else Path.home() / ".clinvk", Path(named) if named else None)
    except RuntimeError as error:  # neither HOME nor the user has one
        raise BadSettings("environment: HOME has no value; expected a folder, there or in CLINVK_HOME") from error
