"""Configuration files as tests write them."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from clinvk.schemas import Schemas
from clinvk.settings import BadSettings, Settings, load

SCHEMAS = Schemas()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some.yaml"


@pytest.fixture
def configured(tmp_path: Path, file: Path) -> Callable[..., Settings]:
    """Loads settings from a file that says this."""

    def make(
        text: str | bytes, flags: Mapping[str, Any] | None = None, environment: Mapping[str, str] | None = None
    ) -> Settings:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load(SCHEMAS, tmp_path / "home", file, flags or {}, environment)

    return make


@pytest.fixture
def refused(configured: Callable[..., Settings]) -> Callable[..., str]:
    """What is said of a configuration that cannot be used."""

    def refuse(*sources: Any) -> str:
        with pytest.raises(BadSettings) as error:
            configured(*sources)
        return str(error.value)

    return refuse
