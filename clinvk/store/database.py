"""The store's file: made, locked, opened and brought up to date. Everything here blocks."""

import fcntl
import logging
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from clinvk.domain.errors import StoreUnavailable
from clinvk.store.damage import Damaged, check_log, set_aside

_log = logging.getLogger("clinvk.store")

FILE: Final = "clinvk.db"
LOCK: Final = "clinvk.db-lock"
MIGRATIONS: Final = Path(__file__).parent / "migrations"
APPLICATION_ID: Final = int.from_bytes(b"clvk")

_BUSY_MS: Final = 5000  # for somebody who looks into the file with a program of his own
_FOLD_BUSY_MS: Final = 200  # the same, where it can be done another time
_PRAGMAS: Final = (
    "PRAGMA synchronous = NORMAL",
    "PRAGMA wal_autocheckpoint = 4000",  # pages: fewer, and each hundredth commit would wait for the disk
    "PRAGMA secure_delete = ON",  # what was deleted shall not be found in the file
    "PRAGMA journal_size_limit = 16777216",  # a burst shall not leave a large -wal for ever
)

_DAMAGE: Final = (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)

T = TypeVar("T")


class Database:
    """One connection, and the lock that makes it the only one. Belongs to the thread that made it.

    WAL with `synchronous=NORMAL`: what was committed survives the death of the process, SIGKILL too. It may not
    survive a power failure or a crash of the kernel: then the newest commits may be gone, and the file is whole.
    """

    def __init__(self, folder: Path, migrations: Path = MIGRATIONS) -> None:
        """Open, and make what is missing; what is damaged is set aside. Raises StoreUnavailable, with nothing held
        and nothing changed.
        """
        self.path = folder / FILE
        self._lock = _locked(folder)
        try:
            self.connection = _whole(self.path, migrations)
            self._identity = _identity(self.path)
        except BaseException:
            os.close(self._lock)
            raise

    def transact(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Do `job` and commit; whatever it raises, nothing of it stays.

        Raises StoreUnavailable where the file is gone: SQLite would write on into what nobody finds again.
        """
        if _identity(self.path) != self._identity:
            raise StoreUnavailable("its file was deleted or moved while the server ran: restart it")
        db = self.connection
        if db.in_transaction:  # a rollback that the disk refused
            db.rollback()
        db.execute("BEGIN IMMEDIATE")
        with db:
            return job(db)

    def fold(self) -> None:
        """Fold the -wal into the file and empty it: it holds what was deleted as it was before.

        A full disk can be in the way, or somebody who reads with a program of his own: then the log has it, and
        the next time does it.
        """
        reason = None
        self.connection.execute(f"PRAGMA busy_timeout = {_FOLD_BUSY_MS}")
        try:
            (busy, *_) = self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            reason = "another program reads the file" if busy else None
        except sqlite3.Error as error:
            reason = str(error)
        finally:
            self.connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
        if reason:
            _log.warning("what was deleted may still be found in %s-wal: %s", self.path, reason)

    def close(self) -> None:
        """Fold the -wal into the file and let others have it."""
        try:
            self.connection.close()
        finally:
            os.close(self._lock)


def migrate(db: sqlite3.Connection, migrations: Path = MIGRATIONS) -> None:
    """Apply each script that the file has not had, in a transaction of its own. `user_version` counts them.

    Raises StoreUnavailable where the file is another program's, or a newer clinvk's; it is left alone then.
    """
    scripts = sorted(migrations.glob("[0-9]*.sql"))
    version = _version(db, len(scripts))
    for number, script in enumerate(scripts[version:], version + 1):
        text = script.read_text("utf-8")
        try:
            db.executescript(f"BEGIN IMMEDIATE;\n{text}\n;PRAGMA user_version = {number};\nCOMMIT;")
        except BaseException:
            db.rollback()
            raise
        _log.info("the store is at version %d: %s", number, script.stem)


def _version(db: sqlite3.Connection, newest: int) -> int:
    """How many migrations the file has had."""
    (version,) = db.execute("PRAGMA user_version").fetchone()
    (owner,) = db.execute("PRAGMA application_id").fetchone()
    used = version or owner or db.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if used and owner != APPLICATION_ID:
        raise StoreUnavailable("the file is the database of another program")
    if version > newest:
        raise StoreUnavailable(
            f"a newer clinvk wrote it, in version {version}; this one knows up to {newest}: upgrade clinvk"
        )
    return int(version)


def _locked(folder: Path) -> int:
    """A descriptor with the lock, for as long as it is open. A killed server's goes with it."""
    with _told(folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / LOCK
    with _told(path):
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with _told(path):
            _take(lock)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _take(lock: int) -> None:
    """Lock, and leave our pid for whoever comes second."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
        raise StoreUnavailable(f"it is in use by another clinvk server, pid {holder or 'unknown'}") from None
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)


def _whole(path: Path, migrations: Path) -> sqlite3.Connection:
    """The database, or a new one in place of a damaged one: nobody shall be without for what is lost anyway."""
    try:
        return _connected(path, migrations)
    except Damaged as damaged:
        with _told(path):
            aside = set_aside(path)
        _log.error("%s; it is kept as %s, and the store begins anew", damaged.reason, aside)
        return _connected(path, migrations)


def _connected(path: Path, migrations: Path) -> sqlite3.Connection:
    with _told(path):
        _make_private(path)
        check_log(path)
        db = sqlite3.connect(path, timeout=_BUSY_MS / 1000, isolation_level=None)
    try:
        with _told(path):
            _prepare(db, migrations)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: sqlite3.Connection, migrations: Path) -> None:
    _version(db, len(list(migrations.glob("[0-9]*.sql"))))  # before anything is written
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreUnavailable("its file system does not let SQLite keep a write-ahead log: use a local disk")
    for pragma in _PRAGMAS:
        db.execute(pragma)
    migrate(db, migrations)


def _make_private(path: Path) -> None:
    """For the owner alone, before there is anything to read. SQLite gives -wal and -shm the mode of the file."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    for file in (path, path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        if file.exists() and file.stat().st_mode & 0o077:
            file.chmod(0o600)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file has that name; None where there is none, or none that can be seen."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _room(path: Path) -> str:
    """What SQLite does not tell of a disk that is full when it is to make its shared memory."""
    try:
        return "" if os.statvfs(path.parent).f_bavail else ", and the disk is full"
    except OSError:
        return ""


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What the system or SQLite refuses, as a sentence that names the file."""
    try:
        yield
    except OSError as error:
        raise StoreUnavailable(f"{path}: {error.strerror or error}") from error
    except sqlite3.Error as error:
        kind = Damaged if getattr(error, "sqlite_errorcode", None) in _DAMAGE else StoreUnavailable
        raise kind(f"{path}: {error}{_room(path)}") from error
    except Damaged:
        raise
    except StoreUnavailable as error:
        raise StoreUnavailable(f"{error.reason} ({path})") from error
