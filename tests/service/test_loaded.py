"""What is loaded before anybody asked for it: it takes time at each start, and memory for good."""

import subprocess
import sys

import pytest

LOADED = "import sys; before = set(sys.modules); import {}; print(*(set(sys.modules) - before))"

OF_THE_GUARDIAN = {
    "clinvk", "clinvk.guardian", "clinvk.hangups",
    "contextlib", "ctypes", "ctypes._endian", "signal", "struct", "termios",
    # What these load.
    "collections", "collections.abc", "enum", "functools", "itertools", "keyword", "operator", "reprlib", "types",
}  # fmt: skip
"""All that the process above the server may hold, for as long as that lives."""

FOR_LATER = (
    "textual", "rich", "tui",  # the console
    "prometheus_client", "tornado.websocket", "jsonschema", "ruamel",
    "clinvk.api.openapi.whole", "clinvk.api.explorer.page", "clinvk.api.schema_types", "clinvk.doctor",
)  # fmt: skip


def loaded_by(*modules):
    program = LOADED.format(", ".join(modules))
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)
    return set(told.stdout.split())


def test_the_guardian_loads_little_of_the_standard_library():
    loaded = loaded_by("clinvk.hangups", "clinvk.guardian")
    assert {name for name in loaded if not name.startswith("_")} <= OF_THE_GUARDIAN


@pytest.fixture(scope="module")
def of_a_server():
    return loaded_by("clinvk.cli", "clinvk.commands.serve")


@pytest.mark.parametrize("name", FOR_LATER)
def test_a_server_without_a_console_does_not_load(of_a_server, name):
    assert not {one for one in of_a_server if one == name or one.startswith(f"{name}.")}
