"""Writes every generated file, or with --check says which of them is out of date. See scripts/generate."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import command_line
import console_page
import dialect_pages
import errors_page
import events_page
import index_page
import native_api
import settings_page
import states
import wire_types

from clinvk.api import openapi
from clinvk.api.table import ROUTES
from clinvk.schemas import Schemas

ROOT = Path(__file__).resolve().parent.parent.parent
DESIGN = ROOT / "docs" / "design.md"
SCHEMAS = Schemas()


def specification() -> str:
    """The OpenAPI document."""
    return json.dumps(openapi.document(ROUTES, SCHEMAS), indent=2, ensure_ascii=False) + "\n"


FILES: Mapping[str, Callable[[], str]] = {
    "docs/openapi.json": specification,
    "docs/reference/README.md": index_page.page,
    "docs/reference/command-line.md": command_line.page,
    "docs/reference/console.md": console_page.page,
    "docs/reference/settings.md": lambda: settings_page.page(SCHEMAS),
    "docs/reference/native-api.md": lambda: native_api.page(SCHEMAS),
    "docs/reference/openai.md": lambda: dialect_pages.page("openai", SCHEMAS),
    "docs/reference/anthropic.md": lambda: dialect_pages.page("anthropic", SCHEMAS),
    "docs/reference/events.md": lambda: events_page.page(SCHEMAS),
    "docs/reference/errors.md": errors_page.page,
    "docs/design.md": lambda: states.drawn_into(DESIGN.read_text("utf-8")),
    "clinvk/api/schema_types.py": lambda: wire_types.module(openapi.document(ROUTES, SCHEMAS)),
}


def main() -> int:
    """0 where all is well; 1 where --check found something."""
    parser = argparse.ArgumentParser(prog="scripts/generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; 1 if something is out of date")
    parser.add_argument("files", nargs="*", metavar="FILE", help="only these: " + ", ".join(FILES))
    options = parser.parse_args()
    fresh = {name: FILES[name]() for name in options.files or FILES}
    stale = [name for name, text in fresh.items() if _text(ROOT / name) != text]
    for name in stale:
        if options.check:
            print(f"{name} is out of date: run scripts/generate", file=sys.stderr)
        else:
            (ROOT / name).parent.mkdir(exist_ok=True)
            (ROOT / name).write_text(fresh[name], "utf-8")
    return 1 if stale and options.check else 0


def _text(file: Path) -> str | None:
    return file.read_text("utf-8") if file.exists() else None


if __name__ == "__main__":
    sys.exit(main())
