"""The pages about the real CLIs say what the code does: one shape of page, one set of tests.

What a page alone has (claude's retries, say) is held to the code beside its backend's other tests.
"""

import ast
import json
import re
from pathlib import Path

import pytest

from clinvk import schemas, settings
from clinvk.backends.base import Installation, Site
from clinvk.backends.registry import default_registry
from clinvk.domain.errors import ErrorCode
from clinvk.domain.spec import RunSpec
from clinvk.supervisor import environment

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "backends"
INDEX = (DOCS / "README.md").read_text("utf-8")
PINS = json.loads((ROOT / "scripts" / "clis" / "package.json").read_text())["dependencies"]
REGISTRY = default_registry()
REAL = [REGISTRY.get(name) for name in REGISTRY.names() if REGISTRY.get(name).executable]
# Which packages of clinvk/backends a backend is made of.
SOURCES = {"claude": ("claude",), "codex": ("codex",), "gemini": ("gemini", "acp")}

every_backend = pytest.mark.parametrize("backend", REAL, ids=lambda backend: backend.name)


def page_of(backend):
    return (DOCS / f"{backend.name}.md").read_text("utf-8")


def cells(line):
    return [cell.strip().strip("`") for cell in line.strip().strip("|").split("|")]


def tables(text):
    """Every table as its rows' cells, the head first."""
    found = re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE)
    return [[cells(line) for line in table.splitlines() if not re.match(r"\|[-|]+$", line)] for table in found]


def table(text, *head):
    """The rows below this head."""
    (found,) = [table[1:] for table in tables(text) if table[0] == list(head)]
    return found


def section(text, title):
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


@every_backend
def test_the_index_has_its_row(backend):
    rows = {row[0]: row for row in table(INDEX, *INDEX_HEAD)}
    _, _, install, tested, taken, link = rows[backend.name]
    first, below = backend.executable.tested
    assert npm(backend) in install
    assert tested == PINS[npm(backend).rpartition(" ")[2].removesuffix("@latest")]
    assert taken == f"from {first}, below {below}"
    assert link == f"[{backend.name}]({backend.name}.md)"


INDEX_HEAD = ("backend", "CLI", "install it", "tested with", "taken for good", "page")


def npm(backend):
    """The command of the cure where it is not installed."""
    return re.search(r"npm install -g [@/\w-]+", backend.executable.install)[0]


def test_the_index_has_every_backend():
    assert [row[0] for row in table(INDEX, *INDEX_HEAD)] == list(REGISTRY.names())


@every_backend
def test_the_page_names_the_versions_and_the_cure(backend):
    first, below = backend.executable.tested
    page = page_of(backend)
    assert re.search(rf"\b{re.escape(first)}\b.{{1,20}}below {re.escape(below)}\b", page)
    assert npm(backend) in page


@every_backend
def test_the_page_lists_the_flags_of_the_allow_list_and_no_others(backend):
    first_cells = [row[0] for table in tables(page_of(backend)) for row in table]
    flags = [cell for cell in first_cells if re.fullmatch(r"--[\w-]+", cell)]
    assert flags == list(backend.traits.extra_flags)


@every_backend
def test_the_page_lists_what_is_passed_on_of_the_environment(backend):
    passed, *_ = tables(section(page_of(backend), "Environment"))
    assert [row[0] for row in passed[1:]] == list(backend.traits.environment)


@every_backend
def test_the_page_tells_what_is_added_to_the_environment(backend):
    page = page_of(backend)
    site = Site(Installation(("/opt/cli",), "1.0.0"), "/home/dev/tmp")
    for name, value in backend.command(RunSpec(backend.name, "hello", "/project"), site).env.items():
        assert f"`{name}={value}`" in page or f"| `{name}` | `{value}` |" in page, name


@every_backend
def test_the_page_tells_the_steps_of_both_ladders_and_their_seconds(backend):
    told = [tuple(row) for row in table(page_of(backend), "asked to", "step", "seconds")]
    stop = [("stop", str(rung.step), str(rung.grace)) for rung in backend.traits.stop]
    retire = [("end after its answer", str(rung.step), str(rung.grace)) for rung in backend.traits.retire]
    assert told == stop + retire


@every_backend
def test_the_page_names_the_folders_that_may_be_left_in_the_workdir(backend):
    assert [name for name in backend.traits.litter if f"`{name}`" not in page_of(backend)] == []


@every_backend
def test_the_index_tells_the_clocks(backend):
    rows = {row[0]: row[2] for row in table(INDEX, "backend", *CLOCKS)}
    assert rows[backend.name] == f"{backend.traits.first_output_secs:.0f} s"
    assert f"the idle clock, {backend.traits.idle_secs:.0f} s" in INDEX


CLOCKS = ("longest wait for a provider that fails", "clock for the first output")


def codes_in(path):
    """The error codes that a module names."""
    names = {
        node.attr
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ErrorCode"
    }
    return {ErrorCode[name] for name in names}


@every_backend
def test_the_page_names_every_error_that_the_backend_can_give(backend):
    folders = [ROOT / "clinvk" / "backends" / name for name in SOURCES[backend.name]]
    modules = [ROOT / "clinvk" / "backends" / "failures.py"]
    modules += [path for folder in folders for path in folder.glob("*.py")]
    given = set().union(*map(codes_in, modules))
    assert len(given) > 9
    page = page_of(backend)
    assert sorted(code for code in given if f"`{code}`" not in page) == []


def test_the_index_tells_what_every_child_sees():
    paragraph = re.search(r"\*\*What it sees\.\*\*(.*?)\n\n", INDEX, re.DOTALL)[1]
    fixed = environment.clean({}, (), {}, "run")
    told = set(re.findall(r"`([A-Z_]+\*?)`", paragraph)) - fixed.keys()
    allowed = {name for name in environment._COMMON if name.isupper()}
    assert told == allowed - {"TMPDIR"}, "TMPDIR is one of its own"
    assert {name.upper() for name in environment._COMMON} == allowed, "the rest are proxies in small letters"
    assert {"TERM": "dumb", "NO_COLOR": "1"}.items() <= fixed.items()


def test_the_example_of_settings_is_taken(tmp_path):
    example = re.search(r"```yaml\n(.*?)```", INDEX, re.DOTALL)[1]
    path = tmp_path / "config.yaml"
    path.write_text(example)
    chosen = settings.load(schemas.Schemas(), tmp_path, path, {})
    assert chosen.backends["claude"].path == "/opt/claude/bin/claude"
    assert chosen.backends["claude"].allowed_tools == ("Read", "Grep")
    assert chosen.backends["claude"].pass_env == ("MY_PROVIDER_KEY",)
    assert chosen.backends["gemini"].enabled is False


def settings_of(schema, prefix=""):
    """The dotted names of all settings; NAME stands for a backend's."""
    for name, one in schema.get("properties", {}).items():
        each = one.get("additionalProperties")
        if isinstance(each, dict):
            yield from settings_of(each, f"{prefix}{name}.NAME.")
        elif "properties" in one:
            yield from settings_of(one, f"{prefix}{name}.")
        else:
            yield prefix + name


def test_every_setting_is_in_the_reference():
    named = list(settings_of(schemas.Schemas().documents["config/config"]))
    assert "backends.NAME.allowed_tools" in named
    reference = (ROOT / "docs" / "reference" / "settings.md").read_text("utf-8")
    assert [name for name in named if f"| `{name}` |" not in reference] == []


def test_every_error_code_is_in_the_reference():
    reference = (ROOT / "docs" / "reference" / "errors.md").read_text("utf-8")
    assert [code for code in ErrorCode if f"| `{code}` |" not in reference] == []
