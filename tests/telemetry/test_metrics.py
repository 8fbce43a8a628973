"""What is counted, how it is told, and that there is never too much of it."""

import re
from pathlib import Path

import pytest
from prometheus_client import exposition
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from clinvk.domain.run import Start, Stop, StopCause
from clinvk.domain.usage import Usage
from clinvk.telemetry.metrics import Metrics
from clinvk.telemetry.series import OTHER, About, Counter, Histogram
from tests.telemetry import worst

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "metrics.md").read_text("utf-8")
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
UNITS = ("_seconds", "_bytes", "_usd", "_info", "_ratio")
# What has no unit: these are numbers of things, or 0 and 1.
THINGS = {"runs", "requests", "failures", "starts", "stops", "tokens", "lines_lost", "sessions", "fds", "live",
          "queued", "lingering", "warm", "limit", "up", "draining"}  # fmt: skip


@pytest.fixture(scope="module")
def full():
    metrics = Metrics()
    worst.fill(metrics)
    return metrics


def text(metrics, accept=""):
    return metrics.exposition(worst.levels()).encoded(accept)[0].decode()


def families(metrics):
    return {family.name: family for family in plain(text(metrics))}


def value(metrics, name, **labels):
    """One sample; None where there is none."""
    for family in plain(text(metrics)):
        for sample in family.samples:
            if sample.name == name and sample.labels == labels:
                return sample.value
    return None


def named(family):
    return family.name + ("_total" if family.type == "counter" else "")


def test_the_most_that_can_be_counted_is_less_than_two_thousand_series(full):
    lines = [line for line in text(full).splitlines() if not line.startswith("#")]
    assert 1000 < len(lines) < 1800
    room = full._requests.about.most - len(set(worst.requests()))
    assert 0 < room < 200, "and no route, method or status has to be thrown together with others"
    assert len(lines) + room < 2000


def test_nothing_that_is_asked_for_by_the_table_is_thrown_together(full):
    told = {
        (sample.labels["route"], sample.labels["method"], sample.labels["status"])
        for sample in families(full)["clinvk_http_requests"].samples
    }
    expected = {(route, "other" if method == "BREW" else method, str(status))
                for route, method, status in worst.requests()}  # fmt: skip
    assert told == expected


def test_what_comes_after_the_last_set_of_labels_is_counted_as_other():
    counter = Counter(About("x_total", "X.", ("a", "b"), most=2))
    for number in range(10):
        counter.add(str(number), "b")
    counter.add("0", "b")
    assert counter._values == {("0", "b"): 2, ("1", "b"): 1, (OTHER, OTHER): 8}


@pytest.mark.parametrize("parse", [plain, openmetrics], ids=["plain", "openmetrics"])
def test_the_librarys_own_parser_takes_it_and_finds_help_and_type_for_each(full, parse):
    accept = OPENMETRICS if parse is openmetrics else ""
    found = list(parse(text(full, accept)))
    assert len(found) == 32
    for family in found:
        assert family.documentation.strip().endswith(".")
        assert family.type in {"counter", "gauge", "histogram"}
        assert re.fullmatch("[a-z][a-z0-9_]+", family.name)
        assert family.name.endswith((*UNITS, *THINGS)), family.name
        assert all(re.fullmatch("[a-z_]+", label) for sample in family.samples for label in sample.labels)


def test_a_client_is_given_the_form_that_it_asks_for(full):
    now = full.exposition(worst.levels())
    told, media_type = now.encoded(OPENMETRICS)
    assert media_type.startswith("application/openmetrics-text; version=1.0.0")
    assert told.endswith(b"# EOF\n")
    for accept in ("", "*/*", "text/html", "text/plain"):
        told, media_type = now.encoded(accept)
        assert media_type == exposition.CONTENT_TYPE_PLAIN_0_0_4
        assert not told.endswith(b"# EOF\n")


@pytest.mark.parametrize("accept", ["application/openmetrics-text; version=abc", "text/plain; version=1.x.0"])
def test_a_version_that_is_none_gets_what_everybody_reads(full, accept):
    assert full.exposition(worst.levels()).encoded(accept)[1] == exposition.CONTENT_TYPE_PLAIN_0_0_4


def test_no_label_holds_what_a_client_may_choose(full):
    said = text(full)
    for private in ("the prompt", "/the/workdir", "a-label", "127.0.0.1", "req_1", "run_1", "BREW"):
        assert private not in said


def test_two_servers_in_one_process_count_apart():
    one, other = Metrics(), Metrics()
    one.request("/health", "GET", 200, 0.1)
    labels = {"route": "/health", "method": "GET", "status": "200"}
    assert value(one, "clinvk_http_requests_total", **labels) == 1
    assert value(other, "clinvk_http_requests_total", **labels) is None


def test_an_exposition_stays_as_it_is_while_counting_goes_on():
    metrics = Metrics()
    metrics.request("/health", "GET", 200, 0.1)
    now = metrics.exposition(worst.levels())
    before = [line for line in now.encoded("")[0].splitlines() if line.startswith(b"clinvk_")]
    metrics.request("/health", "GET", 200, 0.1)
    metrics.lag(0.5)
    after = [line for line in now.encoded("")[0].splitlines() if line.startswith(b"clinvk_")]
    assert before == after


def test_a_value_falls_into_the_first_bucket_that_reaches_it():
    histogram = Histogram(About("x_seconds", "X."), (1.0, 2.0))
    for each in (0.5, 1.0, 1.5, 2.0, 3.0):
        histogram.observe(each)
    samples = {(sample.name, sample.labels.get("le")): sample.value for sample in histogram.family().samples}
    assert samples == {
        ("x_seconds_bucket", "1.0"): 2,
        ("x_seconds_bucket", "2.0"): 4,
        ("x_seconds_bucket", "+Inf"): 5,
        ("x_seconds_count", None): 5,
        ("x_seconds_sum", None): 8,
    }


def test_a_run_counts_by_how_it_ended_and_how_long_it_took():
    metrics = Metrics()
    run = worst.run("demo")
    metrics.started(run)
    metrics.ended(run)
    labels = {"backend": "demo", "dialect": "native", "state": "completed"}
    assert value(metrics, "clinvk_runs_total", **labels) == 1
    for name, seconds in (("queue", 1), ("first_output", 3), ("duration", 10)):
        assert value(metrics, f"clinvk_run_{name}_seconds_sum", backend="demo") == seconds
        assert value(metrics, f"clinvk_run_{name}_seconds_count", backend="demo") == 1


def test_a_run_that_never_had_a_child_waited_to_its_end():
    metrics = Metrics()
    run = worst.run("demo")
    run.started_at = run.first_output_at = None
    run.stop = Stop(StopCause.CLIENT)
    metrics.stopped(run)
    metrics.ended(run)
    assert value(metrics, "clinvk_run_queue_seconds_sum", backend="demo") == 10
    assert value(metrics, "clinvk_run_first_output_seconds_count", backend="demo") is None
    assert value(metrics, "clinvk_run_stops_total", cause="client") == 1


def test_how_a_run_began_counts_with_what_it_saved_where_it_had_a_child():
    metrics = Metrics()
    for start, saved in ((Start.COLD, 0.0), (Start.WARM, 1.5), (Start.LIVE, 0.25), (None, 0.0)):
        run = worst.run("demo")
        run.start, run.start_saved_secs = start, saved
        metrics.started(run)
        metrics.ended(run)
    counts = {sample.labels["start"]: sample.value for sample in families(metrics)["clinvk_run_starts"].samples}
    assert counts == {"cold": 1, "warm": 1, "live": 1}
    assert value(metrics, "clinvk_start_saved_seconds_total", backend="demo") == 1.75


def test_the_kinds_of_tokens_add_up_to_what_the_run_used():
    metrics = Metrics()
    run = worst.run("demo")
    metrics.ended(run)
    tokens = {
        (sample.labels["direction"], sample.labels["kind"]): sample.value
        for sample in families(metrics)["clinvk_tokens"].samples
    }
    assert tokens == {
        ("input", "new"): 50,
        ("input", "cache_read"): 30,
        ("input", "cache_write"): 20,
        ("output", "answer"): 40,
        ("output", "reasoning"): 10,
    }
    assert value(metrics, "clinvk_cost_usd_total", backend="demo") == 0.25


def test_a_cli_that_tells_nonsense_cannot_turn_a_counter_back():
    metrics = Metrics()
    run = worst.run("demo")
    run.usage = Usage(input_tokens=1, cached_tokens=5, cost_usd=-1.0)
    metrics.ended(run)
    assert value(metrics, "clinvk_tokens_total", backend="demo", direction="input", kind="new") == 0
    assert value(metrics, "clinvk_cost_usd_total", backend="demo") == 0


def test_a_clock_that_was_set_back_makes_no_negative_time():
    metrics = Metrics()
    run = worst.run("demo")
    run.finished_at = run.created_at - 5
    metrics.ended(run)
    assert value(metrics, "clinvk_run_duration_seconds_sum", backend="demo") == 0


def test_the_page_lists_each_metric_with_its_type_labels_and_words(full):
    rows = re.findall(r"^\| `((?:clinvk|process)_\w+)` \| (\w+) \| (.*?) \| (.*?) \|$", PAGE, re.MULTILINE)
    expected = []
    for family in full.exposition(worst.levels()).collect():
        labels = [label for label in family.samples[0].labels if label != "le"]
        told = ", ".join(f"`{label}`" for label in labels) or "–"
        expected.append((named(family), family.type, told, family.documentation))
    assert rows == expected


def test_the_page_lists_each_value_of_a_label(full):
    rows = dict(
        re.findall(r"^\| `(\w+)`(?:, `\w+`)? \| (.*) \|$", PAGE.partition("## Their labels")[2], re.MULTILINE)
    )
    seen = {}
    for family in full.exposition(worst.levels()).collect():
        for sample in family.samples:
            for label, each in sample.labels.items():
                seen.setdefault(label, set()).add(each)
    for label in ("backend", "dialect", "state", "start", "cause", "direction", "method"):
        assert seen[label] <= set(re.findall(r"`(\w+)`", rows[label])), label
    assert seen.keys() - {"le", "version", "python", "kind"} == rows.keys()
    assert seen["kind"] <= set(re.findall(r"`(\w+)`", rows["direction"]))
