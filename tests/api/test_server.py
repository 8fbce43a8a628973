"""GET /api/v1/status and /api/v1/requests: how the server itself is, and what it is asked."""

import pytest

from clinvk import __version__
from clinvk.api.requests import Requests
from clinvk.api.services import Bounds
from clinvk.supervisor.limits import BackendOptions, Limits
from clinvk.supervisor.sessions import SessionOptions
from clinvk.views import RequestView
from tests.api.client import hanging, run_of


async def status(server):
    return (await server.fetch("/api/v1/status")).json


async def requests(server, query=""):
    return (await server.fetch(f"/api/v1/requests{query}")).json["requests"]


# /api/v1/status


async def test_the_status_is_the_server_at_one_glance(new_server):
    server = await new_server(limits=Limits(max_concurrent_runs=1))
    live = await hanging(server)
    await server.prompt("hello", detach=True)
    told = await status(server)
    assert (told["version"], told["address"]) == (__version__, server.origin)
    assert (told["live"], told["queued"], told["limit"], told["draining"]) == (1, 1, 1, False)
    assert told["uptime_secs"] > 0
    assert told["at"] >= (await server.fetch(f"/api/v1/runs/{live}")).json["started_at"]
    assert {"name": "demo", "available": True, "missed": False} in told["backends"]
    assert told["store"] == {"session_count": 2}


@pytest.mark.parametrize("kept", [True, False])
async def test_the_status_tells_whether_content_is_kept(new_server, kept):
    server = await new_server(options=SessionOptions(store_content=kept))
    assert (await status(server))["keeps_content"] is kept


async def test_a_backend_that_is_wanted_and_not_there_is_missed(new_server):
    server = await new_server(limits=Limits(backends={"codex": BackendOptions(wanted=True, path="/nowhere")}))
    codex = {each["name"]: each for each in (await status(server))["backends"]}["codex"]
    assert (codex["available"], codex["missed"]) == (False, True)


async def test_requests_and_failures_make_the_pulse(server):
    for path in ("/", "/nothing-there"):
        await server.fetch(path)
    pulse = (await status(server))["pulse"]
    assert (sum(pulse["requests"]), sum(pulse["failures"])) == (2, 0)
    assert pulse["memory_bytes"] > 10 << 20


async def test_an_answer_of_500_is_a_failure(server, complaints):
    async def broken():
        raise RuntimeError

    server.services.monitor.backends = broken
    assert (await server.fetch("/api/v1/backends")).status == 500
    assert sum((await status(server))["pulse"]["failures"]) == 1
    assert complaints()


async def test_an_answer_that_we_break_off_is_a_failure_whatever_its_status(new_server):
    server = await new_server(Bounds(write_secs=0.1))
    connection = await server.post({"backend": "demo", "prompt": "/big 12m"})
    connection.writer.transport.pause_reading()
    await server.log.first("clinvk.access", "client reads nothing")
    assert (await requests(server))[1]["status"] == 499
    assert sum((await status(server))["pulse"]["failures"]) == 1


# /api/v1/requests


async def test_requests_are_told_newest_first_the_one_that_asks_too(server):
    run_id = await run_of(server, "/big 5")
    await server.fetch("/nothing-there", headers={"X-Request-Id": "mine"})
    asking, wrong, prompt = await requests(server)
    assert (asking["path"], "status" in asking) == ("/api/v1/requests", False)
    assert (wrong["id"], wrong["status"], wrong["path"]) == ("mine", 404, "/nothing-there")
    assert (prompt["method"], prompt["path"], prompt["status"]) == ("POST", "/api/v1/prompt", 200)
    assert (prompt["run_id"], prompt["client"]) == (run_id, "127.0.0.1")
    assert 0 < prompt["duration_ms"] < 20_000
    assert asking["at"] >= wrong["at"] >= prompt["at"]
    assert (await requests(server))[1]["status"] == 200  # it has ended meanwhile


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("http://user:hidden@x/nothing-there?key=hidden", "/nothing-there"),
        ("http://user:hidden@x", "/"),
        ("user:hidden@x:80", "x:80"),
        ("//x/y@z", "/x/y@z"),
    ],
)
async def test_of_a_target_only_the_path_is_told(server, target, told):
    await (await server.raw("GET", target, {"Connection": "close"})).reply()
    assert (await requests(server))[1]["path"] == told
    assert (await server.log.first("clinvk.access")).path == told


async def test_a_request_under_way_has_no_status_and_names_its_run(server):
    stream = await server.stream("/hang")
    (prompt,) = [each for each in await requests(server) if each["method"] == "POST"]
    assert ("status" in prompt, prompt["run_id"]) == (False, server.newest().id)
    await stream.leave()
    await server.log.first("clinvk.run")
    (prompt,) = [each for each in await requests(server) if each["method"] == "POST"]
    assert prompt["status"] == 499


async def test_no_query_is_told(server):
    await server.fetch("/api/v1/runs?backend=a-secret&key=another")
    assert "secret" not in str(told := await requests(server))
    assert told[1]["path"] == "/api/v1/runs"


async def test_what_a_console_looks_at_is_no_news_but_what_it_does_is(server):
    console = {"User-Agent": "clinvk/0.1.0"}
    await server.fetch("/api/v1/runs", headers=console)
    await server.fetch("/api/v1/runs/run_none/cancel", "POST", headers=console)
    assert [told["method"] for told in await requests(server)] == ["GET", "POST"]
    assert sum((await status(server))["pulse"]["requests"]) == 2


async def test_a_very_long_path_is_cut(server):
    await server.fetch("/" + "x" * 3000)
    (path,) = [each["path"] for each in await requests(server, "?limit=2") if each["path"].startswith("/x")]
    assert (len(path), path[-1]) == (500, "…")


async def test_a_refused_request_is_told_too(server):
    await server.fetch("/api/v1/runs", headers={"Host": "agents.example.com"})
    assert (await requests(server))[1]["status"] == 403


async def test_a_method_that_nobody_knows_is_told_too(server):
    await (await server.raw("BREW", "/")).reply()
    told = (await requests(server))[1]
    assert (told["method"], told["status"]) == ("BREW", 405)


async def test_a_group_is_no_run(server):
    await server.fetch("/api/v1/parallel", {"tasks": [{"backend": "demo", "prompt": "/big 5"}]})
    assert "run_id" not in (await requests(server))[1]


async def test_there_are_as_many_as_are_asked_for(server):
    for _ in range(3):
        await server.fetch("/")
    assert [each["path"] for each in await requests(server, "?limit=2")] == ["/api/v1/requests", "/"]
    for limit in ("0", "1001", "x"):
        assert (await server.fetch(f"/api/v1/requests?limit={limit}")).status == 400


class Open:
    """A request under way."""

    def __init__(self, name):
        self.view = seen(name)


def seen(name, status=None):
    return RequestView(id=name, at="", method="GET", path="/", status=status, duration_ms=0.0, client="")


def test_ended_requests_are_kept_up_to_a_bound_and_open_ones_in_their_place():
    kept = Requests(kept=2)
    slow, *quick = opened = [Open(name) for name in "abcd"]
    for each in opened:
        kept.add(each)
    for each in quick:
        kept.remove(each, seen(each.view.id, 200))
    assert [each.id for each in kept.newest(9)] == ["d", "c", "a"]
    assert [each.id for each in kept.newest(1)] == ["d"]
    kept.remove(slow, seen("a", 499))
    assert [(each.id, each.status) for each in kept.newest(9)] == [("d", 200), ("a", 499)]
