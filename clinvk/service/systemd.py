"""systemd's instance for one user."""

import getpass
import re
from importlib import resources
from pathlib import Path
from string import Template
from typing import Final

from clinvk.service.managers import ask, do, told
from clinvk.service.plan import MARKER, CannotManage, Plan

_UNIT: Final = "clinvk.service"
_ASK: Final = ("systemctl", "--user")
_PATTERN: Final = re.compile(r"[\\*?[]")  # files may be named by one
_PROPERTIES: Final = ("ActiveState", "SubState", "UnitFileState", "MainPID", "StatusText")


class Systemd:
    """Implements Manager."""

    name = "systemd"

    def __init__(self, home: Path) -> None:
        self.file = home / ".config" / "systemd" / "user" / _UNIT

    def text(self, plan: Plan) -> str:
        template = Template(resources.files("clinvk.service").joinpath("clinvk.service.in").read_text("utf-8"))
        variables = {"PATH": plan.path, **plan.variables}
        program, *arguments = plan.command
        return template.substitute(
            marker=MARKER,
            command=" ".join([_word(program), *(_word(each).replace("$", "$$") for each in arguments)]),
            environment="\n".join(f"Environment={_quoted(f'{name}={it}')}" for name, it in variables.items()),
            env_file=_PATTERN.sub(r"\\\g<0>", _plain(str(plan.env_file))),
            stop_secs=plan.stop_secs,
        )

    def check(self) -> None:
        said = ask(*_ASK, "show-environment")
        if said.code:
            raise CannotManage(
                f"this user has no systemd that answers: {said.why}\n"
                "a login has one, a container or `su` often not; --print writes the unit for another manager"
            )

    def start(self) -> None:
        do(*_ASK, "daemon-reload")
        try:
            do(*_ASK, "enable", "--now", _UNIT)
        except CannotManage as error:
            raise CannotManage(f"{error}\nwhy, is in its log: journalctl --user -u clinvk -n 20") from error

    def stop(self) -> None:
        do(*_ASK, "disable", "--now", _UNIT)

    def forget(self) -> None:
        do(*_ASK, "daemon-reload")

    def runs(self) -> tuple[bool, list[str]]:
        wanted = [f"--property={name}" for name in _PROPERTIES]
        found = told((*_ASK, "show", _UNIT, *wanted), _PROPERTIES)
        lines = [f"{found['ActiveState']} ({found['SubState']}), {found['UnitFileState'] or 'not enabled'}"]
        lines += [f"main process {found['MainPID']}"] if found["MainPID"] not in {"", "0"} else []
        lines += [found["StatusText"]] if found["StatusText"] else []
        return found["ActiveState"] in {"active", "reloading"}, lines

    def hints(self, plan: Plan, missed: list[str]) -> list[str]:
        lines = ["its log: journalctl --user -u clinvk -f"]
        if missed:
            lines.append(
                f"it does not see {', '.join(missed)}: what it needs of them goes into {plan.env_file} (mode 0600)"
            )
        if not _lingers():
            lines.append(f"it ends with your last login, unless: loginctl enable-linger {getpass.getuser()}")
        return lines


def _lingers() -> bool:
    """Whether this user's services go on without a login, as far as that can be told."""
    try:
        said = ask("loginctl", "show-user", getpass.getuser(), "--property=Linger")
    except CannotManage:
        return False
    return said.out.strip() == "Linger=yes"


def _plain(text: str) -> str:
    """For a value that is taken whole: `%` begins a specifier everywhere. Raises CannotManage."""
    if not text.isprintable():
        raise CannotManage(f"systemd would not take this into a unit: {text!r}")
    return text.replace("%", "%%")


def _quoted(text: str) -> str:
    escaped = _plain(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _word(text: str) -> str:
    """One word of a command."""
    bare = text and all(each.isalnum() or each in "/._-+:=@,%$" for each in text)
    return _plain(text) if bare else _quoted(text)
