"""docs/reference/command-line.md, by the parser itself."""

import argparse
import textwrap
from collections.abc import Iterator

from markdown import GENERATED, joined, table

from clinvk import cli
from clinvk.settings import loading

EXIT_CODES = (
    ("0", "Fine."),
    ("1", "It could not be done; standard error says why."),
    ("2", "Wrong usage."),
    ("3", "The configuration cannot be used; every fault is told, with file and line."),
    ("128 + n", "The server died by signal n."),
)
VARIABLES = {
    "CLINVK_HOME": "The folder that everything is kept in, in place of `~/.clinvk`.",
    "CLINVK_CONFIG": "The configuration file; `--config` wins over it.",
    "CLINVK_API_KEY": "The API key that `clinvk tui` sends, unless `--api-key-env` names another variable.",
    "CLINVK_API_KEYS": "API keys, which are not served yet: the server does not start where it is set.",
}


def page() -> str:
    """The page."""
    parser = cli._parser()  # noqa: SLF001 argparse shows its parsers to nobody
    parts = [f"# Command line\n\n{GENERATED}\n", *_commands("clinvk", parser), *_variables()]
    parts.append("## Exit codes\n\n" + table(("code", "meaning"), EXIT_CODES))
    return joined(parts)


def _commands(name: str, parser: argparse.ArgumentParser) -> Iterator[str]:
    """`parser` and the commands below it. One without a job of its own is its commands' parent only."""
    subcommands = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]  # noqa: SLF001
    yield f"## `{name}`\n\n{_sentence(parser.description or '')}"
    yield f"```text\n{_usage(parser)}\n```\n"
    yield table(("argument", "meaning"), (_argument(each) for each in parser._actions if _is_told(each)))  # noqa: SLF001
    for action in subcommands:
        for each, below in action.choices.items():
            help_ = next((one.help for one in action._choices_actions if one.dest == each), "")  # noqa: SLF001
            below.description = below.description or help_
            yield from _commands(f"{name} {each}", below)


def _usage(parser: argparse.ArgumentParser) -> str:
    usage = " ".join(parser.format_usage().split()).removeprefix("usage: ")
    return textwrap.fill(usage, 100, subsequent_indent="    ", break_on_hyphens=False)


def _is_told(action: argparse.Action) -> bool:
    hidden = action.help == argparse.SUPPRESS or action.dest == "help"
    return not hidden and not isinstance(action, argparse._SubParsersAction)  # noqa: SLF001


def _argument(action: argparse.Action) -> tuple[str, str]:
    names = ", ".join(action.option_strings) or str(action.metavar or action.dest)
    values = f" {{{','.join(map(str, action.choices))}}}" if action.choices else ""
    return f"`{names}{values}`", _sentence(action.help or "").strip()


def _sentence(text: str) -> str:
    """argparse's helps begin small and end without a stop."""
    whole = text[:1].upper() + text[1:] + ("" if not text or text.endswith(".") else ".")
    return whole + "\n"


def _variables() -> Iterator[str]:
    yield "## Environment variables\n\nFlags win over them, they win over the file. An empty one is none.\n"
    settings = {name: f"Sets [`{'.'.join(steps)}`](settings.md)." for name, steps in loading.VARIABLES.items()}
    yield table(("variable", "meaning"), ((f"`{name}`", told) for name, told in (VARIABLES | settings).items()))
