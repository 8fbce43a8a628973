"""The environment: variables that leak, that lead elsewhere, or that somebody else pays for. Names only."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clinvk.backends.registry import default_registry
from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, note, ok, warning

_ENDPOINTS: Final = re.compile(
    r"(ANTHROPIC|OPENAI|AZURE_OPENAI|GOOGLE_GEMINI|GOOGLE_VERTEX)_(\w+_)?(BASE_URL|ENDPOINT)|CODE_ASSIST_ENDPOINT"
)
_MARKS: Final = {
    "CLAUDECODE": "claude",
    "CLAUDE_CODE_ENTRYPOINT": "claude",
    "CODEX_SANDBOX": "codex",
    "CODEX_THREAD_ID": "codex",
    "GEMINI_CLI": "gemini",
}
_PROXIES: Final = ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
_PROFILES: Final = (
    ".profile",
    ".bash_profile",
    ".bash_login",
    ".bashrc",
    ".zshenv",
    ".zprofile",
    ".zshrc",
    ".config/fish/config.fish",
)
_ASSIGNED: Final = re.compile(r"^\s*(export\s+|set\s+(-\w+\s+)*)?CLINVK_API_KEYS?[\s=]", re.MULTILINE)
_LONGEST: Final = 1 << 20


def findings(case: Case) -> Iterator[Finding]:
    """What is billed elsewhere is found with the logins: it depends on them."""
    found = [*_looping(case), *_endpoints(case), *_nested(case), *_proxied(case)]
    found += [*_node_options(case), *_profiles(case)]
    yield from found or [ok(Id.ENV_CLEAN, "environment", "nothing in it leaks or leads elsewhere")]


def _looping(case: Case) -> Iterator[Finding]:
    for name in case.looping:
        message = f"{name} is for clients of this server: its own CLIs do without it, or they would ask the server"
        yield note(Id.ENV_LOOP, name, message, "set it for the clients alone")


def _endpoints(case: Case) -> Iterator[Finding]:
    """Of what CLIs see: what they do not see leads nobody anywhere."""
    for backend in default_registry().names():
        if backend == "demo" or case.settings.backends[backend].enabled is False:
            continue
        for name in filter(_ENDPOINTS.fullmatch, _seen(case, backend)):
            message = f"{name} sends the prompts and the key of {backend} to another address than its vendor's"
            yield warning(Id.ENV_ENDPOINT, name, message, f"unset {name}, unless that address is yours")


def _nested(case: Case) -> Iterator[Finding]:
    marks = [name for name in _MARKS if name in case.environment]
    if marks:
        message = f"{', '.join(marks)}: this is inside a run of {_MARKS[marks[0]]}, and a server would end with it"
        yield note(Id.ENV_NESTED, marks[0], message, "start servers from a shell of your own, or as a service")


def _proxied(case: Case) -> Iterator[Finding]:
    proxies = [name for name in _PROXIES if case.environment.get(name)]
    spared = case.environment.get("NO_PROXY") or case.environment.get("no_proxy") or ""
    hosts = {host.strip() for host in spared.split(",")}
    if proxies and "*" not in hosts and not {"127.0.0.1", "localhost"} <= hosts:
        message = (
            f"{proxies[0]} is set, and NO_PROXY does not name this machine: clients ask the proxy for the server"
        )
        yield warning(Id.ENV_PROXY, proxies[0], message, "export NO_PROXY=127.0.0.1,localhost,::1")


def _node_options(case: Case) -> Iterator[Finding]:
    for backend in ("claude", "codex", "gemini"):
        if case.settings.backends[backend].enabled is not False and "NODE_OPTIONS" in _seen(case, backend):
            message = f"NODE_OPTIONS is passed on to {backend}: it can load code into it, or end it at its start"
            yield warning(Id.ENV_NODE_OPTIONS, "NODE_OPTIONS", message, f"take it out of backends.{backend}")
    if case.environment.get("NODE_OPTIONS"):
        yield note(
            Id.ENV_NODE_OPTIONS, "NODE_OPTIONS", "NODE_OPTIONS is set, and does not reach the CLIs of a server"
        )


def _profiles(case: Case) -> Iterator[Finding]:
    home = case.environment.get("HOME", "")
    files = [Path(home) / name for name in _PROFILES] if home.startswith("/") else []
    for file in files:
        found = _ASSIGNED.search(_text(file))
        if found:
            message = f"{file} sets API keys of this server for every program that is started from a shell"
            yield warning(
                Id.ENV_PROFILE_KEYS, str(file), message, "keep them in server.api_keys_file (clinvk keys)"
            )


def _seen(case: Case, backend: str) -> dict[str, str]:
    return case.seen_by(default_registry().known(backend), "doctor")


def _text(file: Path) -> str:
    try:
        if not file.is_file():  # a pipe would keep us waiting
            return ""
        with file.open("rb") as opened:
            return opened.read(_LONGEST).decode(errors="replace")
    except OSError:
        return ""
