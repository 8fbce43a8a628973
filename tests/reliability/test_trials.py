"""docs/reliability.md: it is what its results make, they hold what is promised, and single trials still go alike.

Of each fault that no other test has, one trial; a hundred by ./scripts/reliability.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TRIALS = ROOT / "scripts" / "trials"
RESULTS = ROOT / "docs" / "reliability.json"
FEWER = 20
"""Trials of what takes long: rows of real CLIs, and those that wait for a clock."""
LONG = ("real-", "machine-suspended")
TRIED = (
    "tools-exit",
    "client-anthropic",
    "client-dead",
    "client-half-closed",
    "fault-missing",
    "fault-not-executable",
    "fault-replaced",
    "fault-endless-line",
    "fault-stopped",
    "fault-forks",
    "machine-descriptors",
    "machine-processes",
    "store-full",
    "store-read-only",
    "container-server-sigkill",
)


def trials(*arguments: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", str(TRIALS), *arguments]
    environment = {name: os.environ[name] for name in ("PATH", "LANG", "TMPDIR") if name in os.environ}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return {row["id"]: row for row in json.loads(RESULTS.read_text("utf-8"))["rows"]}


def test_the_page_is_what_its_results_make():
    """Else: ./scripts/reliability --page docs/reliability.json > docs/reliability.md"""
    made = trials("--page", str(RESULTS))
    assert made.stdout == (ROOT / "docs" / "reliability.md").read_text("utf-8"), made.stderr


def test_what_is_published_was_tried_often_enough_and_nothing_was_left(published):
    for name, row in published.items():
        assert row["trials"] >= (FEWER if name.startswith(LONG) else 100), name
        assert row["left"] == 0, name
        assert sum(row["client"].values()) == sum(row["kept"].values()) == row["trials"], name


def test_all_that_is_published_can_be_tried_again(published):
    known = {line.split()[0] for line in trials("--list").stdout.splitlines()}
    assert set(published) <= known


def test_a_row_that_there_is_not_is_refused():
    assert trials("no-such-row").returncode == 2


@pytest.mark.e2e
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", TRIED)
def test_it_goes_as_published(published, name):
    done = trials(name, "--trials", "1", "--json")
    if "skipped" in done.stdout:
        pytest.skip(done.stdout.strip())
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads(done.stdout)
    assert seen["left"] == 0
    assert set(seen["client"]) <= set(published[name]["client"])
    assert set(seen["kept"]) <= set(published[name]["kept"])
