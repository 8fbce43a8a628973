"""/console where keys are asked for: the page is for everybody, and the console behind it for who has a key."""

import base64
import logging

import pytest

from clinvk.api.console.visitors import Closing
from clinvk.domain.access import Grant
from tests.api.console.visitors import SIZE, deserted, enter, refusal
from tests.api.locks import BEARER, BOUNDED, KEY, OTHER, lock


@pytest.fixture
def locked(serving):
    return lock(serving)


def named(key, *more):
    """How the page sends it."""
    coded = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")
    return {"Sec_WebSocket_Protocol": ", ".join(("clinvk.console", f"clinvk.key.{coded}", *more))}


async def works(tab):
    await tab.say(**SIZE)
    await tab.sees("help")


async def test_the_page_and_its_files_need_no_key(locked):
    for path in ("/console", "/console/console.js", "/console/console.css", "/console/xterm.js"):
        assert (await locked.fetch(path)).status == 200


async def test_a_page_shows_its_key_as_the_name_of_a_protocol(locked):
    tab = await enter(locked, **named(KEY))
    assert tab.connection.selected_subprotocol == "clinvk.console"
    await works(tab)


async def test_whoever_can_set_headers_may_show_it_there(locked):
    for shown in (BEARER, {"X_Api_Key": KEY}):
        tab = await enter(locked, **shown)
        assert tab.connection.selected_subprotocol is None
        await works(tab)


async def test_a_key_is_its_bytes_here_too(locked):
    lock(locked, {"~~~???>>>ключ": Grant("odd")})
    await works(await enter(locked, **named("~~~???>>>ключ")))


async def test_without_a_key_that_is_known_there_is_no_socket(locked):
    coded = base64.urlsafe_b64encode(KEY.encode()).decode().rstrip("=")
    for shown in (
        {}, {"Sec_WebSocket_Protocol": "clinvk.console"}, named("clv_wrong"), named(""), named(KEY[:-1]),
        {"Sec_WebSocket_Protocol": f"clinvk.console, {coded}"}, {"Sec_WebSocket_Protocol": f"clinvk.key.{KEY}"},
        {"Sec_WebSocket_Protocol": "clinvk.console, clinvk.key.*"}, {"Sec_WebSocket_Protocol": "clinvk.key.Y"},
        {"Sec_WebSocket_Protocol": f"CLINVK.KEY.{coded}"}, {"Cookie": f"key={KEY}"}, {"Authorization": "Bearer x"},
    ):  # fmt: skip
        status, problem = await refusal(locked, **shown)
        assert (status, problem["type"].rpartition("/")[2]) == (401, "unauthorized"), shown
    assert len(locked.services.visitors) == 0


async def test_the_name_of_a_protocol_is_a_key_nowhere_else(locked):
    shown = {name.replace("_", "-"): value for name, value in named(KEY).items()}
    assert (await locked.fetch("/api/v1/runs", headers=shown)).status == 401


async def test_a_key_that_may_do_less_opens_no_console_where_one_may_do_everything(locked):
    for shown in (named(BOUNDED), {"X_Api_Key": BOUNDED}):
        status, problem = await refusal(locked, **shown)
        assert status == 403
        assert problem["detail"] == "The key 'guest' is bounded, and at the console one may do everything"


async def test_the_right_key_helps_no_page_of_elsewhere(locked):
    for origin in (
        "http://evil.example",
        "null",
        f"http://localhost:{locked.port}",
        f"http://127.0.0.1:{locked.port + 1}",
    ):
        assert (await refusal(locked, Origin=origin, **named(KEY)))[0] == 403


async def test_the_page_learns_by_plain_http_why_it_has_no_socket(locked):
    """It asks for the key if the status is 401, and tries again if it is 400."""
    assert (await locked.fetch("/console/socket")).status == 401
    assert (await locked.fetch("/console/socket", headers={"X-Api-Key": BOUNDED})).status == 403
    assert (await locked.fetch("/console/socket", headers=BEARER)).status == 400


async def test_who_has_a_key_no_more_is_sent_away_and_the_others_stay(locked):
    gone, kept = await enter(locked, **named(KEY)), await enter(locked, **named(OTHER))
    await works(gone)
    lock(locked, {OTHER: Grant("laptop")})
    locked.services.visitors.check(locked.services.keyring)
    assert await gone.closed() == (Closing.LOCKED, "The API key is not known here any more")
    await works(kept)
    kept.leave()
    await deserted(locked)


async def test_keys_that_are_asked_for_from_now_on_are_asked_of_those_who_are_here(serving):
    tab = await enter(serving)
    await works(tab)
    serving.services.visitors.check(serving.services.keyring)
    await tab.type("?")
    await tab.sees("Leave the console")
    serving.services.visitors.check(lock(serving).services.keyring)
    assert (await tab.closed())[0] == Closing.LOCKED
    tab = await enter(serving, **named(KEY))
    lock(serving, {KEY: Grant("ci", max_concurrent_runs=1)})
    serving.services.visitors.check(serving.services.keyring)
    assert (await tab.closed())[0] == Closing.LOCKED
    await deserted(serving)


async def test_whose_console_it_is_is_logged_by_the_label_of_the_key(locked, caplog):
    caplog.set_level(logging.DEBUG)
    await works(await enter(locked, **named(KEY)))
    (line,) = [each for each in locked.log.records if getattr(each, "path", "") == "/console/socket"]
    assert (line.status, line.key) == (101, "ci")
    told = "".join(str(vars(record)) for record in caplog.records)
    assert KEY not in told
    assert named(KEY)["Sec_WebSocket_Protocol"].rpartition(".")[2] not in told
