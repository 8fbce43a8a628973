"""A server that asks for a key, at the other end of HTTP."""

import pytest

from clinvk.domain.paging import RunQuery
from clinvk.monitor import Unreachable
from tests.api.conftest import QUICK
from tests.api.locks import BEARER, BOUNDED, KEY, lock


@pytest.fixture
def locked(server):
    return lock(server)


async def test_with_the_right_key_a_monitor_sees_and_acts(locked, connect):
    run_id = (await locked.prompt(QUICK, headers=BEARER)).json["run_id"]
    monitor = connect(locked.origin, KEY)
    assert (await monitor.status()).address == locked.origin
    assert [run.id for run in (await monitor.runs(RunQuery())).runs] == [run_id]
    again = await monitor.rerun(run_id)
    events = monitor.run_events(again.id)
    assert (await anext(events))[0].type == "run.queued"
    await events.aclose()
    assert {request.key_label for request in await monitor.requests(10)} == {"ci"}


async def test_without_a_key_and_with_a_wrong_one_it_says_what_is_to_be_done(locked, connect):
    for key, told in ((None, "asks for an API key: name the variable"), ("clv_wrong", "refuses the API key")):
        monitor = connect(locked.origin, key)
        for call in (monitor.status(), monitor.backends(), monitor.requests(1), monitor.rerun("run_0")):
            with pytest.raises(Unreachable, match=told) as refused:
                await call
            assert "--api-key-env" in str(refused.value)
            assert "clv_wrong" not in str(refused.value)


async def test_a_bounded_key_may_look(locked, connect):
    assert (await connect(locked.origin, BOUNDED).status()).queued == 0
