"""Seeded chaos: clients of all three APIs and faults against the whole program, and that its checks can fail.

`scripts/chaos` does a thousand seeds: see docs/chaos.md.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.conftest import SOAK
from tests.store.records import RECOUNTS

CHAOTIC = Path(__file__).resolve().parents[2] / "scripts" / "chaotic"
SEEDS = range(1, 201 if SOAK else 21)


def chaos(*arguments, folder):
    """What the script tells; its exit status and what it says."""
    command = (sys.executable, "-I", CHAOTIC, *map(str, arguments))
    environment = os.environ | {"TMPDIR": str(folder)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=170, env=environment)
    assert not run.stderr, run.stderr
    return run.returncode, run.stdout


@pytest.mark.e2e
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_nothing_is_left_and_nothing_is_lost(tmp_path, seed):
    status, told = chaos(seed, folder=tmp_path)
    assert status == 0, told
    assert not list(tmp_path.iterdir())


def test_a_seed_is_a_plan(tmp_path):
    first, again = (chaos("--plan", 7, folder=tmp_path) for _ in range(2))
    assert first == again
    assert first != chaos("--plan", 8, folder=tmp_path)
    assert json.loads(first[1])["seed"] == 7


def test_what_stands_in_the_results_is_not_done_again_and_shards_share_the_rest(tmp_path):
    results = tmp_path / "results.ndjson"
    results.write_text("".join(f'{{"seed":{seed},"passed":true}}\n' for seed in (1, 3, 5)))
    before = results.read_text()
    status, told = chaos("--seeds", "1-6", "--shard", "1/2", "--results", results, folder=tmp_path)
    assert (status, told, results.read_text()) == (0, "verdict: passed\n", before)


MEDDLING = {
    "a process that was left": (
        """
import os, subprocess
def meddle(chaos):
    left = subprocess.Popen(
        ["sleep", "86400"], env={"CLINVK_RUN": "x", "HOME": str(chaos.home.folder), "PATH": os.environ["PATH"]}
    )
""",
        "left after the end: process",
    ),
    "an end that is told twice": (
        """
def meddle(chaos):
    spool = max((chaos.home.kept / "runs").glob("*.ndjson"), key=lambda path: path.stat().st_size)
    chaos.told.run(spool.stem)
    lines = spool.read_bytes().splitlines(keepends=True)
    again = lines[-1].replace(b'"seq":%d,' % (len(lines) - 1), b'"seq":%d,' % len(lines), 1)
    spool.write_bytes(b"".join([*lines, again]))
""",
        "run_",
    ),
    "an event that is another": (
        """
import json
def meddle(chaos):
    run = next(one for one in chaos.told.runs.values() if 0 in one.events)
    run.events[0] = run.events[0] | {"backend": "another"}
""",
        "event 0 of run_",
    ),
    "a session that is lost": (
        """
def meddle(chaos):
    chaos.told.session("ses_that_never_was")
""",
        "ses_that_never_was ",
    ),
    "a run that is lost": (
        """
def meddle(chaos):
    chaos.told.run("run_that_never_was")
""",
        "run_that_never_was is gone",
    ),
    "a total that is wrong": (
        """
import sqlite3
def meddle(chaos):
    with sqlite3.connect(chaos.home.kept / "clinvk.db") as db:
        db.execute("UPDATE run_totals SET amount = amount + 1")
""",
        "run_totals are",
    ),
    "an error in the log": (
        """
def meddle(chaos):
    chaos.first.lines.append('{"level": "error", "message": "something broke"}')
""",
        "in the log: ",
    ),
    "a client that was cut off": (
        """
from told import Exchange
def meddle(chaos):
    at = chaos.disturber.ended_at - 5
    chaos.told.exchanges.append(Exchange(9, 9, "whole", "hello", at, at + 1, "cut"))
""",
        "9.9 whole 'hello': cut",
    ),
}
MEDDLE = """
import sys
sys.path.insert(0, {chaotic!r})
from seed import carry_out
{meddle}
for fault in carry_out({seed}, meddle).faults:
    print(fault)
"""
CALM_SEED = 10451
"""One without disturbances that excuse anything: each of these shall be the only fault. Its server is ended when
all clients are done, however long that takes: they have been told of runs by then."""


@pytest.mark.e2e
@pytest.mark.timeout(180)
@pytest.mark.parametrize("what", MEDDLING)
def test_the_checks_find(tmp_path, what):
    meddle, expected = MEDDLING[what]
    code = MEDDLE.format(chaotic=str(CHAOTIC), meddle=meddle, seed=CALM_SEED)
    command = (sys.executable, "-I", "-c", code)
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=170, env=environment)
    faults = run.stdout.splitlines()
    assert faults, run.stderr
    assert all(fault.startswith(expected) for fault in faults), faults


def test_the_totals_that_are_looked_at_are_those_that_the_store_has():
    told = subprocess.run(
        (sys.executable, "-c", "import json, second; print(json.dumps(second.RECOUNTS))"),
        capture_output=True,
        check=True,
        cwd=CHAOTIC,
    )
    assert json.loads(told.stdout) == RECOUNTS


def test_the_page_shows_what_the_results_come_to(tmp_path):
    docs = CHAOTIC.parents[1] / "docs"
    status, told = chaos("--table", docs / "chaos-results.ndjson", folder=tmp_path)
    assert status == 0
    assert told.strip() in (docs / "chaos.md").read_text("utf-8")
