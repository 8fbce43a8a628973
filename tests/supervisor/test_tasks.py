"""Tasks are kept, named, and do not die unheard."""

import asyncio

from clinvk.supervisor.tasks import Tasks, first_of


async def test_a_crash_is_logged_under_the_tasks_name(caplog):
    async def crash():
        raise ValueError("no good")

    tasks = Tasks()
    tasks.spawn(crash(), name="the crasher")
    await tasks.join()
    assert "the crasher" in caplog.text
    assert "no good" in caplog.text


async def test_joining_waits_for_tasks_spawned_meanwhile():
    tasks = Tasks()
    ended = []

    async def parent():
        tasks.spawn(child(), name="child")

    async def child():
        await asyncio.sleep(0)
        ended.append("child")

    tasks.spawn(parent(), name="parent")
    await tasks.join()
    assert ended == ["child"]


async def test_cancelling_ends_what_would_never_end():
    tasks = Tasks()
    tasks.spawn(asyncio.Event().wait(), name="for ever")
    await tasks.cancel()
    await tasks.join()


async def test_the_first_of_some_futures_cancels_none():
    loop = asyncio.get_running_loop()
    one, other = loop.create_future(), loop.create_future()
    assert not await first_of(one, other, timeout=0.01)
    other.set_result(None)
    assert await first_of(one, other)
    assert not one.done()
