"""What is written from the code and the schemas is what they say now, and says all of it."""

import argparse
import re
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

from clinvk import cli
from clinvk.api import schema_types
from clinvk.api.dialects.ask import TREATMENT
from clinvk.api.problems import Kind
from clinvk.api.table import ROUTES
from clinvk.domain.errors import ErrorCode
from clinvk.domain.run import TRANSITIONS, RunState
from clinvk.domain.spec import Dialect
from clinvk.schemas import Schemas

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "reference"
SCHEMAS = Schemas()
PUBLIC = {document["title"]: document for name, document in SCHEMAS.documents.items() if "config/" not in name}
FILES = [
    "docs/openapi.json",
    "docs/reference/README.md",
    "docs/reference/command-line.md",
    "docs/reference/console.md",
    "docs/reference/settings.md",
    "docs/reference/native-api.md",
    "docs/reference/openai.md",
    "docs/reference/anthropic.md",
    "docs/reference/events.md",
    "docs/reference/errors.md",
    "docs/design.md",
    "clinvk/api/schema_types.py",
]


def generate(*arguments):
    command = [sys.executable, "-I", ROOT / "scripts" / "generated", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("file", FILES)
def test_a_generated_file_is_what_the_code_and_the_schemas_say(file):
    done = generate("--check", file)
    assert (done.returncode, done.stderr) == (0, "")


def test_no_generated_file_is_left_out():
    assert set(re.findall(r"[\w-]+(?:/[\w.-]+)+", generate("--help").stdout)) >= set(FILES)
    assert {f"docs/reference/{page.name}" for page in PAGES.iterdir()} <= set(FILES)


def text(page):
    return (PAGES / page).read_text("utf-8")


def test_every_route_has_a_section_and_every_parameter_a_row():
    page = text("native-api.md")
    for route in ROUTES:
        section = re.search(
            rf"^## {route.method} {re.escape(route.path)}\n(.*?)(?=^## )", page, re.DOTALL | re.MULTILINE
        )
        assert section, route.name
        for parameter in route.parameters:
            assert f"| `{parameter.name}` | {parameter.place} |" in section[1]
        for kind in route.problems:
            assert f"| {kind.value.status} | [{kind.value.slug}]" in section[1]


def fields(part, prefix=""):
    """The names of all fields of `part`, nested ones too, up to what other schemas say."""
    for name, each in part.get("properties", {}).items():
        yield prefix + name
        yield from fields(each, f"{prefix}{name}.")
        yield from fields(each.get("items", {}), f"{prefix}{name}[].")


def test_every_field_of_every_object_has_a_row():
    pages = text("native-api.md") + text("events.md")
    for title, document in PUBLIC.items():
        for part in document.get("oneOf", [document]):
            missing = [name for name in fields(part) if f"| `{name}` |" not in pages]
            assert (title, missing) == (title, [])


OF_DIALECTS = [route for route in ROUTES if route.dialect is not Dialect.NATIVE and route.request]


@pytest.mark.parametrize("route", OF_DIALECTS, ids=lambda route: route.path)
def test_every_field_of_a_dialects_request_has_a_row_that_says_what_becomes_of_it(route):
    page = text(f"{route.dialect}.md")
    section = re.search(rf"^## POST {re.escape(route.path)}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)[1]
    for name, part in SCHEMAS.whole(route.request)["properties"].items():
        row = re.search(rf"^\| `{name}` \|.*\|$", section, re.MULTILINE)
        assert row, name
        assert f"| {part[TREATMENT]} |" in row[0]
    for kind in route.problems:
        assert f"| {kind.value.status} | [{kind.value.slug}]" in section


def test_every_event_problem_and_error_has_a_row():
    types = [each["properties"]["type"]["const"] for each in PUBLIC["Event"]["oneOf"]]
    assert [name for name in types if f"\n## {name}\n" not in text("events.md")] == []
    errors = text("errors.md")
    assert [kind for kind in Kind if f"| {kind.value.status} | `{kind.value.slug}` |" not in errors] == []
    assert [code for code in ErrorCode if f"| `{code}` |" not in errors] == []


def actions(parser):
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from actions(below)
        elif action.dest != "help":
            yield action


def test_every_flag_and_argument_has_a_row():
    page = text("command-line.md")
    for action in actions(cli._parser()):
        name = ", ".join(action.option_strings) or action.metavar
        assert f"\n| `{name}" in page, name


def test_every_environment_variable_that_is_read_has_a_row():
    sources = (path.read_text("utf-8") for path in (ROOT / "clinvk").rglob("*.py"))
    read = {name for source in sources for name in re.findall(r'"(CLINVK_[A-Z_]+)"', source)}
    # Between our own processes: CLINVK_RUN marks a run's children.
    ours = {"CLINVK_RUN"}
    assert [name for name in read - ours if f"| `{name}` |" not in text("command-line.md")] == []


@pytest.mark.parametrize("page", ["reference/events.md", "design.md"])
def test_the_diagram_of_states_is_the_table_of_transitions(page):
    drawn = re.search(
        r"```mermaid\nstateDiagram-v2\n(.*?)```", (ROOT / "docs" / page).read_text("utf-8"), re.DOTALL
    )
    arrows = {
        tuple(line.split(" --> ")) for line in drawn[1].replace("[*] --> queued\n", "").split("\n") if line.strip()
    }
    inner = {(start.strip(), end) for start, end in arrows if end != "[*]"}
    assert inner == {(state.value, to.value) for (state, _), to in TRANSITIONS.items()}
    assert {start.strip() for start, end in arrows if end == "[*]"} == {s.value for s in RunState if s.ended}


def test_every_public_object_is_a_type_with_its_fields_and_needs():
    for title, document in PUBLIC.items():
        for part in document.get("oneOf", [document]):
            made = getattr(schema_types, part.get("title", title))
            if "properties" in part:
                taken = {name for name, each in part["properties"].items() if "not" not in each}
                assert set(get_type_hints(made)) == taken, title
                assert made.__required_keys__ == set(part.get("required", ())), title
