"""The codex backend: how its app-server is found, started, stopped and understood."""

from typing import Final

from clinvk.backends.base import (
    Capabilities,
    Command,
    Dialogue,
    Executable,
    Installation,
    PoolKey,
    Residue,
    Rung,
    Site,
    Step,
    Traits,
)
from clinvk.backends.codex import command, stored, text
from clinvk.backends.codex.dialogue import CodexDialogue
from clinvk.domain.errors import Fault, RunError
from clinvk.domain.run import Exit
from clinvk.domain.spec import RunSpec

# Idle, codex ends 0.07 s after its stdin is closed, and as fast in the middle of a turn.
_RETIRE: Final = (Rung(Step.CLOSE_STDIN, 2.0), Rung(Step.SIGINT, 1.0), Rung(Step.SIGTERM, 1.0))


class CodexBackend:
    """Runs `codex app-server`, one turn at a time."""

    name = "codex"
    traits = Traits(
        stop=(Rung(Step.INTERRUPT, 1.0), *_RETIRE),
        retire=_RETIRE,
        capabilities=Capabilities(resume=True, system_prompt=True),
        environment=command.ENVIRONMENT,
        litter=(".git", ".codex", ".agents", ".aws"),  # where its sandbox mounted something over
        extra_flags=command.EXTRA_FLAGS,
        efforts=("low", "medium", "high", "xhigh"),
        conversations=True,
        binds_first=True,
        settings=command.SETTINGS_FILES,
    )
    executable: Executable | None = Executable(
        name="codex",
        natives=("@openai/codex-*/vendor/*/bin/codex",),
        version=r"codex-cli (\d+\.\d+\.\d+\S*)",
        tested=("0.169.0", "0.170.0"),
        install="npm install -g @openai/codex",
    )

    def faults(self, spec: RunSpec) -> list[Fault]:
        return command.faults(spec)

    def command(self, spec: RunSpec, site: Site) -> Command:
        return command.command(spec, site)

    def key(self, spec: RunSpec) -> PoolKey:
        return (self.name, *command.key(spec))

    def dialogue(self, spec: RunSpec) -> Dialogue:  # noqa: ARG002  every app-server speaks alike
        return CodexDialogue()

    def explain(self, exit_: Exit) -> RunError | None:
        return text.explain(exit_)

    def residue(self, session_id: str) -> tuple[Residue, ...]:
        return stored.snapshot(session_id)  # an ephemeral thread has no other file

    def stored(self, session_id: str) -> tuple[Residue, ...]:
        return stored.stored(session_id)

    def deletion(self, session_id: str, installation: Installation) -> Command | None:
        return stored.deletion(session_id, installation)
