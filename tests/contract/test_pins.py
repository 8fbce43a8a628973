"""One version of each CLI is installed, recorded and within the range that its backend is tested with."""

import json
from pathlib import Path

import pytest

from clinvk.backends.registry import default_registry

ROOT = Path(__file__).resolve().parents[2]
PINS = json.loads((ROOT / "scripts" / "clis" / "package.json").read_text())["dependencies"]
PACKAGES = {
    "claude": "@anthropic-ai/claude-code",
    "codex": "@openai/codex",
    "gemini": "@google/gemini-cli",
}
REGISTRY = default_registry()


def numbers(version):
    return [int(number) for number in version.split(".")]


def test_every_backend_that_needs_a_cli_has_a_pin_and_every_pin_a_backend():
    needing = {name for name in REGISTRY.names() if REGISTRY.get(name).executable}
    assert needing == set(PACKAGES)
    assert sorted(PINS) == sorted(PACKAGES.values())


@pytest.mark.parametrize("name", PACKAGES)
def test_what_is_pinned_was_recorded(name):
    recorded = [folder.name for folder in (ROOT / "tests" / "transcripts" / name).glob("*")]
    assert max(recorded, key=numbers, default=None) == PINS[PACKAGES[name]]


@pytest.mark.parametrize("name", PACKAGES)
def test_what_is_pinned_is_within_the_range_that_is_said_to_be_tested(name):
    first, beyond = REGISTRY.get(name).executable.tested
    assert numbers(first) <= numbers(PINS[PACKAGES[name]]) < numbers(beyond)


@pytest.mark.parametrize("name", PACKAGES)
def test_the_cure_names_the_package_that_is_pinned(name):
    executable = REGISTRY.get(name).executable
    assert PACKAGES[name] in executable.install
    assert executable.name == name
