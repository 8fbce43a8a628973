"""The gemini backend: how its child is started, stopped and understood."""

from typing import Final

from clinvk.backends import failures
from clinvk.backends.acp.dialogue import AcpDialogue
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
from clinvk.backends.gemini.command import SETTINGS_FILES, command, is_tool
from clinvk.backends.gemini.quirks import CURES, QUIRKS
from clinvk.backends.gemini.stored import stored
from clinvk.domain.errors import ErrorCode, Fault, RunError
from clinvk.domain.run import Exit
from clinvk.domain.spec import RunSpec

_NOT_LOGGED_IN: Final = 41
_CONFIG_REFUSED: Final = 52
_UNTRUSTED: Final = 55
_NO_SANDBOX: Final = 44


class GeminiBackend:
    """Runs `gemini --acp`, one turn at a time."""

    name = "gemini"
    executable: Executable | None = Executable(
        name="gemini",
        natives=(),  # it is JavaScript, and the program on PATH is what there is
        version=r"^(\d+\.\d+\.\d+\S*)",
        tested=("0.61.0", "0.62.0"),
        install="npm install -g @google/gemini-cli",
    )
    traits = Traits(
        stop=(Rung(Step.INTERRUPT, 1.0), Rung(Step.CLOSE_STDIN, 0.2), Rung(Step.SIGTERM, 2.0)),
        # With MCP servers it does not end when its stdin does.
        retire=(Rung(Step.CLOSE_STDIN, 0.5), Rung(Step.SIGTERM, 2.0)),
        capabilities=Capabilities(resume=True, system_prompt=True),
        environment=(
            "GEMINI_API_KEY",
            "GEMINI_API_KEY_AUTH_MECHANISM",
            "GEMINI_MODEL",
            "GEMINI_SANDBOX",
            "GEMINI_SANDBOX_*",
            "GEMINI_SYSTEM_MD",
            "GEMINI_CLI_CUSTOM_HEADERS",
            "GEMINI_CLI_HOME",
            "GEMINI_CLI_SYSTEM_DEFAULTS_PATH",
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH",
            "GEMINI_CLI_TRUSTED_FOLDERS_PATH",
            "GEMINI_CLI_TRUST_WORKSPACE",
            "GEMINI_CLI_USE_COMPUTE_ADC",
            "GOOGLE_API_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "GOOGLE_CLOUD_*",
            "GOOGLE_GEMINI_BASE_URL",
            "GOOGLE_GENAI_*",
            "GOOGLE_VERTEX_BASE_URL",
            "CODE_ASSIST_ENDPOINT",
        ),
        extra_flags=("--extensions", "--include-directories"),
        final_flags=("--extensions",),
        folder_flags=("--include-directories",),
        conversations=True,
        binds_first=True,
        settings=SETTINGS_FILES,
        # It asks the provider ten times, in silence and for up to 280 s, before it says what is wrong.
        first_output_secs=330.0,
    )

    def faults(self, spec: RunSpec) -> list[Fault]:
        return [
            *refused_flags(spec.extra, self.traits.extra_flags),
            *misused_flags(spec.extra, self.traits.extra_flags),
            *malformed_resume(spec.resume),
            *_unknown_tools(spec.allowed_tools),
        ]

    def command(self, spec: RunSpec, site: Site) -> Command:
        return command(spec, site)

    def key(self, spec: RunSpec) -> PoolKey:
        replaced = spec.system_prompt if spec.replace_system_prompt else None
        return (
            self.name,
            spec.workdir,
            repr((spec.model, replaced)),
            spec.approval_mode,
            spec.sandbox_mode,
            repr((spec.allowed_tools, spec.extra)),
        )

    def dialogue(self, spec: RunSpec) -> Dialogue:  # noqa: ARG002  every child of gemini's speaks alike
        return AcpDialogue(QUIRKS)

    def explain(self, exit_: Exit) -> RunError | None:
        said = failures.detail_of(exit_.last_words)
        match exit_.code:
            case None | 0:
                return None
            case code if code == _NOT_LOGGED_IN:
                return failures.not_logged_in(CURES, exit_.last_words)
            case code if code == _UNTRUSTED:
                cure = "trust it in gemini, or set GEMINI_CLI_TRUST_WORKSPACE=true"
                return RunError(
                    ErrorCode.UNTRUSTED_FOLDER, f"Gemini does not trust the working directory; {cure}{said}"
                )
            case code if code in {_CONFIG_REFUSED, _NO_SANDBOX}:
                what = "settings" if code == _CONFIG_REFUSED else "sandbox"
                sentence = f"Gemini cannot start with its {what}; mend ~/.gemini/settings.json{said}"
                return RunError(ErrorCode.BACKEND_EXITED, sentence)
            case _:
                return failures.by_words(exit_.last_words, CURES)

    def residue(self, session_id: str) -> tuple[Residue, ...]:
        return stored(session_id)  # it cannot be asked to keep nothing

    def stored(self, session_id: str) -> tuple[Residue, ...]:
        return stored(session_id)

    def deletion(self, session_id: str, installation: Installation) -> Command | None:  # noqa: ARG002
        return None  # files are all there is


def _unknown_tools(tools: tuple[str, ...]) -> list[Fault]:
    expected = "names of tools, and `run_shell_command(git log)` for what a command begins with"
    return [Fault("/allowed_tools", f"'{tool}' names no tool", expected) for tool in tools if not is_tool(tool)]
