"""The home folder and the store in it. Nothing is made, changed or locked."""

import contextlib
import os
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import quote

from clinvk.doctor import mounts
from clinvk.doctor.case import Case
from clinvk.doctor.finding import Finding, Id, note, ok, problem, warning
from clinvk.store.database import APPLICATION_ID, FILE, MIGRATIONS

_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "lustre", "gpfs", "glusterfs", "beegfs"}
    | {"fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone", "davfs", "fuse.davfs2"}
)
_MIB: Final = 1 << 20
_SCARCE: Final = 1024 * _MIB
_TOO_LITTLE: Final = 100 * _MIB
_BUSY_SECS: Final = 1.0
_NEEDED: Final = os.R_OK | os.W_OK | os.X_OK


def findings(case: Case) -> Iterator[Finding]:
    """Of the folder, what it lies on, and the store."""
    home = case.places.home
    folder = list(_folder(home))
    yield from folder
    yield from _below(home)
    if home.is_dir() and os.access(home, _NEEDED):
        yield from _store(home / FILE)


def _folder(home: Path) -> Iterator[Finding]:
    try:
        state = home.stat()
    except FileNotFoundError:
        yield _absent(home)
        return
    except OSError as error:
        message = f"{home} cannot be looked at: {error.strerror}"
        yield problem(Id.HOME_FOLDER, str(home), message, "correct it, or set CLINVK_HOME")
        return
    if not stat.S_ISDIR(state.st_mode):
        yield problem(Id.HOME_FOLDER, str(home), f"{home} is no folder", "move it away, or set CLINVK_HOME")
        return
    if not os.access(home, _NEEDED) or state.st_uid not in {os.geteuid(), 0}:
        message = f"{home} belongs to another user, or may not be written: sessions and runs cannot be kept"
        yield problem(Id.HOME_FOLDER, str(home), message, f"chown -R {os.geteuid()} {home}, or set CLINVK_HOME")
    else:
        yield ok(Id.HOME_FOLDER, str(home), f"{home} is there and can be written")
    yield from _mode(home, state.st_mode & 0o777)


def _absent(home: Path) -> Finding:
    above = next((folder for folder in home.parents if folder.is_dir()), Path("/"))
    if os.access(above, os.W_OK):
        return ok(Id.HOME_FOLDER, str(home), f"{home} is not there yet; the first start makes it")
    message = f"{home} is not there, and cannot be made: {above} may not be written"
    return problem(Id.HOME_FOLDER, str(home), message, "make it, for the server's user, or set CLINVK_HOME")


def _mode(home: Path, mode: int) -> Iterator[Finding]:
    cure = f"chmod 700 {home}"
    if mode & 0o022:
        message = f"others may write {home} (mode {mode:04o}): its configuration starts programs as you"
        yield problem(Id.HOME_MODE, str(home), message, cure)
    elif mode & 0o077:
        yield warning(Id.HOME_MODE, str(home), f"others may look into {home} (mode {mode:04o})", cure)


def _below(home: Path) -> Iterator[Finding]:
    """What is below the folder: the file system, and its room."""
    mount = mounts.holding(home, mounts.table())
    if mount and mount.kind in _NETWORK:
        message = f"{home} is on a network file system ({mount.kind}): SQLite's log and locks do not hold there"
        yield warning(Id.HOME_NETWORK, str(home), message, "set CLINVK_HOME to a folder on a local disk")
    there = next((folder for folder in (home, *home.parents) if folder.is_dir()), Path("/"))
    with contextlib.suppress(OSError):
        free = shutil.disk_usage(there).free
        yield _room(home, free)


def _room(home: Path, free: int) -> Finding:
    message = f"{free / _SCARCE:.1f} GiB are free for {home}"
    cure = "make room, or shorten session.retention_days"
    if free < _TOO_LITTLE:
        return problem(Id.HOME_SPACE, str(home), f"only {free // _MIB} MiB are free for {home}", cure)
    if free < _SCARCE:
        return warning(Id.HOME_SPACE, str(home), f"only {free // _MIB} MiB are free for {home}", cure)
    return ok(Id.HOME_SPACE, str(home), message)


def _store(file: Path) -> Iterator[Finding]:
    try:
        mode = file.stat().st_mode
    except FileNotFoundError:
        yield ok(Id.HOME_STORE, str(file), f"{file} is not there yet; the first start makes it")
        return
    if mode & 0o077:
        message = f"{file}, with prompts and answers in it, is open to other users (mode {mode & 0o777:04o})"
        yield warning(Id.HOME_STORE_MODE, str(file), message, f"chmod 600 {file}; a server does it at its start")
    try:
        version, owner = _asked(file)
    except sqlite3.Error as error:
        message = f"{file} cannot be opened: {error}"
        yield problem(Id.HOME_STORE, str(file), message, "move it away with its -wal, and bring back a copy")
        return
    yield _judged(file, version, owner)


def _judged(file: Path, version: int, owner: int) -> Finding:
    newest = len(list(MIGRATIONS.glob("[0-9]*.sql")))
    if version > newest:
        message = f"{file} was written by a newer clinvk, in version {version}; this one knows up to {newest}"
        return problem(Id.HOME_STORE_NEWER, str(file), message, "upgrade clinvk")
    if owner != APPLICATION_ID and (version or owner):
        message = f"{file} is the database of another program"
        return problem(Id.HOME_STORE, str(file), message, "move it away, or set CLINVK_HOME")
    if version < newest:
        message = f"{file} is of an older clinvk, in version {version}; the next start brings it up to {newest}"
        return note(Id.HOME_STORE, str(file), message, "copy it before, if you may want to go back")
    return ok(Id.HOME_STORE, str(file), f"{file} opens, in version {version}")


def _asked(file: Path) -> tuple[int, int]:
    """Its version and whose it is. Raises sqlite3.Error.

    Without a log beside it nobody writes it, and it is read as it stands: SQLite then leaves nothing behind.
    """
    way = "mode=ro" if file.with_name(f"{file.name}-wal").exists() else "mode=ro&immutable=1"
    with contextlib.closing(
        sqlite3.connect(f"file:{quote(str(file))}?{way}", uri=True, timeout=_BUSY_SECS)
    ) as store:
        (version,) = store.execute("PRAGMA user_version").fetchone()
        (owner,) = store.execute("PRAGMA application_id").fetchone()
        store.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return int(version), int(owner)
