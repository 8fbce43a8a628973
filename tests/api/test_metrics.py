"""/metrics: for whom it is, and that it counts what happened."""

import asyncio

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as plain

from clinvk.api.services import Bounds
from clinvk.domain.access import Grant, Keyring, digest
from clinvk.supervisor.limits import Limits, PoolLimits
from clinvk.telemetry.metrics import Metrics
from tests.api.client import DEADLINE
from tests.api.conftest import QUICK
from tests.api.keyed import until

KEY = {"Authorization": "Bearer secret"}


@pytest.fixture
async def counted(server):
    server.services.metrics = Metrics()
    return server


def locked(server):
    server.services.keyring = Keyring({digest("secret"): Grant("alice")})


async def samples(server, headers=None):
    """Every sample, by its name and the values of its labels, in the order of their names."""
    reply = await server.fetch("/metrics", headers=headers)
    assert reply.status == 200
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in plain(reply.body.decode())
        for sample in family.samples
    }


async def test_without_the_setting_there_are_none_and_the_answer_says_so(server):
    reply = await server.fetch("/metrics")
    assert (reply.status, reply.json["detail"]) == (
        404,
        "There are no metrics here: server.metrics_enabled is false",
    )


async def test_a_key_is_asked_for_where_there_are_keys(counted):
    locked(counted)
    assert (await counted.fetch("/metrics")).status == 401
    assert (await counted.fetch("/metrics", headers=KEY)).status == 200


async def test_none_is_asked_for_where_the_settings_say_so(counted):
    locked(counted)
    counted.services.bounds = Bounds(metrics_require_key=False)
    assert (await counted.fetch("/metrics")).status == 200
    assert (await counted.fetch("/api/v1/runs")).status == 401


async def test_the_form_is_that_of_the_library(counted):
    reply = await counted.fetch("/metrics")
    assert reply.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    accept = {"Accept": "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"}
    reply = await counted.fetch("/metrics", headers=accept)
    assert reply.media_type == "application/openmetrics-text"
    assert "clinvk_runs_live" in {family.name for family in openmetrics(reply.body.decode())}


async def test_requests_count_by_the_path_of_the_table_the_method_and_the_status(counted):
    locked(counted)
    await counted.fetch("/api/v1/runs/run_a", headers=KEY)
    await counted.fetch("/api/v1/runs/run_b", headers=KEY)
    await counted.fetch("/api/v1/runs/run_b")
    await counted.fetch("/health", method="HEAD")
    await counted.fetch("/nothing/here", headers=KEY)
    await counted.fetch("/api/v1/runs", method="PUT", data=b"{}", headers=KEY)
    connection = await counted.raw("BREW", "/health", KEY)
    await connection.reply()
    found = await samples(counted, KEY)
    counts = {
        tuple(labels): value for (name, *labels), value in found.items() if name == "clinvk_http_requests_total"
    }
    assert counts == {
        ("GET", "/api/v1/runs/{id}", "404"): 2,
        ("GET", "/api/v1/runs/{id}", "401"): 1,
        ("HEAD", "/health", "200"): 1,
        ("GET", "other", "404"): 1,
        ("PUT", "other", "405"): 1,
        ("other", "other", "405"): 1,
    }
    assert found["clinvk_http_request_duration_seconds_count", "/api/v1/runs/{id}"] == 3


async def test_a_stream_counts_once_at_its_end_with_the_time_that_it_took(counted):
    stream = await counted.stream("/hang")
    await counted.started()
    key = ("clinvk_http_requests_total", "POST", "/api/v1/prompt", "499")
    assert key not in await samples(counted)
    await stream.leave()
    await counted.end(stream.run_id)
    assert (await samples(counted))[key] == 1


@pytest.mark.eager
async def test_runs_count_by_their_end(counted):
    await counted.prompt("two words")
    await counted.prompt("/fail")
    run_id = (await counted.prompt("/hang", detach=True)).headers["X-Run-Id"]
    await counted.started(3)
    during = await samples(counted)
    await counted.fetch(f"/api/v1/runs/{run_id}/cancel?wait=20", data=b"")
    body = {"model": "demo", "messages": [{"role": "user", "content": QUICK}]}
    await counted.fetch("/openai/v1/chat/completions", body)
    found = await samples(counted)
    assert during["clinvk_runs_live", "demo"] >= 1  # the children of the others may still be ending
    for dialect, state in (("native", "completed"), ("native", "failed"), ("native", "cancelled"),
                           ("openai", "completed")):  # fmt: skip
        assert found["clinvk_runs_total", "demo", dialect, state] == 1
    assert found["clinvk_run_stops_total", "client"] == 1
    assert found["clinvk_run_failures_total", "demo", "cancelled"] == 1
    assert found["clinvk_run_duration_seconds_count", "demo"] == 4
    assert found["clinvk_run_queue_seconds_count", "demo"] == 4
    assert found["clinvk_run_first_output_seconds_count", "demo"] >= 2
    assert found["clinvk_tokens_total", "demo", "output", "answer"] > 0
    assert found["clinvk_sessions",] >= 1


async def test_the_queue_and_its_bounds_are_told(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1, max_queued_runs=7))
    server.services.metrics = Metrics()
    for _ in range(3):
        await server.prompt("/hang", detach=True)
    found = await samples(server)
    assert found["clinvk_runs_queued",] == 2
    assert (found["clinvk_runs_live_limit",], found["clinvk_runs_queued_limit",]) == (1, 7)
    assert found["clinvk_store_up",] == 1
    assert found["clinvk_draining",] == 0
    assert found["process_open_fds",] > 3


async def test_the_lag_of_the_loop_is_counted_by_the_pulse(counted):
    counted.services.pulse._late(0.3)
    found = await samples(counted)
    assert found["clinvk_event_loop_lag_seconds_bucket", "1.0"] >= 1
    assert found["clinvk_event_loop_lag_seconds_sum",] >= 0.3


async def test_scrapes_at_once_are_made_one_after_the_other_and_the_loop_goes_on(counted):
    metrics = counted.services.metrics
    async with metrics.turn:
        scrapes = [asyncio.ensure_future(counted.fetch("/metrics")) for _ in range(5)]
        async with asyncio.timeout(DEADLINE):
            while len(metrics.turn._waiters or ()) < 5:
                await asyncio.sleep(0)
        assert (await counted.fetch("/health")).status == 200
        assert not any(scrape.done() for scrape in scrapes)
    assert [reply.status for reply in await asyncio.gather(*scrapes)] == [200] * 5


async def test_how_runs_began_is_told_and_who_waits(new_server):
    server = await new_server(limits=Limits(pool=PoolLimits(children=3)))
    server.services.metrics = Metrics()
    assert (await samples(server))["clinvk_children_warm", "demo"] == 0
    for _ in range(3):
        await server.prompt(QUICK, ephemeral=True)
    await until(lambda: server.supervisor.pool.idle("demo").children == 1)
    await server.supervisor.pool.look_after()
    found = await samples(server)
    assert found["clinvk_run_starts_total", "demo", "cold"] == 1
    assert found["clinvk_run_starts_total", "demo", "warm"] == 2
    assert found["clinvk_start_saved_seconds_total", "demo"] > 0
    assert found["clinvk_children_warm", "demo"] == 1
    assert found["clinvk_children_warm_memory_bytes", "demo"] > 1 << 20
