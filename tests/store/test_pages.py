"""Lists in pages, and what they cost: the same at any length, counted in steps of SQLite's machine."""

import base64
import itertools
import random
import re
from contextlib import contextmanager

import pytest
from hypothesis import given

from clinvk.domain.errors import InvalidInput
from clinvk.domain.paging import RunQuery, SessionQuery
from clinvk.domain.run import RunState
from clinvk.domain.session import SessionStatus
from clinvk.store import runs, sessions
from tests.store.records import BACKENDS, RECOUNTS, a_run, a_session, add_session, in_memory, number, text

SESSION_FILTERS = ("backend", "status")
RUN_FILTERS = ("session_id", "backend", "state")


def sets_of(names):
    """Every way to filter by them."""
    return [chosen for size in range(len(names) + 1) for chosen in itertools.combinations(names, size)]


def many_sessions(amount):
    """Of several backends and statuses, in no order, and often used at the same time."""
    chance = random.Random(amount)
    return [
        a_session(
            f"ses_{n:06}",
            backend=chance.choice(BACKENDS),
            status=chance.choice(list(SessionStatus)),
            last_used=float(chance.randrange(amount // 3 + 1)),
        )
        for n in range(amount)
    ]


def many_runs(amount):
    """The same. A session has one backend; the busiest has every fifth run."""
    chance = random.Random(amount)
    made = []
    for n in range(amount):
        session_id = chance.choice(["ses_claude", "ses_codex", "ses_demo", None, None])
        backend = session_id.partition("_")[2] if session_id else chance.choice(BACKENDS)
        at = float(chance.randrange(amount // 3 + 1))
        state = chance.choice(list(RunState))
        made.append(a_run(f"run_{n:06}", state, backend=backend, session_id=session_id, created_at=at))
    return made


async def every_page(ask, query_of):
    """All items of a list, page by page."""
    found, cursor = [], None
    while True:
        page = await ask(query_of(cursor))
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            assert page.total == len(found)
            return found


def matching(items, given):
    return [item for item in items if all(getattr(item, name) == value for name, value in given.items())]


async def test_pages_of_sessions_make_up_the_list_whatever_the_filter(store):
    kept = many_sessions(90)
    for session in kept:
        await add_session(store, session)
    kept.sort(key=lambda session: (session.last_used, session.id), reverse=True)
    for names in sets_of(SESSION_FILTERS):
        for values in itertools.product(*[{"backend": BACKENDS, "status": SessionStatus}[name] for name in names]):
            given = dict(zip(names, values, strict=True))
            expected = matching(kept, given)
            paged = await every_page(store.sessions, lambda at, g=given: SessionQuery(**g, limit=7, cursor=at))
            assert paged == expected, given
            skipped = await store.sessions(SessionQuery(**given, limit=7, offset=3))
            assert list(skipped.items) == expected[3:10], given
            assert skipped.total == len(expected)


async def test_pages_of_runs_make_up_the_list_whatever_the_filter(store):
    kept = many_runs(120)
    for run in kept:
        await store.end_run(run)
    kept.sort(key=lambda run: (run.created_at, run.id), reverse=True)
    choices = {"session_id": ["ses_demo", "ses_none"], "backend": ["demo", "none"], "state": RunState}
    for names in sets_of(RUN_FILTERS):
        for values in itertools.product(*[choices[name] for name in names]):
            given = dict(zip(names, values, strict=True))
            expected = matching(kept, given)
            paged = await every_page(store.runs, lambda at, g=given: RunQuery(**g, limit=7, cursor=at))
            assert paged == expected, given
            assert list((await store.runs(RunQuery(**given, limit=7, offset=3))).items) == expected[3:10], given


async def test_an_offset_counts_from_the_cursor(store):
    for n in range(10):
        await add_session(store, a_session(f"ses_{n}", last_used=float(n)))
    first = await store.sessions(SessionQuery(limit=2))
    page = await store.sessions(SessionQuery(limit=2, offset=3, cursor=first.next_cursor))
    assert [session.id for session in page.items] == ["ses_4", "ses_3"]


async def test_the_last_page_has_no_cursor_even_if_it_is_full(store):
    for n in range(4):
        await add_session(store, a_session(f"ses_{n}"))
    assert (await store.sessions(SessionQuery(limit=4))).next_cursor is None
    assert (await store.sessions(SessionQuery(limit=3))).next_cursor is not None
    assert (await store.sessions(SessionQuery(offset=4))).items == ()


async def test_a_page_keeps_its_place_when_what_is_before_it_changes(store):
    for n in range(6):
        await add_session(store, a_session(f"ses_{n}", last_used=float(n)))
    first = await store.sessions(SessionQuery(limit=2))
    await add_session(store, a_session("ses_new", last_used=50.0))
    await store.remove_session(first.items[-1].id)  # the very row that the cursor names
    second = await store.sessions(SessionQuery(limit=2, cursor=first.next_cursor))
    assert [session.id for session in second.items] == ["ses_3", "ses_2"]


@given(number, text)
def test_a_cursor_leads_back_to_its_row_and_fits_into_a_url(time, id_):
    cursor = sessions.LISTING.cursor(time, id_)
    assert sessions.LISTING.check(cursor) == (time, id_)
    assert not set(cursor) - set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def refused(cursor):
    with pytest.raises(InvalidInput) as caught:
        sessions.LISTING.check(cursor)
    (fault,) = caught.value.faults
    assert fault.path == "?cursor"
    return fault.expected == "the next_cursor of one of its pages"


GOOD = sessions.LISTING.cursor(12.5, "ses_01")


@pytest.mark.parametrize("place", range(len(GOOD)))
def test_a_cursor_with_one_wrong_sign_is_refused(place):
    for sign in "Aa0-_=!é ":
        if sign != GOOD[place]:
            assert refused(GOOD[:place] + sign + GOOD[place + 1 :])


@pytest.mark.parametrize(
    "cursor",
    ["", "A", "AAAA", "?", "12", GOOD + "=", GOOD + "A", GOOD[:-1], " " + GOOD, GOOD + "\n", "\0", "é" * 40],
)
def test_what_was_never_a_cursor_is_refused(cursor):
    assert refused(cursor)


def test_a_cursor_of_another_list_is_refused():
    assert refused(runs.LISTING.cursor(12.5, "run_01"))


def test_a_cursor_whose_id_is_no_text_is_refused():
    good = sessions.LISTING.cursor(1.0, "ses")
    raw = base64.urlsafe_b64decode(good + "=" * (-len(good) % 4))
    assert refused(base64.urlsafe_b64encode(raw[:9] + b"\xff\xfe" + raw[9:]).decode().rstrip("="))


@pytest.mark.parametrize("ask", ["sessions", "runs"])
async def test_a_wrong_cursor_is_told_by_an_empty_list_too(store, ask):
    query = SessionQuery(cursor="nonsense") if ask == "sessions" else RunQuery(session_id="ses", cursor="nonsense")
    with pytest.raises(InvalidInput):
        await getattr(store, ask)(query)
    assert store.failure is None


_NUMBERS = "WITH RECURSIVE numbers(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < ?)"
# A quarter of the rows matches every filter at once; ids and times are shuffled by a prime.
_FILL = (
    f"""{_NUMBERS} INSERT INTO sessions SELECT printf('ses_%06d', n * 7919 % 1000003),
    iif(n % 2, 'codex', 'demo'), '/srv/' || n % 100, 0, n * 7907 % 100003 / 3, NULL, NULL, NULL,
    iif(n / 2 % 2, 'error', 'completed'), 1, '{{}}', '[]', '{{}}', NULL FROM numbers""",
    f"""{_NUMBERS} INSERT INTO runs SELECT printf('run_%06d', n * 7919 % 1000003),
    iif(n % 2, 'codex', 'demo'), iif(n / 2 % 2, 'failed', 'completed'), n * 7907 % 100003 / 3,
    n * 7907 % 100003 / 3 + 1, iif(n % 2, 'ses_other', 'ses_busy'), NULL, 1, x'7b7d', NULL FROM numbers""",
)


@contextmanager
def filled(amount):
    """A database in memory, with so many sessions and runs; the totals are counted at the end, for haste."""
    with in_memory() as db:
        for (trigger,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f"DROP TRIGGER {trigger}")
        for statement in _FILL:
            db.execute(statement, (amount,))
        for table, recount in RECOUNTS.items():
            db.execute(f"INSERT INTO {table} {recount}")
        yield db


@pytest.fixture(scope="module")
def small():
    with filled(400) as db:
        yield db


@pytest.fixture(scope="module")
def large():
    with filled(100_000) as db:
        yield db


def steps(db, work, query):
    """How many instructions SQLite's machine took for `work`, and what came of it."""
    taken = itertools.count()
    db.set_progress_handler(lambda: next(taken) < 0, 1)
    page = work(db, query)
    db.set_progress_handler(None, 1)
    return next(taken), page


CASES = [
    *[(sessions.page, SessionQuery, dict.fromkeys(names)) for names in sets_of(SESSION_FILTERS)],
    *[(runs.page, RunQuery, dict.fromkeys(names)) for names in sets_of(RUN_FILTERS)],
]
VALUES = {
    "backend": "demo",
    "status": SessionStatus.COMPLETED,
    "state": RunState.COMPLETED,
    "session_id": "ses_busy",
}


@pytest.mark.parametrize(("work", "query", "names"), CASES)
def test_a_page_costs_the_same_of_a_short_list_and_of_a_long_one(small, large, work, query, names):
    given = {name: VALUES[name] for name in names}
    costs = []
    for db in (small, large):
        first, page = steps(db, work, query(**given))
        assert len(page.items) == 50
        middle = work(db, query(**given, limit=1, offset=page.total // 3)).next_cursor
        second, page = steps(db, work, query(**given, cursor=middle))
        assert len(page.items) == 50
        costs.append((first, second))
    (first_small, second_small), (first_large, second_large) = costs
    assert abs(first_large - first_small) <= 5
    assert abs(second_large - second_small) <= 5
    assert second_large < first_large * 1.5  # each row is compared with the cursor once more


@pytest.mark.parametrize(("work", "query", "names"), CASES)
def test_no_statement_of_a_page_scans_or_sorts_a_table(large, work, query, names):
    given = {name: VALUES[name] for name in names}
    following = work(large, query(**given)).next_cursor
    for cursor in (None, following):
        asked = []
        large.set_trace_callback(asked.append)
        work(large, query(**given, cursor=cursor))
        large.set_trace_callback(None)
        for statement in asked:
            check_plan(large, statement)


def check_plan(db, statement):
    """Rows are searched for, or read in an index's own order from its end. The kept totals are few."""
    for *_, step in db.execute(f"EXPLAIN QUERY PLAN {statement}"):
        assert "TEMP B-TREE" not in step, (step, statement)
        if not step.startswith("SEARCH "):
            assert re.match(r"SCAN (session_totals|run_totals|(sessions|runs) USING INDEX \w+_newest)$", step), (
                step
            )


def test_what_cannot_match_is_not_looked_for(large):
    """Runs of a session with a backend that is not the session's."""
    cost, page = steps(large, runs.page, RunQuery(session_id="ses_busy", backend="codex"))
    assert (page.items, page.total) == ((), 0)
    assert cost < 100


@pytest.mark.parametrize("sql", [sessions._UNUSED, runs._EXPIRED, runs._WITH_LOG])
def test_finding_what_to_remove_scans_and_sorts_nothing(large, sql):
    plan = [row[3] for row in large.execute(f"EXPLAIN QUERY PLAN {sql}", [1] * sql.count("?"))]
    assert not [step for step in plan if "TEMP" in step or step.startswith("SCAN ")], plan
