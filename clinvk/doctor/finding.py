"""A finding: one thing that was looked at, and what is to be done about it."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. Only a problem fails the examination."""

    OK = "ok"
    NOTE = "note"
    WARNING = "warning"
    PROBLEM = "problem"


class Id(StrEnum):
    """What was looked at; the word before the first dash is its subject. docs/doctor.md explains each."""

    CLI_FOUND = "cli-found"
    CLI_MISSING = "cli-missing"
    CLI_DISABLED = "cli-disabled"
    CLI_UNUSABLE = "cli-unusable"
    CLI_VERSION = "cli-version"
    CLI_SLOW = "cli-slow"
    CLI_TWICE = "cli-twice"
    CLI_WRAPPED = "cli-wrapped"
    CLI_NODE = "cli-node"
    CLI_SERVICE = "cli-service"
    CLI_LOGIN = "cli-login"
    CLI_LOGIN_FILE = "cli-login-file"
    CLI_SANDBOX = "cli-sandbox"
    CLI_NONE = "cli-none"
    CLI_UNASKED = "cli-unasked"

    CONFIG_FILE = "config-file"
    CONFIG_MODE = "config-mode"
    CONFIG_KEYS = "config-keys"
    CONFIG_KEYS_FILE = "config-keys-file"
    CONFIG_GOPASS = "config-gopass"
    CONFIG_EXPOSED = "config-exposed"
    CONFIG_TLS = "config-tls"
    CONFIG_WORKDIRS = "config-workdirs"
    CONFIG_AUDIT = "config-audit"
    CONFIG_SOCKET = "config-socket"

    HOME_FOLDER = "home-folder"
    HOME_MODE = "home-mode"
    HOME_NETWORK = "home-network"
    HOME_SPACE = "home-space"
    HOME_STORE = "home-store"
    HOME_STORE_MODE = "home-store-mode"
    HOME_STORE_NEWER = "home-store-newer"

    SERVER_PORT = "server-port"
    SERVER_RUNNING = "server-running"
    SERVER_VERSION = "server-version"
    SERVER_USER = "server-user"
    SERVER_STORE = "server-store"

    TERMINAL_CONSOLE = "terminal-console"
    TERMINAL_LOCALE = "terminal-locale"
    TERMINAL_COLOURS = "terminal-colours"
    TERMINAL_SIZE = "terminal-size"

    ENV_BILLING = "env-billing"
    ENV_ENDPOINT = "env-endpoint"
    ENV_LOOP = "env-loop"
    ENV_NESTED = "env-nested"
    ENV_PROXY = "env-proxy"
    ENV_NODE_OPTIONS = "env-node-options"
    ENV_PROFILE_KEYS = "env-profile-keys"
    ENV_CLEAN = "env-clean"

    MACHINE_SYSTEM = "machine-system"
    MACHINE_ROOT = "machine-root"
    MACHINE_CONTAINER = "machine-container"
    MACHINE_PROC = "machine-proc"
    MACHINE_CGROUP = "machine-cgroup"
    MACHINE_SUBREAPER = "machine-subreaper"
    MACHINE_HOME = "machine-home"
    MACHINE_TMP = "machine-tmp"
    MACHINE_SHM = "machine-shm"
    MACHINE_MEMORY = "machine-memory"

    DOCTOR_FAILED = "doctor-failed"
    DOCTOR_SLOW = "doctor-slow"

    @property
    def subject(self) -> str:
        return self.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Finding:
    """`message` is a sentence without its stop, `cure` what to do, empty where nothing is to be done.

    Neither ever has the value of a variable or of a key in it, and both can be shown on any terminal.
    """

    id: Id
    level: Level
    about: str
    """The CLI, file, variable or part of the machine that it is about."""
    message: str
    cure: str = ""


def ok(id_: Id, about: str, message: str) -> Finding:
    """As it should be."""
    return _found(id_, Level.OK, about, message, "")


def note(id_: Id, about: str, message: str, cure: str = "") -> Finding:
    """Good to know."""
    return _found(id_, Level.NOTE, about, message, cure)


def warning(id_: Id, about: str, message: str, cure: str) -> Finding:
    """A server would run, and somebody would be surprised."""
    return _found(id_, Level.WARNING, about, message, cure)


def problem(id_: Id, about: str, message: str, cure: str) -> Finding:
    """A server would not run, not do what is wanted of it, or stand open."""
    return _found(id_, Level.PROBLEM, about, message, cure)


def _found(id_: Id, level: Level, about: str, message: str, cure: str) -> Finding:
    return Finding(id_, level, _plain(about), _plain(message), _plain(cure))


def _plain(text: str) -> str:
    """On one line, with what would move a cursor spelled out: names of files may hold anything."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in text)
