"""launchd's agents of one user, on macOS."""

import os
import plistlib
from pathlib import Path
from typing import Any, Final

from clinvk.service.managers import ask, do
from clinvk.service.plan import MARKER, CannotManage, Plan

LABEL: Final = "com.clinvk.server"
_COMMENT: Final = f"<!-- {MARKER}: its uninstall removes this file, and a new install replaces it. -->"


class Launchd:
    """Implements Manager."""

    name = "launchd"

    def __init__(self, home: Path) -> None:
        self.file = home / "Library" / "LaunchAgents" / f"{LABEL}.plist"
        self._domain = f"gui/{os.getuid()}"
        self._service = f"{self._domain}/{LABEL}"

    def text(self, plan: Plan) -> str:
        log = str(_log(plan))
        job: dict[str, Any] = {
            "Label": LABEL,
            "ProgramArguments": list(plan.command),
            "RunAtLoad": True,
            "KeepAlive": {"SuccessfulExit": False},  # who was asked to end stays ended
            "WorkingDirectory": str(plan.user_home),
            "EnvironmentVariables": {"PATH": plan.path, **plan.variables},
            "ExitTimeOut": plan.stop_secs,
            "StandardOutPath": log,
            "StandardErrorPath": log,
        }
        try:
            head, kind, rest = plistlib.dumps(job, sort_keys=False).decode().split("\n", 2)
        except ValueError as error:  # a control character, which XML has no way to write
            raise CannotManage(f"launchd would not take this into a plist: {error}") from error
        return "\n".join((head, kind, _COMMENT, rest))

    def check(self) -> None:
        said = ask("launchctl", "print", self._domain)
        if said.code:
            raise CannotManage(f"launchd has no {self._domain} (nobody is logged in at the screen?): {said.why}")

    def start(self) -> None:
        if not self.runs()[0]:
            do("launchctl", "bootstrap", self._domain, str(self.file))

    def stop(self) -> None:
        if self.runs()[0]:
            do("launchctl", "bootout", self._service)

    def forget(self) -> None:
        """It was forgotten when it was booted out."""

    def runs(self) -> tuple[bool, list[str]]:
        # What it prints is for people: only whether it knows the service is an interface.
        loaded = ask("launchctl", "print", self._service).code == 0
        return loaded, [f"loaded; more: launchctl print {self._service}" if loaded else "not loaded"]

    def hints(self, plan: Plan, missed: list[str]) -> list[str]:
        lines = [f"its log: {_log(plan)}"]
        if missed:
            lines.append(
                f"it does not see {', '.join(missed)}: keys belong into server.api_keys_file,"
                " what a CLI needs into backends.NAME.env"
            )
        return lines


def _log(plan: Plan) -> Path:
    return plan.user_home / "Library" / "Logs" / "clinvk.log"
