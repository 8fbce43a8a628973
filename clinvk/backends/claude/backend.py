"""The claude backend: how its child is started, stopped and understood."""

from dataclasses import replace

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
    malformed_resume,
    misused_flags,
    refused_flags,
)
from clinvk.backends.claude import command
from clinvk.backends.claude.dialogue import ClaudeDialogue
from clinvk.backends.claude.result import exit_meaning
from clinvk.backends.claude.stored import stored
from clinvk.domain.errors import Fault, RunError
from clinvk.domain.run import Exit
from clinvk.domain.spec import RunSpec


class ClaudeBackend:
    """Runs Claude Code of Anthropic, one conversation a child."""

    name = "claude"
    traits = Traits(
        # An interrupt ends a running tool too; a SIGTERM does, and takes up to two seconds.
        stop=(Rung(Step.INTERRUPT, 1.0), Rung(Step.CLOSE_STDIN, 0.5), Rung(Step.SIGTERM, 3.0)),
        retire=(Rung(Step.CLOSE_STDIN, 1.0), Rung(Step.SIGTERM, 3.0)),
        capabilities=Capabilities(resume=True, system_prompt=True),
        environment=command.ENVIRONMENT,
        extra_flags=command.EXTRA_FLAGS,
        final_flags=("--disallowedTools", "--max-budget-usd", "--tools"),
        efforts=("low", "medium", "high", "xhigh", "max"),
        settings=command.SETTINGS_FILES,
        first_output_secs=240.0,  # more than the longest wait for a provider that says when to come back
    )
    executable: Executable | None = Executable(
        name="claude",
        natives=("@anthropic-ai/claude-code-*/claude",),
        version=r"(\d+\.\d+\.\d+) \(Claude Code\)",
        tested=("2.1.329", "2.2"),
        install="npm install -g @anthropic-ai/claude-code@latest",
    )

    def faults(self, spec: RunSpec) -> list[Fault]:
        return [
            *malformed_resume(spec.resume),
            *refused_flags(spec.extra, self.traits.extra_flags),
            *misused_flags(spec.extra, command.VALUED_FLAGS, command.BARE_FLAGS),
        ]

    def command(self, spec: RunSpec, site: Site) -> Command:
        return command.command(spec, site)

    def key(self, spec: RunSpec) -> PoolKey:
        modes = str(spec.approval_mode), str(spec.sandbox_mode)
        prompts = str(spec.replace_system_prompt), repr(spec.system_prompt)
        return (self.name, spec.workdir, *modes, *prompts, *command.fixed(replace(spec, resume=None)))

    def dialogue(self, spec: RunSpec) -> Dialogue:
        return ClaudeDialogue(spec)

    def explain(self, exit_: Exit) -> RunError | None:
        return exit_meaning(exit_)

    def residue(self, session_id: str) -> tuple[Residue, ...]:
        # Of a sub-agent's work claude keeps the description, whatever it was asked to keep.
        return self.stored(session_id)

    def stored(self, session_id: str) -> tuple[Residue, ...]:
        return stored(session_id)

    def deletion(self, session_id: str, installation: Installation) -> Command | None:  # noqa: ARG002
        return None  # `claude purge` takes all conversations of a folder
