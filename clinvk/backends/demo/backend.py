"""The demo backend: how its child is started, stopped and understood."""

import re
import sys
from pathlib import Path
from typing import Final

from clinvk.backends.base import (
    Capabilities,
    Command,
    Dialogue,
    Executable,
    Installation,
    Place,
    PoolKey,
    Residue,
    Rung,
    Site,
    Step,
    Traits,
    refused_flags,
)
from clinvk.backends.demo.dialogue import DemoDialogue
from clinvk.domain.errors import ErrorCode, Fault, RunError
from clinvk.domain.run import Exit
from clinvk.domain.spec import RunSpec

_PROGRAM: Final = Path(__file__).resolve().parents[2] / "democli"
_CRASHED: Final = 70
_STORE: Final = (Place("HOME", ".clinvk-demo"),)
_ID: Final = re.compile(r"demo-[0-9a-f]{16}")


class DemoBackend:
    """Runs `clinvk.democli`, a program of ours that asks no model."""

    name = "demo"
    traits = Traits(
        stop=(Rung(Step.INTERRUPT, 0.2), Rung(Step.CLOSE_STDIN, 0.1), Rung(Step.SIGTERM, 0.2)),
        retire=(Rung(Step.CLOSE_STDIN, 0.5), Rung(Step.SIGTERM, 0.2)),
        capabilities=Capabilities(resume=True, system_prompt=True),
        writes=False,  # it only pretends to
        conversations=True,
    )

    executable: Executable | None = None  # it comes with clinvk

    def faults(self, spec: RunSpec) -> list[Fault]:
        return refused_flags(spec.extra, self.traits.extra_flags)

    def command(self, spec: RunSpec, site: Site) -> Command:  # noqa: ARG002  it is found beside us
        # -I and -S: nothing of the user's Python can get in its way, and it starts twice as fast.
        return Command((sys.executable, "-I", "-S", str(_PROGRAM)), spec.workdir)

    def key(self, spec: RunSpec) -> PoolKey:
        return (self.name, spec.workdir)

    def dialogue(self, spec: RunSpec) -> Dialogue:  # noqa: ARG002  every child of ours speaks alike
        return DemoDialogue()

    def explain(self, exit_: Exit) -> RunError | None:
        if exit_.code != _CRASHED:
            return None
        last = exit_.last_words
        message = "The demo backend crashed in the middle of a turn; send the prompt again"
        return RunError(ErrorCode.BACKEND_EXITED, f"{message}: {last}" if last else message)

    def residue(self, session_id: str) -> tuple[Residue, ...]:  # noqa: ARG002  it does as it is asked
        return ()

    def stored(self, session_id: str) -> tuple[Residue, ...]:
        if not _ID.fullmatch(session_id):
            return ()
        return (
            Residue(f"{session_id}.json", session_id, _STORE),
            Residue(f"{session_id}.json.*", places=_STORE),  # where a child was killed while it wrote
        )

    def deletion(self, session_id: str, installation: Installation) -> Command | None:  # noqa: ARG002
        return None  # its file is all there is
