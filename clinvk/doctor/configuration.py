"""The configuration: right, private, and what it names is there."""

import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from clinvk.apikeys import keyfile
from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, note, ok, problem, warning
from clinvk.doctor.loopback import is_loopback
from clinvk.schemas import Schemas
from clinvk.settings import BadSettings
from clinvk.settings.keys import Keys

_KEYS_CURE: Final = "clinvk keys add LABEL"


def findings(case: Case) -> Iterator[Finding]:
    """Of the file, the keys, and the folders and files that it names."""
    yield from _file(case)
    yield from _keys(case)
    yield from _exposed(case)
    yield from _workdirs(case)
    yield from _audit(case)
    yield from _socket(case)


def _file(case: Case) -> Iterator[Finding]:
    file = case.places.file
    for fault in case.faults:
        yield problem(Id.CONFIG_FILE, str(file), fault, "correct it; clinvk config check tells the same")
    if not case.faults:
        found = f"{file} is fine" if case.settings.found else f"{file} is not there, and the defaults are fine"
        yield ok(Id.CONFIG_FILE, str(file), found)
    try:
        state = file.stat()
    except OSError:  # that it is not there, or cannot be read, is told above
        return
    mode = state.st_mode & 0o777
    if state.st_uid not in {os.geteuid(), 0}:
        message = f"{file} belongs to another user, who can let agents do anything"
        yield problem(Id.CONFIG_MODE, str(file), message, f"make it yours: chown {os.geteuid()} {file}")
    elif mode & 0o022:
        message = f"others may write {file} (mode {mode:04o}), and so start programs as you"
        yield problem(Id.CONFIG_MODE, str(file), message, f"chmod 600 {file}")
    elif mode & 0o077 and any(backend.env for backend in case.settings.backends.values()):
        message = f"others may read {file} (mode {mode:04o}), and it sets variables for CLIs"
        yield warning(Id.CONFIG_MODE, str(file), message, f"chmod 600 {file}")


def _keys(case: Case) -> Iterator[Finding]:
    """Where keys come from. None is read."""
    server, sources = case.settings.server, []
    if case.settings.api_keys:
        sources.append("CLINVK_API_KEYS")
    if server.api_keys_file:
        faults = list(_keys_file(Path(server.api_keys_file)))
        sources += [] if faults else [server.api_keys_file]
        yield from faults
    if server.api_keys_gopass_path:
        sources.append(f"gopass {server.api_keys_gopass_path}")
        if shutil.which("gopass", path=case.environment.get("PATH")) is None:
            message = (
                "server.api_keys_gopass_path is set, and gopass is not on the PATH: the server does not start"
            )
            yield problem(Id.CONFIG_GOPASS, "gopass", message, "install gopass, or clear that key")
    if sources:
        yield ok(Id.CONFIG_KEYS, "server", f"clients have to show an API key: {', '.join(sources)}")
    elif server.require_auth and not server.api_keys_file:
        message = "server.require_auth is true, and there is no source of API keys: the server does not start"
        yield problem(Id.CONFIG_KEYS, "server.require_auth", message, _KEYS_CURE)


def _keys_file(file: Path) -> Iterator[Finding]:
    """As the server reads it: mode, owner and every fault. None of its keys is in it, only their digests."""
    try:
        keyfile.read(Keys(Schemas(), keyfile.SCHEMA), file)
    except BadSettings as error:
        for fault in str(error).splitlines():
            yield problem(Id.CONFIG_KEYS_FILE, str(file), fault, "correct it; clinvk keys check tells the same")


def _exposed(case: Case) -> Iterator[Finding]:
    server = case.settings.server
    guarded = case.settings.api_keys or server.api_keys_file or server.api_keys_gopass_path
    if is_loopback(server.host):
        if not guarded and server.local_users == "any":
            message = (
                "no API keys, and server.local_users is any: every user of this machine may run agents as you"
            )
            yield warning(Id.CONFIG_KEYS, "server.local_users", message, f"{_KEYS_CURE}; or local_users: own")
        elif not guarded and not server.require_auth:
            yield note(
                Id.CONFIG_KEYS,
                "server",
                "no API keys: what runs as you on this machine may run agents",
                _KEYS_CURE,
            )
        return
    if not guarded:
        message = (
            f"server.host is {server.host}, and there are no API keys: WHOEVER REACHES THE PORT OWNS THIS MACHINE"
        )
        yield problem(Id.CONFIG_EXPOSED, "server.host", message, f"{_KEYS_CURE}; or server.host 127.0.0.1")
    elif not server.tls_cert_file:
        message = f"server.host is {server.host} without TLS: keys and prompts cross the network in the clear"
        cure = "server.tls_cert_file and tls_key_file, or a proxy with TLS before a server on loopback"
        yield warning(Id.CONFIG_EXPOSED, "server.host", message, cure)


def _workdirs(case: Case) -> Iterator[Finding]:
    server = case.settings.server
    for folder in server.allowed_workdir_prefixes:
        if not os.path.isdir(folder):  # noqa: PTH112  a string is what is configured
            message = f"{folder}, of server.allowed_workdir_prefixes, is no folder: no run can work there"
            yield warning(Id.CONFIG_WORKDIRS, folder, message, "make it, or correct its name")
    for folder in server.blocked_workdir_prefixes:
        if not os.path.isdir(folder):  # noqa: PTH112
            message = f"{folder}, of server.blocked_workdir_prefixes, is not there: it guards nothing"
            yield warning(Id.CONFIG_WORKDIRS, folder, message, "correct its name, or remove it")


def _audit(case: Case) -> Iterator[Finding]:
    name = case.settings.server.audit_log
    if not name:
        return
    file = Path(name)
    there = os.path.lexists(file)
    if there and not os.path.isfile(file):  # noqa: PTH113  a Path's may raise
        yield problem(Id.CONFIG_AUDIT, name, f"{name}, server.audit_log, is no regular file", "name another")
    elif not os.access(file if there else file.parent, os.W_OK):
        message = f"{name}, server.audit_log, cannot be written by this user"
        yield problem(Id.CONFIG_AUDIT, name, message, f"make {file.parent}, writable for the server's user")


def _socket(case: Case) -> Iterator[Finding]:
    name = case.settings.server.unix_socket
    if not name:
        return
    path = Path(name)
    if not os.access(path.parent, os.W_OK):
        message = f"{path.parent}, where server.unix_socket is to be, is not there or not writable"
        yield problem(Id.CONFIG_SOCKET, name, message, "make the folder, for this user")
    elif os.path.lexists(path) and not stat.S_ISSOCK(path.lstat().st_mode):
        message = f"{name}, server.unix_socket, is there and is no socket"
        yield problem(Id.CONFIG_SOCKET, name, message, "remove it, or name another")
