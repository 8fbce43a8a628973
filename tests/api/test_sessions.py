"""Sessions over REST: begun, gone on with, kept."""

import json

from clinvk.domain.run import Stop, StopCause
from clinvk.supervisor.sessions import SessionOptions
from tests.api.conftest import QUICK
from tests.api.sessions import SESSIONS, begun, deleted, page


async def test_a_prompt_begins_a_session_and_the_next_one_goes_on_with_it(server):
    first = (await server.prompt("remember the swan")).json
    second = (await server.prompt("/recall", session_id=first["session_id"])).json
    assert "continuation" not in first
    assert (second["session_id"], second["continuation"]) == (first["session_id"], "resumed")
    assert "remember the swan" in second["output"]


async def test_an_ephemeral_prompt_has_no_session(server):
    answer = (await server.prompt(QUICK, ephemeral=True)).json
    assert "session_id" not in answer
    assert (await page(server))["total"] == 0


async def test_a_session_outlives_its_server(new_server, tmp_path):
    earlier = await new_server(home=tmp_path / "home")
    session = await begun(earlier, "remember the swan")
    await earlier.close()
    later = await new_server(home=tmp_path / "home")
    answer = (await later.prompt("/recall", session_id=session)).json
    assert (answer["continuation"], "remember the swan" in answer["output"]) == ("resumed", True)


async def test_a_stream_tells_the_session_in_every_event_and_at_the_end_how_it_went_on(server):
    session = await begun(server)
    lines = (await server.prompt(QUICK, session_id=session, output_format="stream-json")).events
    assert {line["session_id"] for line in lines} == {session}
    assert lines[-1]["continuation"] == "resumed"


async def test_two_turns_at_once_on_one_session_are_one_too_many(server):
    first = await server.stream("/hang")
    session = (await first.until("run.queued"))["session_id"]
    reply = await server.prompt(QUICK, session_id=session)
    assert (reply.status, reply.json["type"]) == (409, "https://api.clinvk.dev/errors/session-busy")
    assert reply.headers["x-should-retry"] == "false"
    assert (await deleted(server, session)).status == 409
    handle = server.newest()
    handle.stop(Stop(StopCause.CLIENT))
    assert (await server.end(handle.id)).state == "cancelled"
    assert (await server.fetch(f"{SESSIONS}/{session}")).json["status"] == "error"
    assert (await server.prompt(QUICK, session_id=session)).json["exit_code"] == 0


async def test_whoever_has_the_answer_may_send_the_next_turn_at_once(server):
    session = await begun(server)
    for _ in range(5):
        assert (await server.prompt(QUICK, session_id=session)).status == 200
    told = (await server.fetch(f"{SESSIONS}/{session}")).json
    assert (told["turn_count"], told["status"]) == (6, "completed")


async def test_a_turn_that_cannot_be_taken_leaves_its_session_free(server):
    session = await begun(server)
    for fault in ({"extra": ["--nonsense"]}, {"workdir": "/"}, {"ephemeral": True}):
        assert (await server.prompt(QUICK, session_id=session, **fault)).status == 400
    assert (await server.prompt(QUICK, session_id=session)).status == 200
    assert (await server.fetch(f"{SESSIONS}/{session}")).json["turn_count"] == 2


async def test_a_session_that_is_not_there_is_404(server):
    reply = await server.prompt(QUICK, session_id="ses_none")
    assert (reply.status, reply.json["detail"]) == (404, "There is no session 'ses_none'")
    assert (await server.prompt(QUICK, session_id="ses_none", dry_run=True)).status == 404


async def test_only_a_whole_id_goes_on_with_a_session(server):
    session = await begun(server)
    assert (await server.prompt(QUICK, session_id=session[:-1])).status == 404


async def test_what_does_not_go_with_the_session_is_told_all_at_once(server):
    session = await begun(server)
    body = {"backend": "claude", "prompt": "x", "session_id": session, "workdir": "/", "ephemeral": True}
    reply = await server.fetch("/api/v1/prompt", body)
    assert (reply.status, [fault["path"] for fault in reply.json["errors"]]) == (
        400,
        ["/backend", "/workdir", "/ephemeral"],
    )
    assert reply.json["errors"][0]["expected"] == "'demo'"


async def test_a_session_works_in_its_own_folder_whichever_way_that_is_spelled(server, tmp_path):
    folder, link = tmp_path / "folder", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    session = await begun(server, workdir=str(folder))
    for more in ({}, {"workdir": str(link)}, {"workdir": f"{folder}/"}):
        run = (await server.prompt(QUICK, session_id=session, **more)).json["run_id"]
        assert (await server.fetch(f"/api/v1/runs/{run}")).json["command"]["cwd"] == str(folder)


async def test_a_session_whose_folder_is_gone_says_so(server, tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    session = await begun(server, workdir=str(folder))
    folder.rmdir()
    reply = await server.prompt(QUICK, session_id=session)
    (fault,) = reply.json["errors"]
    assert (reply.status, fault["path"]) == (400, "/session_id")
    assert fault["message"].endswith("is not there any more")


async def test_the_models_of_a_session_are_those_last_asked_for(server):
    session = await begun(server, model="one")
    assert (await server.prompt(QUICK, session_id=session)).json["model"] == "one"
    assert (await server.prompt(QUICK, session_id=session, model="two")).json["model"] == "two"
    assert (await server.fetch(f"{SESSIONS}/{session}")).json["model"] == "two"


async def test_a_session_tells_what_its_turns_used_together(server):
    session = await begun(server)
    used = (await server.prompt("a longer prompt than that", session_id=session)).json["token_usage"]
    total = (await server.fetch(f"{SESSIONS}/{session}")).json["token_usage"]
    assert total["output_tokens"] > used["output_tokens"] > 0


async def test_or_nothing_where_that_is_not_wanted(new_server):
    server = await new_server(options=SessionOptions(store_token_usage=False))
    session = await begun(server)
    assert set((await server.fetch(f"{SESSIONS}/{session}")).json["token_usage"].values()) == {0}


async def test_a_session_has_a_title_a_beginning_tags_and_the_clients_metadata(new_server):
    server = await new_server(options=SessionOptions(default_tags=("a", "b")))
    session = await begun(server, "/big 5 Write\n\n  a poem " + "x" * 500, metadata={"ticket": "42"})
    told = (await server.fetch(f"{SESSIONS}/{session}")).json
    assert told["title"].startswith("/big 5 Write a poem xxx")
    assert (len(told["title"]), len(told["initial_prompt"])) == (80, 400)
    assert (told["tags"], told["metadata"]) == (["a", "b"], {"ticket": "42"})


async def test_where_content_is_not_kept_nothing_of_it_is_on_disk(new_server, tmp_path):
    server = await new_server(options=SessionOptions(store_content=False), home=tmp_path / "home")
    answer = (await server.prompt("a-word-like-no-other")).json
    told = (await server.fetch(f"{SESSIONS}/{answer['session_id']}")).json
    assert not {"title", "initial_prompt"} & told.keys()
    await server.close()
    for file in (tmp_path / "home").rglob("*"):
        assert not file.is_file() or b"a-word-like-no-other" not in file.read_bytes(), file
    later = await new_server(options=SessionOptions(store_content=False), home=tmp_path / "home")
    events = (await later.fetch(f"/api/v1/runs/{answer['run_id']}/events")).sse
    assert [event.event for event in events] == ["notice", "run.finished"]


async def test_a_conversation_that_the_cli_has_lost_is_begun_anew_and_that_is_told(server, tmp_path):
    session = await begun(server)
    for copy in (tmp_path / ".clinvk-demo").iterdir():
        copy.unlink()
    lines = (await server.prompt(QUICK, session_id=session, output_format="stream-json")).events
    assert lines[-1]["continuation"] == "fresh"
    assert next(line["message"] for line in lines if line["type"] == "notice").startswith("A new conversation")
    assert (await server.prompt("/recall", session_id=session)).json["continuation"] == "resumed"


async def test_auto_resume_goes_on_with_the_newest_session_of_the_folder_that_is_free(new_server, tmp_path):
    server = await new_server(options=SessionOptions(auto_resume=True))
    session = await begun(server)
    answer = (await server.prompt(QUICK)).json
    assert (answer["session_id"], answer["continuation"]) == (session, "resumed")
    other = await begun(server, workdir=str(tmp_path))
    assert other != session
    stream = await server.stream("/hang")
    assert (await stream.until("run.queued"))["session_id"] == session
    assert await begun(server) != session


async def test_a_dry_run_shows_how_a_session_would_go_on_and_changes_nothing(server):
    session = await begun(server)
    before = (await server.fetch(f"{SESSIONS}/{session}")).json
    assert (await server.prompt(QUICK, session_id=session, dry_run=True)).json["dry_run"]
    assert (await server.fetch(f"{SESSIONS}/{session}")).json == before
    await server.prompt(QUICK, dry_run=True)
    assert (await page(server))["total"] == 1


async def test_nobody_is_told_of_a_turns_end_before_it_is_kept(server):
    stream = await server.stream(QUICK)
    last = await stream.until("run.finished")
    told = await server.keeping.store.session(last["session_id"])
    assert (told.status, told.turn_count, told.backend_session_id is not None) == ("completed", 1, True)
    record = await server.keeping.store.run(last["run_id"])
    assert (record.state, json.loads(record.view)["events"]) == ("completed", last["seq"] + 1)
