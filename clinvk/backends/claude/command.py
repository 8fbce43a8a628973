"""The command line of claude, and what of a server's environment it may see."""

from types import MappingProxyType
from typing import Final

from clinvk.backends.base import Command, SettingsFiles, Site
from clinvk.backends.claude import asks
from clinvk.backends.claude.stored import HOME
from clinvk.domain.spec import ApprovalMode, RunSpec, SandboxMode

MAX_RETRIES: Final = 3
"""How often claude repeats a failed request to the provider."""

# A flag of one kind given as the other would swallow its neighbour, or end claude at once.
VALUED_FLAGS: Final = (
    "--betas",
    "--disallowedTools",
    "--effort",
    "--fallback-model",
    "--max-budget-usd",
    "--tools",
)
BARE_FLAGS: Final = (
    "--disable-slash-commands",
    "--exclude-dynamic-system-prompt-sections",
    "--restricted",
    "--safe-mode",
    "--strict-mcp-config",
)
EXTRA_FLAGS: Final = (*VALUED_FLAGS, *BARE_FLAGS)

# CLAUDE_* as a family would pass on that we run inside of claude, and CLAUDE_CODE_SIMPLE, which ends our hooks.
ENVIRONMENT: Final = (
    "ANTHROPIC_*",
    "AWS_*",
    "AZURE_*",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_CODE_OAUTH_TOKEN",
    "CLAUDE_CODE_API_KEY_HELPER_TTL_MS",
    "CLAUDE_CODE_CERT_STORE",
    "CLAUDE_CODE_CLIENT_*",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC",
    "CLAUDE_CODE_EFFORT_LEVEL",
    "CLAUDE_CODE_MAX_OUTPUT_TOKENS",
    "CLAUDE_CODE_SKIP_BEDROCK_AUTH",
    "CLAUDE_CODE_SKIP_FOUNDRY_AUTH",
    "CLAUDE_CODE_SKIP_VERTEX_AUTH",
    "CLAUDE_CODE_SUBAGENT_MODEL",
    "CLAUDE_CODE_USE_*",
    "CLOUD_ML_REGION",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
    "GCLOUD_PROJECT",
    "VERTEX_REGION_*",
    "API_TIMEOUT_MS",
    "BASH_DEFAULT_TIMEOUT_MS",
    "BASH_MAX_TIMEOUT_MS",
    "DISABLE_ERROR_REPORTING",
    "DISABLE_TELEMETRY",
    "IS_SANDBOX",
    "MAX_THINKING_TOKENS",
)

# Not ~/.claude.json: claude writes it at every start.
SETTINGS_FILES: Final = SettingsFiles(
    home=HOME,
    own=("settings.json", ".credentials.json", "CLAUDE.md", "agents", "commands", "skills"),
    project=(
        "CLAUDE.md",
        "CLAUDE.local.md",
        ".mcp.json",
        ".claude/CLAUDE.md",
        ".claude/settings.json",
        ".claude/settings.local.json",
        ".claude/agents",
        ".claude/commands",
        ".claude/skills",
    ),
)

ADDED: Final = MappingProxyType(
    {
        "CLAUDE_CODE_DISABLE_ATTACHMENTS": "1",  # `@path` in a prompt is text, and reads no file
        "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",  # a turn ends when its work has ended
        "CLAUDE_CODE_DISABLE_CRON": "1",  # nothing begins in a child that waits
        "CLAUDE_CODE_MAX_RETRIES": str(MAX_RETRIES),
        "DISABLE_AUTOUPDATER": "1",  # many children at once, none of which a user watches
    }
)

# Hooks, helpers and servers that a repository brings along run commands, and nobody is asked. Its CLAUDE.md is
# read all the same: as that of an added folder.
_NOTHING_OF_THE_FOLDERS: Final = ("--setting-sources=user", "--strict-mcp-config")
ADDED_WHERE_VETTED: Final = MappingProxyType({"CLAUDE_CODE_ADDITIONAL_DIRECTORIES_CLAUDE_MD": "1"})

# The user's settings can set variables too, and these two must hold: the one guards files, the other our hooks.
_SETTINGS: Final = '{"env":{"CLAUDE_CODE_DISABLE_ATTACHMENTS":"1","CLAUDE_CODE_SIMPLE":""}}'

_MODE: Final = (
    "-p",
    "--input-format=stream-json",
    "--output-format=stream-json",
    "--verbose",  # without it there is no stream-json
    "--include-partial-messages",
    "--permission-prompt-tool=stdio",
    f"--settings={_SETTINGS}",
)


def command(spec: RunSpec, site: Site) -> Command:
    """The process that would run `spec`. System prompts and hooks are said on stdin."""
    variables = {**ADDED, **ADDED_WHERE_VETTED} if asks.must_vet(spec) else ADDED
    return Command((*site.installation.argv, *_MODE, *fixed(spec)), spec.workdir, variables)


def fixed(spec: RunSpec) -> tuple[str, ...]:
    """The options that `spec` asks for. A value is in one element with its option, so it can be no option."""
    options: list[str] = []
    if spec.ephemeral:
        options.append("--no-session-persistence")
    if spec.model is not None:
        options.append(f"--model={spec.model}")
    if spec.resume is not None:
        options.append(f"--resume={spec.resume}")
        if spec.system_prompt is not None:  # else the one recorded with the conversation would be sent
            options.append("--system-prompt-snapshot=off")
    if spec.max_turns is not None:
        options.append(f"--max-turns={spec.max_turns}")
    return (*options, *_permissions(spec), *spec.extra)


def _permissions(spec: RunSpec) -> list[str]:
    options: list[str] = []
    if spec.allowed_tools:
        options.append(f"--allowedTools={','.join(spec.allowed_tools)}")
    if _own_mode_could_allow_too_much(spec):
        options.append("--permission-mode=default")
    if asks.must_vet(spec):
        options += [*_NOTHING_OF_THE_FOLDERS, f"--add-dir={spec.workdir}"]
    return options


def _own_mode_could_allow_too_much(spec: RunSpec) -> bool:
    """Whether the mode in the user's settings, which may ask for nothing, is not to apply."""
    confined = spec.sandbox_mode in {SandboxMode.READ_ONLY, SandboxMode.WORKSPACE}
    return confined or spec.approval_mode is not ApprovalMode.DEFAULT
