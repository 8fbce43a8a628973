"""One CLI: where it is, which version, whether it starts as a run would start it, and is logged in."""

import asyncio
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from clinvk import wiring
from clinvk.backends.base import Backend, Command, Executable
from clinvk.doctor import logins, programs
from clinvk.doctor.aside import aside
from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, note, ok, problem, warning
from clinvk.doctor.logins import Login, Standing
from clinvk.supervisor import errand, installed
from clinvk.supervisor.descendants import Descendants
from clinvk.supervisor.errand import Outcome
from clinvk.supervisor.installed import Found, NotUsable
from clinvk.supervisor.probe import Probe
from clinvk.supervisor.spawning import SpawnFailed

ASK_SECS: Final = 3.5
"""What a CLI may take to answer one question. The slowest needs 1.5 s on a quiet machine."""

_ADDED: Final = {"GEMINI_CLI_NO_RELAUNCH": "1", "DISABLE_AUTOUPDATER": "1"}
"""As in a run: gemini starts itself a second time otherwise, and takes twice as long."""
_HOMES: Final = ("CODEX_HOME", "GEMINI_CLI_HOME")
_SANDBOX_CURE: Final = (
    "allow user namespaces (kernel.unprivileged_userns_clone, AppArmor, the container's seccomp profile), "
    "or run with sandbox_mode full where the container is sandbox enough"
)


@dataclass(slots=True)
class Examination:
    """Of a CLI that is to be installed. `usable` is known once it is over."""

    case: Case
    backend: Backend
    executable: Executable
    probe: Probe
    descendants: Descendants
    folder: str
    """Empty, and gone afterwards: what the CLI leaves when it is asked, it leaves there."""
    usable: bool = False

    async def findings(self) -> list[Finding]:
        """Everything about it, in at most a little more than ASK_SECS."""
        environ = self._environ
        lies = await aside(partial(programs.copies, self.executable.name, environ))
        try:
            found = await aside(partial(installed.find, self.executable, self._configured, environ))
        except NotUsable as error:
            return [*self._barred(lies), self._absent(error)]
        parts = await asyncio.gather(
            self._starts(found), self._logged_in(found), self._sandboxed(found), self._node(found)
        )
        self.usable = not any(each.id is Id.CLI_UNUSABLE for each in parts[0])
        beside = await aside(partial(self._lies, found, lies))
        return [*parts[0], *parts[1], *parts[2], *parts[3], *beside]

    @property
    def name(self) -> str:
        return self.backend.name

    @property
    def _configured(self) -> str | None:
        return self.case.settings.backends[self.name].path

    @property
    def _environ(self) -> dict[str, str]:
        """Where the CLI is looked for: the server's own environment, and what its backend adds."""
        return {**self.case.served, **self._added}

    @property
    def _added(self) -> dict[str, str]:
        return wiring.variables(self.case.settings.backends[self.name])

    @property
    def _wanted(self) -> bool:
        return self.case.settings.backends[self.name].enabled is True

    def _worse(self) -> Callable[[Id, str, str, str], Finding]:
        """How bad it is if it is of no use: what is enabled has to be there."""
        return problem if self._wanted else warning

    def _absent(self, error: NotUsable) -> Finding:
        said = str(error)
        if not said.startswith("not installed"):
            cure = f"reinstall it ({self.executable.install}), or correct backends.{self.name}.path"
            return self._worse()(Id.CLI_UNUSABLE, self.name, f"{self.name} is {said}", cure)
        if self._wanted:
            message = f"{self.name} is not installed, and backends.{self.name}.enabled is true"
            return problem(Id.CLI_MISSING, self.name, message, self.executable.install)
        return note(Id.CLI_MISSING, self.name, f"{self.name} is not installed", self.executable.install)

    async def _starts(self, found: Found) -> list[Finding]:
        """`--version` in the environment of a run; the probe asks it itself where no package tells."""
        where = f"{self.name} ({found.argv[-1]})"
        if found.version:
            outcome = await self._ask(found, "--version")
            if outcome is None or (outcome.exit and not outcome.exit.clean):
                return [self._broken(where, outcome)]
            if outcome.exit is None:
                message = f"{where} did not answer '--version' within {ASK_SECS:g} s"
                return [
                    warning(Id.CLI_SLOW, self.name, message, "try again on a machine less busy, or reinstall it")
                ]
        await self.probe.look(self.name)
        installation, doubt = self.probe.found(self.name), self.probe.reason(self.name)
        if installation is None:
            why = doubt or f"{self.name} is not to be found any more"
            return [self._worse()(Id.CLI_UNUSABLE, self.name, why, f"reinstall it: {self.executable.install}")]
        if installation.version is None:  # no answer in time, or none that tells anything
            message = f"{where} did not tell its version within {ASK_SECS:g} s"
            return [warning(Id.CLI_SLOW, self.name, message, f"see what '{found.argv[-1]} --version' says")]
        version = f"{self.name} {installation.version}"
        first = ok(Id.CLI_FOUND, self.name, f"{version} starts without a terminal ({found.argv[-1]})")
        return [first, self._doubted(doubt)] if doubt else [first]

    def _broken(self, where: str, outcome: Outcome | None) -> Finding:
        exit_ = outcome.exit if outcome else None
        why = (exit_.last_words or f"exit {exit_.signal or exit_.code}") if exit_ else "it cannot be executed"
        message = f"{where} does not start as a run would start it: {why}"
        return self._worse()(Id.CLI_UNUSABLE, self.name, message, f"reinstall it: {self.executable.install}")

    def _doubted(self, doubt: str) -> Finding:
        return warning(Id.CLI_VERSION, self.name, doubt, f"{self.executable.install}, or a newer clinvk")

    async def _logged_in(self, found: Found) -> list[Finding]:
        seen = self._variables()
        login = await logins.CHECKS[self.name](partial(self._asked, found), seen)
        files = await aside(partial(self._readable, seen))
        return [self._login(login), *self._billing(login, seen), *files]

    def _login(self, login: Login) -> Finding:
        if login.standing is Standing.IN:
            return ok(Id.CLI_LOGIN, self.name, f"{self.name} is logged in {login.by}")
        if login.standing is Standing.OUT:
            return self._worse()(Id.CLI_LOGIN, self.name, f"{self.name} is not logged in: {login.by}", login.cure)
        return note(
            Id.CLI_LOGIN, self.name, f"whether {self.name} is logged in cannot be told: {login.by}", login.cure
        )

    def _billing(self, login: Login, seen: dict[str, str]) -> list[Finding]:
        """A key that stands over a subscription. codex takes none of its environment, gemini what it is set to."""
        keys = {"claude": ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN"), "gemini": ("GEMINI_API_KEY",)}
        key = next((name for name in keys.get(self.name, ()) if seen.get(name)), None)
        if key is None or not login.subscription or login.by in {"by a subscription", "by a Google account"}:
            return []
        message = f"{key} stands over the subscription that {self.name} is logged in to: its runs bill the API"
        return [
            warning(Id.ENV_BILLING, key, message, f"start the server without {key}, or know that you pay twice")
        ]

    def _readable(self, seen: dict[str, str]) -> list[Finding]:
        """The files that log it in, where others may read them."""
        found = []
        for file in logins.files(self.name, seen):
            try:
                mode = file.stat().st_mode
            except OSError:
                continue
            if stat.S_ISREG(mode) and mode & 0o077:
                message = f"{file}, which logs {self.name} in, is open to other users (mode {mode & 0o777:04o})"
                found.append(warning(Id.CLI_LOGIN_FILE, str(file), message, f"chmod 600 {file}"))
        return found

    async def _sandboxed(self, found: Found) -> list[Finding]:
        """codex's own sandbox, tried: whether the kernel lets it is written nowhere."""
        if self.name != "codex":
            return []
        outcome = await self._ask(found, "sandbox", "--", "true")
        if outcome is None or outcome.exit is None:
            return []
        if outcome.exit.clean:
            return [ok(Id.CLI_SANDBOX, "codex", "codex's sandbox works")]
        message = f"codex's sandbox does not work here: {outcome.exit.last_words or 'it fails'}"
        return [warning(Id.CLI_SANDBOX, "codex", message, _SANDBOX_CURE)]

    async def _node(self, found: Found) -> list[Finding]:
        program = await aside(partial(programs.node, found.argv, self._environ))
        if program is None:
            return []
        outcome = await self._run((program, "--version"), "node", {})
        major = re.match(r"v(\d+)", outcome.text) if outcome else None
        least = await aside(partial(programs.least_node, found.argv[-1]))
        if major is None or int(major[1]) >= least:
            return []
        message = f"{self.name} needs Node.js {least}, and {program} is {outcome.text.strip() if outcome else ''}"
        return [
            self._worse()(Id.CLI_NODE, self.name, message, f"install Node.js {least} or newer, first on the PATH")
        ]

    def _lies(self, found: Found, copies: programs.Copies) -> list[Finding]:
        """What there is to say of its files: read only."""
        findings = self._barred(copies)
        if self._configured is None and len(copies.programs) > 1:
            first, *others = copies.programs
            message = f"{self.name} is on the PATH more than once: {first} is taken before {', '.join(others)}"
            findings.append(
                note(Id.CLI_TWICE, self.name, message, f"remove the others, or set backends.{self.name}.path")
            )
        if programs.is_shell_script(found.argv[-1]):
            message = f"{found.argv[-1]} is a shell script: a run is stopped cleanly only if it ends in 'exec'"
            findings.append(
                note(Id.CLI_WRAPPED, self.name, message, f"set backends.{self.name}.path to the program itself")
            )
        return [*findings, *self._as_service(found)]

    def _as_service(self, found: Found) -> list[Finding]:
        """A service has a short PATH: would it find the same?"""
        environ = {"PATH": programs.SERVICE_PATH, "HOME": self._environ.get("HOME", ""), **self._added}
        try:
            other = installed.find(self.executable, self._configured, environ)
            if other.argv[-1] == found.argv[-1]:
                return []
            message = f"a service with the usual PATH would take another {self.name}: {other.argv[-1]}"
        except NotUsable as error:
            lacks = "does not find" if str(error).startswith("not installed") else "cannot start"
            message = f"a service with the usual PATH {lacks} {self.name}"
        cure = f"give the service your PATH, or set backends.{self.name}.path if it needs no Node.js"
        return [note(Id.CLI_SERVICE, self.name, message, cure)]

    def _barred(self, copies: programs.Copies) -> list[Finding]:
        return [
            warning(Id.CLI_UNUSABLE, self.name, f"{path} is there, and may not be executed", f"chmod +x {path}")
            for path in copies.barred
        ]

    def _variables(self, marker: str = "doctor") -> dict[str, str]:
        return self.case.seen_by(self.backend, marker)

    async def _asked(self, found: Found, words: tuple[str, ...]) -> Outcome | None:
        """What it says of its user's own files."""
        return await self._run((*found.argv, *words), words[0], {})

    async def _ask(self, found: Found, *words: str) -> Outcome | None:
        """What it says, all that it keeps being elsewhere: even for its version it would begin a HOME."""
        return await self._run((*found.argv, *words), words[0], dict.fromkeys(_HOMES, self.folder))

    async def _run(self, argv: tuple[str, ...], about: str, moved: dict[str, str]) -> Outcome | None:
        """What it says, in the environment of a run; None if it cannot be started."""
        marker = f"doctor-{self.name}-{about}"
        variables = {**self._variables(marker), **_ADDED, **moved, "TMPDIR": self.folder}
        try:
            return await errand.run(Command(argv, "/"), variables, marker, self.descendants, ASK_SECS)
        except SpawnFailed:
            return None
