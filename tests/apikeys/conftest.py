"""Key files, and programs that are called gopass."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from clinvk.apikeys import keyfile
from clinvk.schemas import Schemas
from clinvk.settings import BadSettings
from clinvk.settings.keys import Keys

SCHEMAS = Schemas()
KEYS = Keys(SCHEMAS, keyfile.SCHEMA)

# The interface of the well-known gopass as it documents it, standing before one text file for each secret: `-o`
# shows the first line, an unknown flag is a usage error (2), a secret that is not there 10, one that cannot be
# decrypted 11. Options that make it fail otherwise are in the name of the secret.
STAND_IN = """#!{python} -IS
import os, pathlib, sys, time
command, *rest = sys.argv[1:]
assert command == "show", command
folder = pathlib.Path(__file__).parent / "secrets"
flags = [each for each in rest if each.startswith("-")]
if flags not in ([], ["-o"]):
    sys.stderr.write("flag provided but not defined: " + flags[0] + chr(10))
    sys.exit(2)
(folder / "asked").open("a").write(" ".join(rest) + chr(10))
(folder / "environment").write_text(chr(10).join(f"{{name}}={{value}}" for name, value in os.environ.items()))
name = next(each for each in rest if not each.startswith("-"))
if name == "hangs":
    time.sleep(600)
if name == "says-all":
    print("the-secret-of-stdout")
    sys.stderr.write("the-secret-of-stderr" + chr(10))
    sys.exit(1)
if name == "locked":
    sys.stderr.write("Error: failed to decrypt the-secret-of-stderr" + chr(10))
    sys.exit(11)
file = folder / name
if not file.exists():
    sys.stderr.write(f'Error: failed to retrieve secret "{{name}}": entry is not in the password store' + chr(10))
    sys.exit(10)
text = file.read_text()
print(text.split(chr(10))[0] if flags else text)
"""


class GopassStandIn:
    """A folder for PATH with a gopass in it, and its secrets."""

    def __init__(self, folder: Path) -> None:
        self.bin = folder / "bin"
        self.secrets = self.bin / "secrets"
        self.secrets.mkdir(parents=True)
        program = self.bin / "gopass"
        program.write_text(STAND_IN.format(python=sys.executable))
        program.chmod(0o755)

    @property
    def path(self) -> str:
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"

    def keep(self, name: str, text: str) -> None:
        (self.secrets / name).write_text(text)

    @property
    def asked(self) -> list[str]:
        """With what it was asked for a secret, each time."""
        return (self.secrets / "asked").read_text().splitlines()

    @property
    def environment(self) -> dict[str, str]:
        """What it saw of the environment, the last time."""
        lines = (self.secrets / "environment").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines)


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GopassStandIn:
    """What is called gopass from now on."""
    made = GopassStandIn(tmp_path)
    monkeypatch.setenv("PATH", made.path)
    return made


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.yaml"


@pytest.fixture
def refused(file: Path) -> Callable[[str], str]:
    """What is said of a key file that cannot be used, without its name."""

    def refuse(text: str) -> str:
        file.write_text(text)
        file.chmod(0o600)
        with pytest.raises(BadSettings) as error:
            keyfile.read(KEYS, file)
        return str(error.value).replace(f"{file}:", "")

    return refuse
