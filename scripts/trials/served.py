"""clinvk with a misbehaving CLI in the demo child's place, for prompts that ask for it: `served.py serve …`.

The model of a prompt is the command, parted by blanks: `runaway tools exit` is `tests/fakecli/runaway.py`, told
`tools exit`; what begins with `/` is a program of its own. Without a model the demo child answers.
"""

import sys
from pathlib import Path

from clinvk.__main__ import main
from clinvk.backends.base import Command, PoolKey, Site
from clinvk.backends.demo.backend import DemoBackend
from clinvk.domain.spec import RunSpec

FAKES = Path(__file__).resolve().parents[2] / "tests" / "fakecli"
_usual = DemoBackend.command


def _command(backend: DemoBackend, spec: RunSpec, site: Site) -> Command:
    if not spec.model or spec.model == backend.name:
        return _usual(backend, spec, site)
    name, *arguments = spec.model.split()
    program = (name,) if name.startswith("/") else (sys.executable, "-I", "-S", str(FAKES / f"{name}.py"))
    return Command((*program, *arguments), spec.workdir)


def _key(backend: DemoBackend, spec: RunSpec) -> PoolKey:
    return (backend.name, spec.workdir, spec.model or "")


setattr(DemoBackend, "command", _command)  # noqa: B010  a type checker sees only that it is a method
setattr(DemoBackend, "key", _key)  # noqa: B010  the same
sys.exit(main())
