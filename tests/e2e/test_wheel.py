"""What is published: built, installed where there is nothing else, and served from an empty folder."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import Served

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.timeout(300)  # it installs everything from its index


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    # Only what says where packages come from: nothing of the checkout must reach the new environment.
    wanted = ("PATH", "HOME", "LANG", "SSL_CERT_FILE", "PIP_")
    environment = {name: value for name, value in os.environ.items() if name.startswith(wanted)}
    done = subprocess.run(command, cwd=cwd, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment that has the wheel, and what it needs."""
    folder = tmp_path_factory.mktemp("installed")
    run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    (wheel,) = folder.glob("*.whl")
    run(sys.executable, "-m", "venv", folder / "venv")
    found = folder / "venv" / "bin" / "python"
    run(found, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", "requirements/runtime.txt")
    run(found, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    run(found, "-m", "pip", "check")
    return found


def test_it_serves_sessions_from_an_empty_folder(python: Path, tmp_path: Path) -> None:
    served = Served(tmp_path, argv=(str(python), "-I", "-m", "clinvk", "serve", "--port", "0"))
    try:
        first = served.prompt("remember the swan")
        second = served.prompt("/recall", session_id=first["session_id"])
        assert "remember the swan" in second["output"]
        assert served.prompt("x", nonsense=1)["errors"][0]["path"] == "/nonsense"
        committed = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
        assert served.json("GET", "/openapi.json") == committed
    finally:
        served.end()


def test_its_explorer_is_whole(python: Path, tmp_path: Path) -> None:
    served = Served(tmp_path, argv=(str(python), "-I", "-m", "clinvk", "serve", "--port", "0"))
    try:
        page = served.call("GET", "/docs").read().decode()
        assert "curl" in page
        script = served.call("GET", "/docs/explorer.js").read().decode()
        names = set(re.findall(r'"(/docs/[^"]+)"', page + script))
        assert "/docs/swagger-ui-bundle.js" in names
        assert {name: served.call("GET", name).status for name in names} == dict.fromkeys(names, 200)
    finally:
        served.end()


def test_its_command_checks_a_configuration(python: Path, tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("server:\n  port: 3000\n")
    clinvk = python.with_name("clinvk")
    assert run(clinvk, "config", "get", "server.port", "--config", file, cwd=tmp_path).strip() == "3000"


def test_its_modules_are_ours(python: Path, tmp_path: Path) -> None:
    told = run(python, "-I", "-c", "import clinvk, tui; print(clinvk.__file__, tui.__file__)", cwd=tmp_path)
    assert all(Path(place).is_relative_to(python.parents[1]) for place in told.split())
