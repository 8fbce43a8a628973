"""Where the documents' promises lie."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
EXAMPLES = HERE / "examples"
FACTS = HERE / "facts"
CONFIG = HERE / "config"
SERVICE = HERE / "service"


def fact(name: str) -> Any:
    """What a file of facts says: data of a `.json`, else its text."""
    text = (FACTS / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else text


def example(name: str, port: int) -> str:
    """An example as the documents have it, but for the port."""
    return (EXAMPLES / name).read_text("utf-8").replace("localhost:8080", f"localhost:{port}")


def endpoints() -> list[tuple[str, str]]:
    """Method and path of every endpoint in the tables."""
    return [(method, path) for group in fact("endpoints.json").values() for method, path in group]
