"""What is told to a service manager, datagram by datagram."""

import asyncio
import contextlib
import logging
import socket

import pytest

from clinvk import notify
from clinvk.clock import SystemClock
from tests.service.conftest import News

PID = 4711


def manager(environment):
    return notify.manager(environment, PID, SystemClock())


def told(news):
    """What comes, while the loop of the test turns."""
    return asyncio.to_thread(news.next)


@pytest.fixture(params=["path", "abstract"])
def news(request, tmp_path):
    path = str(tmp_path / "notify")
    heard = News(path if request.param == "path" else f"@{path}")
    yield heard
    heard.socket.close()


async def test_it_is_ready_well_reloads_and_stops_on_sockets_of_both_kinds(news):
    one = manager({"NOTIFY_SOCKET": news.address})
    one.ready(lambda: "fine")
    assert news.next() == {"READY": "1"}
    assert await told(news) == {"STATUS": "fine"}
    one.reloading()
    before = news.next()
    assert before.pop("RELOADING") == "1"
    assert 0 <= SystemClock().monotonic() * 1e6 - int(before.pop("MONOTONIC_USEC")) < 60e6
    assert before == {}
    one.reloaded()
    assert news.next() == {"READY": "1"}
    one.stopping()
    assert news.next() == {"STOPPING": "1", "EXTEND_TIMEOUT_USEC": "30000000"}
    await one.close()


async def test_a_reload_before_the_start_and_after_the_end_makes_nothing_ready(news):
    one = manager({"NOTIFY_SOCKET": news.address})
    one.reloading()
    one.reloaded()
    assert news.rest() == []
    one.ready(lambda: "fine")
    one.stopping()
    news.rest()
    one.reloading()
    one.reloaded()
    assert [each for each in news.rest() if "READY" in each or "RELOADING" in each] == []
    await one.close()


async def test_a_status_is_told_when_it_changes_and_each_beat_says_that_the_loop_turns(news):
    one = manager({"NOTIFY_SOCKET": news.address, "WATCHDOG_USEC": "20000", "WATCHDOG_PID": str(PID)})
    status = ["first"]
    one.ready(lambda: status[0])
    assert await told(news) == {"READY": "1"}
    assert await told(news) == {"WATCHDOG": "1", "STATUS": "first"}
    assert await told(news) == {"WATCHDOG": "1"}
    status[0] = "second"
    while "STATUS" not in (heard := await told(news)):
        assert heard == {"WATCHDOG": "1"}
    assert heard == {"WATCHDOG": "1", "STATUS": "second"}
    one.stopping()
    while "STOPPING" not in (heard := await told(news)):
        assert heard == {"WATCHDOG": "1"}
    assert await told(news) == {"WATCHDOG": "1", "EXTEND_TIMEOUT_USEC": "60000"}
    await one.close()


async def test_a_loop_that_is_held_says_nothing(news):
    one = manager({"NOTIFY_SOCKET": news.address, "WATCHDOG_USEC": "20000"})
    one.ready(str)
    assert "WATCHDOG" in (await told(news)) | (await told(news))
    news.rest()
    assert news.next(0.1) == {}  # this is the loop's own thread
    assert await told(news) == {"WATCHDOG": "1"}
    await one.close()


@pytest.mark.parametrize(
    ("usecs", "pid", "period"),
    [("60000000", PID, 5.0), ("4000000", PID, 2.0), ("4000000", PID + 1, 5.0), ("", PID, 5.0), ("0", PID, 5.0)],
)
async def test_the_watchdog_is_fed_at_half_its_time_or_sooner_and_not_for_another_process(usecs, pid, period):
    one = manager({"NOTIFY_SOCKET": "/nowhere", "WATCHDOG_USEC": usecs, "WATCHDOG_PID": str(pid)})
    assert one._period == period
    assert one._watched == (pid == PID and usecs not in {"", "0"})
    await one.close()


async def test_its_variables_are_taken_out_for_they_are_nobody_elses():
    environment = {"NOTIFY_SOCKET": "", "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "HOME": "/"}
    await manager(environment).close()
    assert environment == {"HOME": "/"}


async def test_what_cannot_be_said_at_once_is_said_later(news, caplog):
    one = manager({"NOTIFY_SOCKET": news.address, "WATCHDOG_USEC": "20000"})
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
        other.setblocking(False)
        with contextlib.suppress(BlockingIOError):
            while other.sendto(b"STATUS=noise", one._address):
                pass
        one.ready(lambda: "fine")
    assert [each for each in news.rest() if "READY" in each] == []
    assert await told(news) == {"READY": "1", "WATCHDOG": "1", "STATUS": "fine"}
    assert [record.getMessage() for record in caplog.records] == [
        "the service manager does not hear us: Resource temporarily unavailable"
    ]
    await one.close()


async def test_a_manager_that_is_gone_is_told_of_once_and_does_no_harm(tmp_path, caplog):
    one = manager({"NOTIFY_SOCKET": str(tmp_path / "gone")})
    for _ in range(3):
        one.ready(str)
    one.stopping()
    assert [record.getMessage() for record in caplog.records] == [
        "the service manager does not hear us: No such file or directory"
    ]
    await one.close()


@pytest.mark.parametrize("address", ["vsock:2:1234", "relative"])
async def test_an_address_of_a_kind_that_we_do_not_speak_is_told_and_not_used(address, caplog):
    one = manager({"NOTIFY_SOCKET": address})
    one.ready(str)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert address in caplog.text
    await one.close()


async def test_without_a_manager_nothing_is_told_and_nothing_runs(caplog):
    one = manager({})
    one.ready(str)
    assert len(asyncio.all_tasks()) == 1
    one.reloading()
    one.reloaded()
    one.stopping()
    await one.close()
    assert caplog.records == []
