"""clinvk service: the server as a service of this user."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from clinvk import settings, tls
from clinvk.apikeys import keyfile
from clinvk.commands.refusing import refuse
from clinvk.schemas import Schemas
from clinvk.service.launchd import Launchd
from clinvk.service.managers import Manager
from clinvk.service.plan import KEPT, MARKER, CannotManage, Plan, missed, program, search_path
from clinvk.service.systemd import Systemd
from clinvk.settings.editing import replace
from clinvk.settings.keys import Keys


def run(options: argparse.Namespace, environment: Mapping[str, str], platform: str = sys.platform) -> int:
    """The exit code: 0 fine, 1 could not (of `status`: it does not run), 3 wrong configuration."""
    try:
        return _ACTIONS[options.action](options, environment, _manager(platform))
    except settings.BadSettings as error:
        return refuse(error, 3)
    except CannotManage as error:
        return refuse(error, 1)
    except OSError as error:
        return refuse(f"{error.filename}: {error.strerror}", 1)


def _manager(platform: str) -> Manager:
    home = _home()
    if platform == "darwin":
        return Launchd(home)
    if platform == "linux":
        return Systemd(home)
    raise CannotManage(f"{platform} has no service manager that clinvk knows")


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError as error:
        raise CannotManage("HOME has no value, and the user has none") from error


def _install(options: argparse.Namespace, environment: Mapping[str, str], manager: Manager) -> int:
    plan = _plan(options, environment)
    text = manager.text(plan)
    if options.print:
        sys.stdout.write(text)
        return 0
    manager.check()
    before = _ours(manager)
    if before != text:
        replace(manager.file, text)
    told = {None: "wrote", text: "nothing to change in"}.get(before, "wrote anew")
    _say(f"{told} {manager.file}")
    manager.start()
    _say("it runs, and starts with your login")
    if before not in {None, text}:
        _say("what ran before this goes on as it was: restart it for the change, or `uninstall` and `install`")
    for hint in manager.hints(plan, missed(environment)):
        _say(hint)
    return 0


def _uninstall(_options: argparse.Namespace, _environment: Mapping[str, str], manager: Manager) -> int:
    if _ours(manager) is None:
        _say(f"nothing to undo: there is no {manager.file}")
        return 0
    manager.check()
    manager.stop()
    manager.file.unlink()
    manager.forget()
    _say(f"stopped, and removed {manager.file}")
    return 0


def _status(_options: argparse.Namespace, _environment: Mapping[str, str], manager: Manager) -> int:
    text = manager.file.read_text("utf-8") if manager.file.exists() else None
    if text is None:
        _say(f"not installed: there is no {manager.file}")
        return 1
    _say(f"{manager.file}{'' if MARKER in text else ' (not written by clinvk)'}")
    manager.check()
    runs, lines = manager.runs()
    for line in lines:
        _say(line)
    return 0 if runs else 1


def _plan(options: argparse.Namespace, environment: Mapping[str, str]) -> Plan:
    """Raises BadSettings, for a service that could never start, and CannotManage."""
    places = settings.places(options.config, environment)
    flags = {"server.port": options.port}
    schemas = Schemas()
    held = settings.load(schemas, places.home, places.named, flags, environment)
    _look_at_files(held.server, schemas)
    command = [*program(sys.argv[0]), "serve"]
    command += ["--port", str(options.port)] if options.port is not None else []
    command += ["--config", str(places.named.absolute())] if places.named else []
    home = environment.get("CLINVK_HOME")
    kept = {"CLINVK_HOME": str(Path(home).absolute())} if home else {}
    kept |= {name: environment[name] for name in KEPT if environment.get(name)}
    return Plan(
        command=tuple(command),
        user_home=_home(),
        path=search_path(environment),
        variables=kept,
        env_file=places.home.absolute() / "service.env",
        grace_secs=held.server.shutdown_grace_secs,
    )


def _look_at_files(server: settings.ServerSettings, schemas: Schemas) -> None:
    """Of those that a server would not start without. Raises BadSettings."""
    if server.api_keys_file:
        keyfile.read(Keys(schemas, keyfile.SCHEMA), Path(server.api_keys_file))
    try:
        tls.context(server.tls_cert_file, server.tls_key_file)
    except tls.NoTls as error:
        raise settings.BadSettings(str(error)) from error
    if server.audit_log and not Path(server.audit_log).parent.is_dir():
        raise settings.BadSettings(f"server.audit_log: the folder of {server.audit_log} is not there")


def _ours(manager: Manager) -> str | None:
    """What stands in our file, None if there is none. Raises CannotManage if it is somebody else's."""
    try:
        text = manager.file.read_text("utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError:
        text = ""
    if MARKER not in text:
        raise CannotManage(f"{manager.file} was not written by clinvk: it stays as it is")
    return text


def _say(text: str) -> None:
    print(text)  # noqa: T201  what was asked for


_ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace, Mapping[str, str], Manager], int]]] = {
    "install": _install,
    "uninstall": _uninstall,
    "status": _status,
}
