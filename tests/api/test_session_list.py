"""Sessions over REST: listed, found, deleted."""

import pytest

from tests.api.conftest import QUICK
from tests.api.sessions import SESSIONS, begun, deleted, page


async def test_a_run_of_an_earlier_server_is_listed_shown_replayed_and_cancelled_in_vain(new_server, tmp_path):
    earlier = await new_server(home=tmp_path / "home")
    run = (await earlier.prompt("hello")).json["run_id"]
    said = (await earlier.fetch(f"/api/v1/runs/{run}/events")).sse
    await earlier.close()
    later = await new_server(home=tmp_path / "home")
    assert [one["id"] for one in (await later.fetch("/api/v1/runs")).json["runs"]] == [run]
    assert (await later.fetch(f"/api/v1/runs/{run}")).json["state"] == "completed"
    assert (await later.fetch(f"/api/v1/runs/{run}/events")).sse == said
    assert [event.event for event in said][-1] == "run.finished"
    cancelled = await later.fetch(f"/api/v1/runs/{run}/cancel?wait=1", method="POST", data=b"")
    assert (cancelled.status, cancelled.json["state"]) == (200, "completed")


async def test_sessions_are_listed_the_last_used_first(server):
    first, second = await begun(server), await begun(server)
    assert [one["id"] for one in (await page(server))["sessions"]] == [second, first]
    await server.prompt(QUICK, session_id=first)
    assert [one["id"] for one in (await page(server))["sessions"]] == [first, second]


async def test_a_list_is_filtered_counted_and_cut_into_pages(server):
    good = [await begun(server) for _ in range(3)]
    bad = await begun(server, "/fail")
    assert [one["id"] for one in (await page(server, "status=error"))["sessions"]] == [bad]
    assert (await page(server, "status=completed"))["total"] == 3
    assert (await page(server, "status=paused"))["sessions"] == []
    assert (await page(server, "backend=claude"))["total"] == 0
    assert (await page(server, "backend=demo&status=error"))["total"] == 1
    seen, cursor = [], ""
    while cursor is not None:
        part = await page(server, f"limit=1{cursor}")
        assert (part["total"], part["limit"], len(part["sessions"])) == (4, 1, 1)
        seen += [one["id"] for one in part["sessions"]]
        cursor = f"&cursor={part['next_cursor']}" if "next_cursor" in part else None
    assert seen == [bad, *reversed(good)]
    assert [one["id"] for one in (await page(server, "limit=2&offset=1"))["sessions"]] == seen[1:3]


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "offset=-1", "offset=10001", "status=x", "cursor=x"])
async def test_a_query_that_makes_no_sense_is_told_with_its_name(server, query):
    reply = await server.fetch(f"{SESSIONS}?{query}")
    (fault,) = reply.json["errors"]
    assert (reply.status, fault["path"]) == (400, "?" + query.partition("=")[0])


async def test_the_turns_of_a_session_are_found_among_the_runs(server):
    session = await begun(server)
    turn = (await server.prompt(QUICK, session_id=session)).json["run_id"]
    await begun(server)
    runs = (await server.fetch(f"/api/v1/runs?session_id={session}")).json
    assert (runs["total"], runs["runs"][0]["id"], runs["runs"][0]["continuation"]) == (2, turn, "resumed")


async def test_a_session_is_found_by_as_much_of_its_id_as_is_its_own(server):
    first, second = await begun(server), await begun(server)
    assert (await server.fetch(f"{SESSIONS}/{first}")).json["id"] == first
    ambiguous = await server.fetch(f"{SESSIONS}/ses_")
    assert (ambiguous.status, ambiguous.json["title"]) == (400, "Session Ambiguous")
    await deleted(server, first)
    assert (await server.fetch(f"{SESSIONS}/ses_")).json["id"] == second
    assert (await server.fetch(f"{SESSIONS}/nothing")).status == 404


async def test_a_deleted_session_is_gone_with_its_runs_and_all_that_was_kept(server, tmp_path):
    kept = await begun(server)
    answer = (await server.prompt("remember the swan")).json
    session, run = answer["session_id"], answer["run_id"]
    reply = await deleted(server, session)
    assert (reply.status, reply.json) == (200, {"deleted": True, "id": session})
    assert (await deleted(server, session)).status == 404
    assert (await server.prompt(QUICK, session_id=session)).status == 404
    assert (await server.fetch(f"/api/v1/runs/{run}")).status == 404
    assert (await page(server))["total"] == 1
    assert (await server.prompt("/recall", session_id=kept)).json["continuation"] == "resumed"
    await server.close()
    left = [file for file in tmp_path.rglob("*") if file.is_file() and b"swan" in file.read_bytes()]
    assert [file.name for file in left if not file.name.startswith("clinvk.db")] == []


async def test_only_a_whole_id_deletes(server):
    session = await begun(server)
    assert (await deleted(server, session[:-1])).status == 404
    assert (await page(server))["total"] == 1


async def test_what_the_cli_would_not_let_go_is_told(server, tmp_path):
    session = await begun(server)
    (copy,) = (tmp_path / ".clinvk-demo").iterdir()
    copy.rename(tmp_path / "elsewhere")
    copy.symlink_to(tmp_path / "elsewhere")
    reply = await deleted(server, session)
    assert reply.json["deleted"]
    assert str(copy) in reply.json["notices"][0]
    assert (tmp_path / "elsewhere").exists()
