"""Every run's lifecycle over connections that break, and from servers that begin another life."""

import asyncio

import pytest

from clinvk.domain.events import Entry
from clinvk.remote import streams
from tests.api.client import DEADLINE, run_of
from tests.api.conftest import QUICK
from tests.remote.reading import Reader
from tests.remote.relay import Relay


@pytest.fixture
async def journal(monitor):
    """What the monitor reads of the runs."""
    reader = Reader(monitor.events())
    yield reader
    await reader.close()


@pytest.fixture
def impatient(monkeypatch):
    """What is there already comes within less time than anybody notices."""
    monkeypatch.setattr(streams, "_FIRST_SECS", 0.3)


def note(server, *names):
    """Entries of the journal as if runs of these names had been queued."""
    for name in names:
        line = f'{{"type":"run.queued","seq":0,"run_id":"{name}","position":0}}\n'.encode()
        server.supervisor.journal.relay(Entry(0, "run.queued", line))


def numbers(entries):
    return [entry.seq for entry in entries]


async def reborn(relay, new_server, *names):
    """Another life of the server behind the relay, with these runs in its journal."""
    server = await new_server()
    note(server, *names)
    relay.port_behind = server.port
    relay.cut()
    return server


async def test_it_gives_the_journal_itself(server, journal):
    await run_of(server, QUICK)
    assert await journal.take(3) == await server.supervisor.journal.read()
    assert [entry.type for entry in journal.seen] == ["run.queued", "run.started", "run.finished"]


@pytest.mark.parametrize("since", [0, 1, 3])
async def test_it_begins_where_it_is_asked_to(server, monitor, since):
    note(server, "a", "b", "c")
    reader = Reader(monitor.events(since))
    note(server, "d")
    assert numbers(await reader.take(4 - since)) == list(range(since, 4))
    await reader.close()


async def test_what_happened_while_the_connection_was_broken_comes_once(server, relay, journal):
    note(server, "a")
    await journal.take(1)
    for name in "bcd":
        relay.cut()
        note(server, name)
        await journal.take(1)
    assert journal.seen == await server.supervisor.journal.read()
    assert relay.opened == 4


async def test_a_server_that_is_away_is_waited_for(server, relay, journal):
    note(server, "a")
    await journal.take(1)
    relay.down = True
    relay.cut()
    reading = asyncio.ensure_future(journal.take(1))
    await relay.until(lambda: relay.opened >= 2)
    note(server, "b")
    relay.down = False
    assert numbers(await reading) == [1]


async def test_a_server_that_closes_its_connections_is_asked_again(server, monitor, relay, journal):
    note(server, "a")
    await journal.take(1)
    await server.http.close_all_connections()
    note(server, "b")
    assert numbers(await journal.take(1)) == [1]


class TestAnotherLife:
    """Numbers go back, so that who reads can see it; and all of the new journal comes."""

    async def test_with_fewer_entries(self, server, relay, journal, new_server):
        note(server, "a", "b", "c")
        await journal.take(3)
        await reborn(relay, new_server, "d")
        assert numbers(await journal.take(1)) == [0]
        assert b'"d"' in journal.seen[-1].line

    async def test_with_as_many_entries(self, server, relay, journal, new_server):
        note(server, "a", "b", "c")
        await journal.take(3)
        await reborn(relay, new_server, "d", "e", "f")
        assert numbers(await journal.take(3)) == [0, 1, 2]

    async def test_is_told_whole_wherever_the_reading_began(self, server, relay, monitor, new_server):
        note(server, "a", "b", "c")
        reader = Reader(monitor.events(2))
        await reader.take(1)
        await reborn(relay, new_server, "d", "e", "f")
        assert numbers(await reader.take(3)) == [0, 1, 2]
        await reader.close()

    async def test_with_more_entries(self, server, relay, journal, new_server):
        note(server, "a", "b", "c")
        await journal.take(3)
        await reborn(relay, new_server, *"defgh")
        assert numbers(await journal.take(5)) == [0, 1, 2, 3, 4]

    @pytest.mark.usefixtures("impatient")
    async def test_with_one_entry_less_than_was_seen(self, server, relay, journal, new_server):
        note(server, "a", "b", "c")
        await journal.take(3)
        await reborn(relay, new_server, "d", "e")
        assert numbers(await journal.take(2)) == [0, 1]

    @pytest.mark.usefixtures("impatient")
    async def test_and_nothing_in_it_yet(self, server, relay, journal, new_server):
        note(server, "a")
        await journal.take(1)
        reading = asyncio.ensure_future(journal.take(1))
        born = await reborn(relay, new_server)
        await relay.until(lambda: relay.opened >= 3)
        note(born, "b")
        assert numbers(await reading) == [0]

    @pytest.mark.usefixtures("impatient")
    async def test_goes_on_as_any(self, server, relay, journal, new_server, monkeypatch):
        note(server, "a", "b")
        await journal.take(2)
        born = await reborn(relay, new_server, "c")
        await journal.take(1)
        monkeypatch.setattr(streams, "_FIRST_SECS", DEADLINE)  # from now on it is there, however late it comes
        relay.cut()
        note(born, "d")
        assert numbers(await journal.take(1)) == [1]


async def test_entries_that_were_not_kept_are_a_jump_of_the_numbers(server, relay, journal):
    note(server, "a")
    await journal.take(1)
    relay.down = True
    relay.cut()
    await relay.until(lambda: relay.open == 0)
    note(server, *map(str, range(9000)))
    relay.down = False
    first = (await journal.take(1))[0]
    assert first.type == "notice"
    assert first.seq > 1


async def test_who_leaves_closes_the_connection(server, relay, journal):
    note(server, "a")
    await journal.take(1)
    await journal.close()
    await relay.until(lambda: relay.open == 0)


async def test_many_readers_are_no_trouble_to_each_other(server, monitor):
    readers = [Reader(monitor.events()) for _ in range(5)]
    note(server, "a", "b")
    taken = await asyncio.gather(*(reader.take(2) for reader in readers))
    assert all(numbers(each) == [0, 1] for each in taken)
    for reader in readers:
        await reader.close()


async def test_a_server_that_was_never_there_is_waited_for(server, connect):
    relay = await Relay(server.port).listen()
    relay.down = True
    reader = Reader(connect(relay.url).events())
    note(server, "a")
    reading = asyncio.ensure_future(reader.take(1))
    await relay.until(lambda: relay.opened >= 2)
    relay.down = False
    assert numbers(await reading) == [0]
    await reader.close()
    await relay.close()
