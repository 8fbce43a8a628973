"""The command line: arguments → a command."""

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

from clinvk import __version__
from clinvk.commands import serve


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


def _add_serve(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> argparse.ArgumentParser:
    command = commands.add_parser("serve", help="start the HTTP server", allow_abbrev=False)
    command.add_argument("--host", help="address to bind (127.0.0.1)")
    command.add_argument("--port", "-p", type=int, help="port to listen on (8080); 0 takes a free one")
    command.add_argument("--config", type=Path, help="configuration file (~/.clinvk/config.yaml)")
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
    command.set_defaults(run=lambda options: serve.run(options, os.environ))
    return command


_COMMANDS = {"serve": _add_serve}
