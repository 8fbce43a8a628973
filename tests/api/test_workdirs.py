"""Folders and backends that are not for everybody: refused in every API, before anything begins."""

import pytest

from clinvk.domain.access import Grant, Keyring, digest
from clinvk.supervisor.limits import Limits
from clinvk.supervisor.workdir import Bounds
from tests.api.conftest import QUICK

FORBIDDEN = "https://api.clinvk.dev/errors/forbidden"
MESSAGES = [{"role": "user", "content": QUICK}]
KEY = "a-key-that-nobody-guesses"


@pytest.fixture
def inside(tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    (folder / "out").symlink_to(tmp_path)
    return folder


@pytest.fixture
async def bounded(new_server, inside):
    """A server whose own default workdir is not among those that are allowed."""
    return await new_server(limits=Limits(workdirs=Bounds((str(inside),))))


@pytest.mark.parametrize(
    "how", [{}, {"dry_run": True}, {"detach": True}, {"output_format": "stream-json"}], ids=str
)
async def test_a_folder_that_is_not_allowed_is_forbidden_with_its_path_and_the_setting(bounded, inside, how):
    for folder in (inside.parent, inside / "..", inside / "out", inside / "out" / "nowhere", f"{inside}r"):
        reply = await bounded.prompt(QUICK, workdir=str(folder), **how)
        assert (reply.status, reply.json["type"]) == (403, FORBIDDEN)
        assert reply.json["detail"] == (
            f"Runs may not work in '{folder}': it is in no folder of server.allowed_workdir_prefixes"
        )
    assert bounded.supervisor.journal.length == 0


async def test_one_that_is_allowed_is_worked_in(bounded, inside):
    for folder in (inside, f"{inside}/", inside / "out" / "inside"):
        reply = await bounded.prompt(QUICK, workdir=str(folder))
        assert (reply.status, reply.json["exit_code"]) == (200, 0)


@pytest.mark.parametrize(
    ("path", "body", "type_"),
    [
        ("/api/v1/prompt", {"backend": "demo", "prompt": QUICK}, None),
        ("/api/v1/parallel", {"tasks": [{"backend": "demo", "prompt": QUICK}]}, None),
        ("/api/v1/chain", {"steps": [{"backend": "demo", "prompt": QUICK}]}, None),
        ("/api/v1/compare", {"backends": ["demo"], "prompt": QUICK}, None),
        ("/openai/v1/chat/completions", {"model": "demo", "messages": MESSAGES}, "permission_error"),
        ("/openai/v1/responses", {"model": "demo", "input": QUICK}, "permission_error"),
        ("/anthropic/v1/messages", {"model": "demo", "messages": MESSAGES, "max_tokens": 9}, "permission_error"),
    ],
)
async def test_the_default_folder_counts_as_well_in_every_api(bounded, path, body, type_):
    reply = await bounded.fetch(path, body)
    assert (reply.status, reply.json["type"]) == (403, FORBIDDEN)
    assert bounded.services.default_workdir in reply.json["detail"]
    assert type_ is None or reply.json["error"]["type"] == type_
    assert bounded.supervisor.journal.length == 0


async def test_a_group_with_one_such_folder_begins_nothing(bounded, inside):
    tasks = [{"backend": "demo", "prompt": QUICK, "workdir": folder} for folder in (str(inside), "/")]
    for how in ({}, {"dry_run": True}):
        reply = await bounded.fetch("/api/v1/parallel", {"tasks": tasks, **how})
        assert (reply.status, reply.json["type"]) == (403, FORBIDDEN)
    assert bounded.supervisor.journal.length == 0


async def test_a_session_and_a_run_of_before_are_not_gone_on_with_once_their_folder_is_blocked(server):
    first = (await server.prompt(QUICK)).json
    folder = server.services.default_workdir
    await server.supervisor.adjust(Limits(workdirs=Bounds(blocked=(folder,))))
    turn = await server.prompt(QUICK, session_id=first["session_id"])
    again = await server.fetch(f"/api/v1/runs/{first['run_id']}/rerun", {})
    for reply in (turn, again):
        assert reply.status == 403
        assert "server.blocked_workdir_prefixes" in reply.json["detail"]
    await server.supervisor.adjust(Limits())
    assert (await server.prompt(QUICK, session_id=first["session_id"])).status == 200


async def test_a_key_is_held_to_its_backends_folders_and_places_in_the_queue(new_server, inside):
    grant = Grant("ci", frozenset({"demo"}), workdirs=(str(inside),), max_concurrent_runs=1, max_queued_runs=0)
    server = await new_server(limits=Limits(grants={"ci": grant}))
    server.services.keyring = Keyring({digest(KEY): grant})
    shown = {"Authorization": f"Bearer {KEY}"}
    asked = {"headers": shown, "workdir": str(inside)}
    assert (await server.prompt(QUICK, workdir=str(inside))).status == 401
    outside = await server.prompt(QUICK, headers=shown)
    assert (outside.status, outside.json["detail"].partition(" in ")[0]) == (403, "The key 'ci' may not work")
    other = await server.fetch("/api/v1/prompt", {"backend": "claude", "prompt": QUICK}, headers=shown)
    assert other.json["detail"] == "The key 'ci' may not use the backend 'claude': its backends are demo"
    run = (await server.prompt("/hang", detach=True, **asked)).json
    assert run["key_label"] == "ci"
    full = await server.prompt(QUICK, **asked)
    assert (full.status, full.json["type"]) == (429, "https://api.clinvk.dev/errors/overloaded")
    assert "max_queued_runs of the key is 0" in full.json["detail"]
    assert 1 <= int(full.headers["Retry-After"]) <= 60
