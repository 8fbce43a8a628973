"""Idempotency keys: claimed once, held for a day, and never without what they promise."""

import contextlib
import json
import os
import select
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import replace

import pytest

from clinvk.domain.errors import StoreUnavailable
from clinvk.store.keys import LIFETIME_SECS, Claim
from tests.store.records import DEADLINE, a_run, a_session, add_session, on_thread, opened

FIRST = Claim(b"key", b"request", "run_1", 1000.0)
SECRET = b"the-secret"


async def count(store):
    rows = await on_thread(store, lambda db: db.execute("SELECT count(*) FROM idempotency_keys").fetchone())
    return rows[0]


async def test_the_first_to_claim_a_key_has_it_and_every_other_is_told_of_the_first(store):
    assert await store.claim_key(FIRST) is None
    for request in (b"request", b"another"):
        other = Claim(b"key", request, "run_2", 1001.0)
        assert await store.claim_key(other) == FIRST
    assert await store.claim_key(replace(FIRST, key=b"another")) is None


async def test_a_claim_outlives_the_server_with_how_it_ended(home):
    async with opened(home) as store:
        await store.claim_key(FIRST)
        await store.end_key(FIRST, b"answer", b"last\n")
    async with opened(home) as store:
        ended = replace(FIRST, is_over=True, answer=b"answer", last_line=b"last\n")
        assert await store.claim_key(replace(FIRST, operation="run_2")) == ended


@pytest.mark.parametrize(("age", "holds"), [(LIFETIME_SECS - 1, True), (LIFETIME_SECS, False)])
async def test_a_key_holds_for_a_day_swept_or_not(store, age, holds):
    await store.claim_key(FIRST)
    await store.end_key(FIRST, b"answer", None)
    later = Claim(b"key", b"another", "run_2", FIRST.claimed_at + age)
    assert (await store.claim_key(later) is not None) is holds
    if not holds:  # and nothing of the first is left in it
        assert await store.claim_key(later) == later


@pytest.mark.parametrize(("age", "left"), [(LIFETIME_SECS - 1, 1), (LIFETIME_SECS, 0)])
async def test_what_is_past_its_day_is_deleted_and_in_no_file_any_more(home, store, age, left):
    await store.claim_key(FIRST)
    await store.end_key(FIRST, SECRET * 1000, None)
    await store.expire_keys(FIRST.claimed_at + age)
    assert await count(store) == left
    holders = [path for path in home.rglob("*") if path.is_file() and SECRET in path.read_bytes()]
    assert bool(holders) is bool(left)


async def test_a_released_key_may_be_used_for_anything(store):
    await store.claim_key(FIRST)
    await store.release_key(FIRST)
    other = Claim(b"key", b"another", "run_2", 1001.0)
    assert await store.claim_key(other) is None
    await store.release_key(FIRST)  # not the second's
    assert await store.claim_key(FIRST) == other


@pytest.mark.parametrize(("operation", "group"), [("run_1", None), ("grp_1", "grp_1")])
async def test_an_answer_goes_with_the_run_that_gave_it_and_the_key_stays_used(home, store, operation, group):
    claim = replace(FIRST, operation=operation)
    await add_session(store, a_session())
    await store.end_run(a_run(session_id="ses_1", group_id=group))
    await store.claim_key(claim)
    await store.end_key(claim, SECRET * 1000, SECRET)
    await store.remove_session("ses_1")
    assert await store.claim_key(claim) == replace(claim, is_over=True)
    assert not [path for path in home.rglob("*") if path.is_file() and SECRET in path.read_bytes()]
    await store.end_key(claim, SECRET, SECRET)  # whoever comes with it too late
    assert await store.claim_key(claim) == replace(claim, is_over=True)


async def test_the_runs_of_others_take_no_answer_along(store):
    await store.claim_key(FIRST)
    await store.end_key(FIRST, b"answer", None)
    await store.end_run(a_run("run_2", created_at=1.0))
    await store.expire(100.0)
    assert (await store.claim_key(FIRST)).answer == b"answer"


async def test_a_store_that_cannot_write_claims_nothing(store):
    await on_thread(store, lambda db: db.execute("PRAGMA query_only = ON"))
    with pytest.raises(StoreUnavailable):
        await store.claim_key(FIRST)


CLAIM_UNTIL_KILLED = """
import asyncio, os, sys
from pathlib import Path
from clinvk.store.keys import Claim
from clinvk.store.store import Store

async def main():
    store = await Store.open(Path(sys.argv[1]))
    for number in range(1_000_000):
        claim = Claim(b"key %d" % number, b"request", f"run_{number}", 1.0)
        await store.claim_key(claim)
        if number % 3 == 0:
            await store.end_key(claim, b"answer", None)
        os.write(1, b"%d\\n" % number)

asyncio.run(main())
"""


def told(process, amount):
    """What the process told, at least so many lines of it."""
    said = b""
    while said.count(b"\n") < amount:
        ready, _, _ = select.select([process.stdout], [], [], DEADLINE)
        assert ready, "nothing is told any more"
        piece = os.read(process.stdout.fileno(), 1 << 16)
        assert piece, "it is gone"
        said += piece
    return said


@pytest.mark.parametrize("amount", [1, 20, 300])
def test_a_key_whose_claim_was_acknowledged_survives_sigkill(home, amount):
    command = [sys.executable, "-c", CLAIM_UNTIL_KILLED, str(home)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        try:
            said = told(process, amount)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
        said += process.stdout.read()
    acknowledged = [json.loads(line) for line in said.split(b"\n")[:-1]]
    with closing(sqlite3.connect(f"file:{home}/clinvk.db?mode=ro", uri=True)) as db:
        found = dict(db.execute("SELECT key, answer FROM idempotency_keys"))
    for number in acknowledged:
        assert found[b"key %d" % number] == (b"answer" if number % 3 == 0 else None)
