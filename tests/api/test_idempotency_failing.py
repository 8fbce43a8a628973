"""What could make an agent run twice in spite of its key: stores that refuse, settings that change, odd heads."""

import json

import pytest

from clinvk.api.services import Habits
from clinvk.domain.errors import StoreUnavailable
from tests.api.groups import demo
from tests.api.keyed import PROMPT, asked, is_replay, keyed, total

PARALLEL = "/api/v1/parallel"


@pytest.fixture
def refuse_once(server, monkeypatch):
    """Lets the store refuse one kind of work, the next time that it is asked for."""

    def refuse(name):
        store = server.keeping.store
        work = getattr(store, name)

        async def refused(*_args, **_named):
            monkeypatch.setattr(store, name, work)
            raise StoreUnavailable("there is no room")

        monkeypatch.setattr(store, name, refused)

    return refuse


async def rows(server):
    """How many keys the store has."""
    sql = "SELECT count(*) FROM idempotency_keys"
    return await server.keeping.store._read(lambda db: db.execute(sql).fetchone()[0])


@pytest.mark.parametrize(
    ("path", "body"), [(PROMPT, demo()), (PROMPT, demo(ephemeral=True))], ids=["session", "ephemeral"]
)
async def test_a_run_with_a_key_is_not_begun_where_it_cannot_be_kept(server, refuse_once, path, body):
    refuse_once("begin_run")
    assert (await server.fetch(path, body, headers=keyed())).status == 503
    assert await total(server) == 0
    assert server.supervisor.journal.length == 0
    reply = await server.fetch(path, body, headers=keyed())
    assert (reply.status, is_replay(reply)) == (200, False)


async def test_a_member_of_a_group_with_a_key_is_not_begun_where_it_cannot_be_kept(server, refuse_once):
    refuse_once("begin_run")
    answer = (await server.fetch(PARALLEL, {"tasks": [demo(), demo()]}, headers=keyed())).json
    assert [result["exit_code"] for result in answer["results"]] == [1, 0]
    assert "no room" in answer["results"][0]["error"]


async def test_a_group_that_cannot_be_looked_for_is_not_begun_again(server, refuse_once):
    body = {"tasks": [demo("/hang")]}
    headers = {"Content-Type": "application/json", **keyed()}
    data = json.dumps(body).encode()
    connection = await server.raw("POST", PARALLEL, {**headers, "Content-Length": str(len(data))}, data)
    await server.started()
    uses = server.services.idempotency._uses
    held = dict(uses)
    uses.clear()  # as if another server had begun it
    refuse_once("runs")
    assert (await server.fetch(PARALLEL, body, headers=keyed())).status == 503
    reply = await server.fetch(PARALLEL, body, headers=keyed())
    assert reply.json["type"].endswith("/answer-not-kept")
    assert await total(server) == 1
    uses.update(held)
    await connection.leave()


async def test_the_form_that_the_settings_gave_an_answer_belongs_to_the_request(server):
    server.services.habits = {"demo": Habits(output_format="stream-json")}
    streamed = await asked(server)
    assert streamed.media_type == "application/x-ndjson"
    server.services.habits = {}
    reply = await asked(server)
    assert (reply.status, reply.json["type"].rpartition("/")[2]) == (422, "idempotency-mismatch")


async def test_a_key_that_stands_twice_in_the_head_is_refused(server):
    data = json.dumps(demo()).encode()
    connection = await server.connect()
    head = f"POST {PROMPT} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    keys = "Idempotency-Key: k\r\nIdempotency-Key: k\r\n"
    await connection.send(f"{head}{keys}Content-Length: {len(data)}\r\n\r\n".encode() + data)
    reply = await connection.reply()
    assert (reply.status, [fault["path"] for fault in reply.json["errors"]]) == (400, ["Idempotency-Key"])
    assert await total(server) == 0


async def test_a_request_that_was_refused_leaves_nothing_of_its_key(server):
    assert (await asked(server, workdir="/no/such/folder")).status == 400
    assert (await asked(server, session_id="ses_none")).status == 404
    assert await rows(server) == 0
    assert (await asked(server)).status == 200
    assert await rows(server) == 1
