"""The CLI that answers at once, compiled anew for each run."""

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Program:
    """What to execute, and what it was made with: None without a compiler."""

    argv: tuple[str, ...]
    compiler: str | None


def instant(folder: Path) -> Program:
    """The program, below `folder`."""
    compiler = shutil.which("cc")
    if compiler is None:
        return Program((sys.executable, "-I", "-S", str(_HERE / "instant.py")), None)
    made = folder / "instant"
    subprocess.run([compiler, "-O2", "-o", str(made), str(_HERE / "instant.c")], check=True)
    told = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True)
    return Program((str(made),), told.stdout.splitlines()[0])
