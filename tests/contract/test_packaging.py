"""What a stranger gets: the wheel, the lock files, and scripts that start on a bare machine."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LOCKS = [ROOT / "requirements" / name for name in ("runtime.txt", "dev.txt")]
SCRIPTS = ["scripts/serve", "scripts/test", "scripts/environment", ".ci/run"]
TOOLS = ["sh", "cat", "cksum", "dirname", "grep", "readlink", "rm", "mkdir", "mv"]  # all that set-up may count on


def canonical(requirement: str) -> str:
    """`jsonschema_rs>=0.30` is `jsonschema-rs` to an index."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of the files in the wheel of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    built = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return set(archive.namelist())


def test_wheel_holds_every_module(wheel: set[str]) -> None:
    modules = {
        path.relative_to(ROOT).as_posix() for top in ("clinvk", "tui") for path in (ROOT / top).rglob("*.py")
    }
    assert modules <= wheel
    assert {"clinvk/py.typed", "tui/py.typed"} <= wheel


def test_wheel_holds_every_schema(wheel: set[str]) -> None:
    schemas = ROOT / "schemas"
    files = {f"clinvk/_schemas/{path.relative_to(schemas)}" for path in schemas.rglob("*") if path.is_file()}
    assert files
    assert files <= wheel


def test_wheel_holds_the_licence_and_the_command(wheel: set[str]) -> None:
    metadata = {name.partition(".dist-info/")[2] for name in wheel}
    assert {"licenses/LICENSE", "entry_points.txt", "METADATA"} <= metadata


def test_wheel_holds_nothing_else(wheel: set[str]) -> None:
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == {"clinvk", "tui"}
    assert not [name for name in wheel if "__pycache__" in name or "test_" in name]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_names_no_address(lock: Path) -> None:
    assert not re.findall(r".*(?:https?://|^--|@ file:).*", lock.read_text(), re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_lock_holds_every_dependency_with_hashes(lock: Path) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    asked = project["project"]["dependencies"] + project["build-system"]["requires"]
    entries = re.findall(r"^(\S+)==\S+(.*(?:\n .*)*)", lock.read_text(), re.MULTILINE)
    assert {canonical(name) for name in asked} <= {canonical(name) for name, _ in entries}
    assert not [name for name, rest in entries if "--hash=sha256:" not in rest]


def test_what_tests_clinvk_is_what_runs_it() -> None:
    """`serve` after `test` finds nothing to do because of this."""
    runtime, dev = (set(re.findall(r"^\S+==\S+", lock.read_text(), re.MULTILINE)) for lock in LOCKS)
    assert runtime < dev


@pytest.mark.parametrize("script", SCRIPTS)
def test_script_can_be_run(script: str) -> None:
    path = ROOT / script
    assert os.access(path, os.X_OK)
    shell = "bash" if "bash" in path.read_text().splitlines()[0] else "sh"
    assert subprocess.run([shell, "-n", path], check=False, capture_output=True).stderr == b""


class Machine:
    """A copy of what sets up a checkout, and a PATH on which there is only what a test puts there."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "a check out"
        self.programs = folder / "bin"
        self.programs.mkdir()
        for part in ("scripts", "requirements"):
            shutil.copytree(ROOT / part, self.checkout / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", self.checkout)
        for tool in TOOLS:
            (self.programs / tool).symlink_to(shutil.which(tool) or pytest.skip(f"no {tool} here"))

    def program(self, name: str, script: str) -> None:
        path = self.programs / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def serve(self, **environment: str) -> str:
        """What `scripts/serve`, called from elsewhere, says before it gives up."""
        environment = {"PATH": str(self.programs), **environment}
        script = self.checkout / "scripts" / "serve"
        done = subprocess.run(
            [script], env=environment, cwd="/", check=False, capture_output=True, text=True, timeout=20
        )
        assert done.returncode == 1
        assert done.stdout == ""
        assert not (self.checkout / ".venv").exists()
        return done.stderr


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


WITHOUT_ENSUREPIP = """
import sys
sys.modules["ensurepip"] = None
exec(sys.argv[-1])
"""
BARE = f"exec '{sys.executable}' -c '{WITHOUT_ENSUREPIP}' \"$@\""
VERSION = f"3.{sys.version_info.minor}"


def test_no_python(machine: Machine) -> None:
    said = machine.serve()
    assert said.startswith("clinvk needs Python 3.11 or newer and found none")
    assert said.count("\n") == 1


def test_shims_and_old_pythons_are_passed_over(machine: Machine) -> None:
    machine.program("python3.12", "echo 'pyenv: python3.12: command not found' >&2; exit 127")
    machine.program("python3", "echo 'Unknown option: -I' >&2; exit 2")
    said = machine.serve()
    assert said.startswith("clinvk needs Python 3.11 or newer and found none")
    assert said.count("\n") == 1


def test_python_without_ensurepip_on_debian(machine: Machine) -> None:
    machine.program("python3", BARE)
    machine.program("apt-get", "exit 100")
    assert machine.serve() == f"clinvk needs Python's venv: apt install python{VERSION}-venv\n"


def test_python_without_ensurepip_elsewhere(machine: Machine) -> None:
    machine.program("python3", BARE)
    said = machine.serve()
    assert said == f"clinvk needs Python's venv: install the modules venv and ensurepip of Python {VERSION}\n"


def test_the_python_that_was_named_and_no_other(machine: Machine) -> None:
    machine.program("python3", BARE)
    said = machine.serve(PYTHON="python2")
    assert said == "clinvk needs Python 3.11 or newer, and PYTHON=python2 is not one\n"
