"""scripts/bench at its least: what comes out of it, never how fast it was."""

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import clis
from tests.e2e.conftest import Served

pytestmark = pytest.mark.timeout(240)  # what is measured takes as long as the machine needs for it

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "scripts" / "benchmarks"
SIDES = {
    "overhead": {"clinvk", "stripped handler", "bare spawn"},
    "deltas": {"clinvk", "bare reader"},
    "sessions": {"clinvk", "stripped handler", "clinvk, ephemeral"},
    "footprint": {"clinvk", "python -c pass", "import tornado"},
    "first-token": {"clinvk", "bare driver"},
}
"""What each measurement is taken beside."""
PROMISED = {"overhead": "overhead.1.latency", "deltas": "deltas.flood.rate", "footprint": "footprint.start"}
"""A row of each, at any size, that has a goal."""


def bench(*arguments: str, path: str | None = None) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PATH": path} if path is not None else None
    command = [sys.executable, "-I", str(BENCH), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def measured(what: str, folder: Path, *more: str, path: str | None = None) -> dict[str, Any]:
    """The results of one measurement, at its least."""
    file = folder / "results.json"
    done = bench(what, "--least", "--json", str(file), *more, path=path)
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def has_shape(found: dict[str, Any], what: str) -> None:
    assert set(found) == {"made", "noise", "rows", "skipped"}
    assert {"at", "commit", "clinvk", "python", "libraries", "kernel", "cores", "processor", "compiler"} <= set(
        found["made"]
    )
    assert set(found["noise"]["spin_ms"]) == {"median", "low", "high", "worst"}
    assert {row["what"] for row in found["rows"]} == {what}
    for row in found["rows"]:
        assert row["better"] in {"lower", "higher"}
        assert row["sides"], row
        for spread in (*row["sides"].values(), *(verdict["value"] for verdict in row["verdicts"])):
            assert spread["low"] <= spread["median"] <= spread["high"], row
            assert spread["rounds"] == 1
        for verdict in row["verdicts"]:
            assert verdict["side"] in row["sides"]
            assert isinstance(verdict["met"], bool)
            assert verdict["goal"].startswith(("at most", "at least"))


def sides(found: dict[str, Any]) -> set[str]:
    return {side for row in found["rows"] for side in row["sides"]}


def judged(found: dict[str, Any]) -> set[str]:
    """The rows that have a goal."""
    return {row["id"] for row in found["rows"] if row["verdicts"]}


@pytest.mark.parametrize("what", ["sessions", "footprint"])
def test_a_measurement_has_ours_the_others_and_its_goals(what, tmp_path):
    found = measured(what, tmp_path)
    has_shape(found, what)
    assert SIDES[what] <= sides(found)
    assert what not in PROMISED or PROMISED[what] in judged(found)


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[str]:
    """The base URL of OpenAI's API on a server of ours whose program answers as the bench's own do."""
    program = json.dumps([sys.executable, "-I", "-S", str(BENCH / "instant.py")])
    served = (sys.executable, "-E", "-s", str(BENCH / "served.py"), program, "-", "serve", "--port", "0")
    home = tmp_path / "peer"
    home.mkdir()
    server = Served(home, argv=served)
    yield f"http://127.0.0.1:{server.port}/openai/v1#demo"
    server.end()


@pytest.mark.parametrize("what", ["overhead", "deltas"])
def test_another_server_is_measured_beside(what, tmp_path, peer):
    found = measured(what, tmp_path, "--peer", peer)
    has_shape(found, what)
    assert SIDES[what] | {"peer"} <= sides(found)
    assert PROMISED[what] in judged(found)
    assert not any("peer" in row["sides"] for row in found["rows"] if row["id"].endswith("cpu"))


def test_what_is_not_there_is_told(tmp_path):
    """Without a compiler another program answers; a peer that is not there has no side."""
    found = measured("deltas", tmp_path, "--peer", "http://127.0.0.1:9/v1#none", path=str(tmp_path))
    has_shape(found, "deltas")
    assert "peer" not in sides(found)
    assert any("the peer's streams cannot be measured" in one["why"] for one in found["skipped"])
    assert found["made"]["compiler"] is None
    (tmp_path / "found.json").write_text(json.dumps(found))
    assert "instant.py" in bench("--page", str(tmp_path / "found.json")).stdout


@pytest.mark.clis
@pytest.mark.timeout(240)
@pytest.mark.skipif(not clis.installed(), reason="the CLIs are not there: scripts/install-clis")
def test_the_first_token_of_each_cli_has_its_floor(tmp_path):
    found = measured("first-token", tmp_path)
    has_shape(found, "first-token")
    told = {row["id"]: row for row in found["rows"]}
    skipped = {one["what"] for one in found["skipped"]}
    for cli in clis.NAMES:
        assert set(told[f"first-token.{cli}.cold"]["sides"]) == SIDES["first-token"]
        for start in ("warm", "live"):
            row = f"first-token.{cli}.{start}"
            assert "bare driver" in told[row]["sides"]
            assert ("clinvk" in told[row]["sides"]) != (row in skipped)


@pytest.mark.skipif(clis.installed(), reason="the CLIs are there")
def test_without_the_clis_their_script_is_named(tmp_path):
    (skipped,) = measured("first-token", tmp_path)["skipped"]
    assert "scripts/install-clis" in skipped["why"]


def spread(median: float) -> dict[str, Any]:
    return {"median": median, "low": median, "high": median, "rounds": 1}


def row(identity: str, ours: float, theirs: float, *, met: bool) -> dict[str, Any]:
    verdict = {
        "side": "clinvk",
        "goal": "at most 2 ms over bare spawn",
        "value": spread(ours - theirs),
        "met": met,
    }
    told = {"what": identity.partition(".")[0], "id": identity, "name": identity, "unit": "ms", "better": "lower"}
    return {**told, "sides": {"clinvk": spread(ours), "bare spawn": spread(theirs)}, "verdicts": [verdict]}


def test_a_page_shows_the_rows_that_are_lost(tmp_path):
    made = json.loads((ROOT / "docs" / "performance.json").read_text())
    made["rows"] = [row("overhead.won", 2.5, 1.0, met=True), row("overhead.lost", 9.0, 1.0, met=False)]
    made["skipped"] = [{"what": "first-token", "why": "the CLIs are not there: scripts/install-clis"}]
    (tmp_path / "made.json").write_text(json.dumps(made))
    page = bench("--page", str(tmp_path / "made.json")).stdout
    assert "1 of 2 goals are met." in page
    assert "| overhead.won | at most 2 ms over bare spawn | 1.5 | met |" in page
    assert "| overhead.lost | at most 2 ms over bare spawn | 8 | **lost** |" in page
    assert "| overhead.lost | 9 ms | bare spawn: 1 ms | 9 × |" in page
    assert "LOST: at most 2 ms over bare spawn; 8" in page
    assert "- first-token: the CLIs are not there" in page
    assert "{{" not in page


def test_the_page_is_what_its_results_make():
    """Else: ./scripts/bench --page docs/performance.json > docs/performance.md"""
    docs = ROOT / "docs"
    assert bench("--page", str(docs / "performance.json")).stdout == (docs / "performance.md").read_text()


@pytest.mark.parametrize("arguments", [("overhead", "--write"), ("no-such-thing",)], ids=" ".join)
def test_what_makes_no_sense_is_refused(arguments):
    assert bench(*arguments).returncode == 2


@pytest.fixture(scope="module")
def figures() -> Any:
    spec = importlib.util.spec_from_file_location("bench_figures", BENCH / "figures.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look there for their annotations
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("goal", "words", "value", "met"),
    [
        ({"bound": 3}, "at most 3 ms", 3.0, True),
        ({"bound": 2.9}, "at most 2.9 ms", 3.0, False),
        ({"bound": 2, "than": "floor"}, "at most 2 ms over floor", 2.0, True),
        ({"bound": 2.5, "at_most": False, "than": "floor", "share": True}, "at least 2.5 × floor", 3.0, True),
        ({"bound": 4, "at_most": False}, "at least 4 ms", 3.0, False),
    ],
)
def test_a_goal_is_judged_round_by_round(figures, goal, words, value, met):
    verdict = figures.Goal(**goal).judged({"clinvk": [2.0, 3.0, 9.0], "floor": [1.0, 1.0, 3.0]}, "ms")
    assert (verdict.goal, verdict.value.median, verdict.met) == (words, value, met)


def test_a_goal_of_a_side_that_was_not_measured_is_not_judged(figures):
    assert figures.Goal(1.0, than="floor").judged({"clinvk": [1.0]}, "ms") is None
    assert figures.Goal(1.0, side="pool off").judged({"clinvk": [1.0]}, "ms") is None
