"""Programs of a test's own on PATH, and probes that look for them."""

from dataclasses import replace

from clinvk.backends.base import Executable
from clinvk.backends.demo.backend import DemoBackend
from clinvk.backends.registry import Registry
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.probe import Probe

DEADLINE = 20.0
CURE = "npm install -g some-cli"
TESTED = "clinvk is tested with 1.0 and later, below 2.0"


class SomeBackend(DemoBackend):
    """One whose CLI has to be installed."""

    traits = replace(DemoBackend.traits, environment=("SOME_*",))

    def __init__(self, name="some"):
        self.name = name
        self.executable = Executable(f"{name}-cli", (f"{name}-cli-*/native",), r"cli (\S+)", ("1.0", "2.0"), CURE)


class NativeBackend(SomeBackend):
    """One whose package is the program itself."""

    def __init__(self):
        super().__init__()
        self.executable = Executable("some-cli", (), r"cli (\S+)", ("1.0", "2.0"), CURE)


class Bench:
    """A PATH of our own, and probes that search it."""

    def __init__(self, folder):
        self.path = folder / "bin"
        self.asked = folder / "asked"
        self.descendants = Descendants()
        self.probes = []

    def program(self, says, path=None):
        """A program that writes down that it was asked, and then does what `says`."""
        path = path or self.path / "some-cli"
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(f"#!/bin/sh\necho \"$@\" >>'{self.asked}'\n{says}\n")
        new.chmod(0o755)
        new.replace(path)
        return path

    @property
    def questions(self):
        return self.asked.read_text().splitlines() if self.asked.exists() else []

    def probe(self, *backends, configured=None, variables=None, answer_secs=DEADLINE):
        registry = Registry(backends or [SomeBackend()])
        self.probes.append(Probe(registry, configured or {}, self.descendants, variables, answer_secs))
        return self.probes[-1]
