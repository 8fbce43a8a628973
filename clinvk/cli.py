"""The command line: arguments → a command."""

import argparse
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from clinvk import __version__

_Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001  it has no other name

_FILE: Final = "configuration file (~/.clinvk/config.yaml)"


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0 fine, 1 could not, 2 wrong usage, 3 wrong configuration."""
    options = _parser().parse_args(arguments)
    code: int = options.run(options)
    return code


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of one command, for its reference page."""
    found: argparse.ArgumentParser = _COMMANDS[command](argparse.ArgumentParser().add_subparsers())
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="clinvk", description="One HTTP endpoint in front of the AI coding CLIs on your machine."
    )
    parser.add_argument("--version", action="version", version=f"clinvk {__version__}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in _COMMANDS.values():
        add(commands)
    return parser


def _add_serve(commands: _Commands) -> argparse.ArgumentParser:
    command = commands.add_parser("serve", help="start the HTTP server", allow_abbrev=False)
    command.add_argument("--host", help="address to bind (127.0.0.1)")
    command.add_argument("--port", "-p", type=int, help="port to listen on (8080); 0 takes a free one")
    command.add_argument("--config", type=Path, help=_FILE)
    command.add_argument(
        "--log-level",
        choices=["debug", "info", "warning", "error"],
        default="info",
        help="what is logged (info): debug, info, warning or error",
    )
    command.add_argument(
        "--log-format",
        choices=["auto", "human", "json"],
        default="auto",
        help="auto: lines for people on a terminal, JSON lines otherwise",
    )
    command.add_argument("--log-content", action="store_true", help="write prompts and answers to the log too")
    command.add_argument("--tui", action="store_true", help="show the console on this terminal")
    command.set_defaults(run=_serve)
    return command


def _add_config(commands: _Commands) -> argparse.ArgumentParser:
    command = commands.add_parser("config", help="show, check and change the configuration", allow_abbrev=False)
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for name, arguments, told in _CONFIG:
        action = actions.add_parser(name, help=told, description=told, allow_abbrev=False)
        action.add_argument("--config", type=Path, help=_FILE)
        for argument, meaning in arguments.items():
            action.add_argument(argument.lower(), metavar=argument, help=meaning)
    command.set_defaults(run=_config)
    return command


def _add_tui(commands: _Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "tui", help="show the console of a server that runs elsewhere", allow_abbrev=False
    )
    command.add_argument(
        "--url", default="http://127.0.0.1:8080", help="where the server is (http://127.0.0.1:8080)"
    )
    command.add_argument(
        "--api-key-env", metavar="NAME", help="variable of the environment that holds the API key (CLINVK_API_KEY)"
    )
    command.set_defaults(run=_tui)
    return command


def _add_keys(commands: _Commands) -> argparse.ArgumentParser:
    command = commands.add_parser("keys", help="make, list, remove and check API keys", allow_abbrev=False)
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for name, told in _KEYS.items():
        action = actions.add_parser(name, help=told, description=told, allow_abbrev=False)
        action.add_argument("--config", type=Path, help=_FILE)
        if name in {"add", "remove"}:
            action.add_argument("label", metavar="LABEL", help="what the key is called in logs")
        for flag, kind, metavar, meaning in _BOUNDS if name == "add" else ():
            many = "append" if kind is str else "store"
            action.add_argument(flag, action=many, type=kind, metavar=metavar, help=meaning)
    command.set_defaults(run=_keys)
    return command


def _add_doctor(commands: _Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "doctor", help="find what would trouble a server here, and the cure", allow_abbrev=False
    )
    command.add_argument("--json", action="store_true", help="print the findings as JSON")
    command.add_argument("--config", type=Path, help=_FILE)
    command.set_defaults(run=_doctor)
    return command


def _add_service(commands: _Commands) -> argparse.ArgumentParser:
    command = commands.add_parser(
        "service", help="have systemd or launchd keep the server running", allow_abbrev=False
    )
    actions = command.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    for name, told in _SERVICE.items():
        action = actions.add_parser(name, help=told, description=told, allow_abbrev=False)
        if name == "install":
            action.add_argument("--port", "-p", type=int, help="port to listen on, in place of the configured one")
            action.add_argument("--config", type=Path, help=_FILE)
            action.add_argument("--print", action="store_true", help="write the file to standard output only")
    command.set_defaults(run=_service)
    return command


def _serve(options: argparse.Namespace) -> int:
    from clinvk.commands import serve  # noqa: PLC0415  what is not asked for is not loaded

    return serve.run(options, os.environ)


def _config(options: argparse.Namespace) -> int:
    from clinvk.commands import config  # noqa: PLC0415  nor this: it is to be quick

    return config.run(options, os.environ)


def _tui(options: argparse.Namespace) -> int:
    from clinvk.commands import tui  # noqa: PLC0415  nor this

    return tui.run(options, os.environ)


def _keys(options: argparse.Namespace) -> int:
    from clinvk.commands import keys  # noqa: PLC0415  nor this

    return keys.run(options, os.environ)


_KEYS: Final = {
    "add": "make a key, print it once, and write its digest into the key file",
    "list": "the labels of the key file, and what each may do",
    "remove": "take a key out of the key file",
    "check": "gather the keys of all sources as the server does; their labels, or what is wrong",
}
_BOUNDS: Final = (
    ("--backend", str, "NAME", "a backend that it may use, and no other; may be repeated"),
    ("--workdir", str, "DIR", "a folder that its runs may work in, and nowhere else; may be repeated"),
    ("--max-runs", int, "N", "runs it may have at once"),
    ("--max-queued", int, "N", "runs it may have waiting beyond those"),
    ("--rate", float, "RPS", "requests a second"),
    ("--burst", int, "N", "requests at once before that rate holds"),
)


def _doctor(options: argparse.Namespace) -> int:
    from clinvk.commands import doctor  # noqa: PLC0415  nor this

    return doctor.run(options, os.environ)


def _service(options: argparse.Namespace) -> int:
    from clinvk.commands import service  # noqa: PLC0415  nor this

    return service.run(options, os.environ)


_SERVICE: Final = {
    "install": "write the service of this user, and start it now and with every login",
    "uninstall": "stop it, and remove what install wrote",
    "status": "whether it is installed and runs; the exit code says so too",
}
_KEY = {"KEY": "such as server.port"}
_CONFIG: Final[tuple[tuple[str, Mapping[str, str], str], ...]] = (
    ("show", {}, "the whole configuration, and where each value comes from"),
    ("check", {}, "whether it is right, or every fault in it"),
    ("path", {}, "the file that is used"),
    ("get", _KEY, "one value"),
    ("set", {**_KEY, "VALUE": "YAML: true, 3000, '[a, b]' or text"}, "change one value in the file"),
)
_COMMANDS = {
    "serve": _add_serve,
    "config": _add_config,
    "tui": _add_tui,
    "doctor": _add_doctor,
    "keys": _add_keys,
    "service": _add_service,
}
