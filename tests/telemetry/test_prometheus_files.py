"""The files for Prometheus and Grafana name what there is, all of it, and Prometheus takes them."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from clinvk.telemetry.metrics import Metrics
from tests.telemetry import worst

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy" / "prometheus"


@pytest.fixture(scope="module")
def full():
    metrics = Metrics()
    worst.fill(metrics)
    return metrics


def named(family):
    return family.name + ("_total" if family.type == "counter" else "")


def used(expressions):
    """The metrics that PromQL names."""
    return set(re.findall(r"\b(?:clinvk|process)_\w+", " ".join(expressions)))


def known(full):
    names = set()
    for family in full.exposition(worst.levels()).collect():
        suffixes = ("_bucket", "_sum", "_count") if family.type == "histogram" else ("",)
        names |= {named(family) + suffix for suffix in suffixes}
    return names


def test_the_dashboard_shows_every_metric_and_no_other(full):
    board = json.loads((DEPLOY / "dashboard.json").read_text("utf-8"))
    panels = board["panels"]
    shown = used(target["expr"] for panel in panels for target in panel.get("targets", ()))
    assert shown <= known(full)
    families = {re.sub("_(bucket|sum|count)$", "", name) for name in known(full)}
    assert {re.sub("_bucket$", "", name) for name in shown} == families
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels]
    assert len(set(places)) == len(places), "no two panels lie on each other"


def test_the_alert_rules_use_only_metrics_and_labels_that_there_are(full):
    rules = (DEPLOY / "alerts.yml").read_text("utf-8")
    names = used([rules])
    assert len(names) > 10
    assert names <= known(full)
    seen = {(label, each) for family in full.exposition(worst.levels()).collect() for sample in family.samples
            for label, each in sample.labels.items()}  # fmt: skip
    for label, each in re.findall(r'\b(state|error|status|backend)!?=~?"([^"]+)"', rules):
        assert all((label, one) in seen for one in each.split("|")), (label, each)


has_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def promtool(*check, said=""):
    """The status of a check, and all that it tells."""
    checked = subprocess.run(
        ["promtool", "check", *check], input=said, capture_output=True, text=True, check=False
    )
    return checked.returncode, checked.stdout + checked.stderr


@has_promtool
@pytest.mark.parametrize("what", [("rules", "alerts.yml"), ("config", "prometheus.yml")], ids=" ".join)
def test_prometheus_takes_the_files(what):
    status, told = promtool(what[0], DEPLOY / what[1])
    assert status == 0, told


@has_promtool
def test_prometheus_has_nothing_to_say_against_the_names(full):
    assert promtool("metrics", said=full.exposition(worst.levels()).encoded("")[0].decode()) == (0, "")


@has_promtool
def test_prometheus_takes_every_expression_of_the_dashboard(tmp_path):
    board = json.loads((DEPLOY / "dashboard.json").read_text("utf-8"))
    targets = [target for panel in board["panels"] for target in panel.get("targets", ())]
    rules = [
        {"record": f"x:{number}", "expr": target["expr"].replace("$__rate_interval", "1m")}
        for number, target in enumerate(targets)
    ]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "x", "rules": rules}]}))
    status, told = promtool("rules", file)
    assert status == 0, told
