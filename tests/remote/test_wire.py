"""Events as they come over HTTP: bytes in, entries out, wherever the bytes are cut."""

import pytest

from clinvk.api import streams
from clinvk.domain.events import Entry
from clinvk.remote.wire import NOT_OURS, Ndjson, Sse

ENTRIES = [
    Entry(0, "run.queued", b'{"type":"run.queued","seq":0,"position":2}\n'),
    Entry(1, "text.delta", '{"type":"text.delta","seq":1,"text":"ein Wört: data: \\n"}\n'.encode()),
    Entry(2, "run.finished", b'{"type":"run.finished","seq":2}\n'),
]


@pytest.mark.parametrize(
    ("form", "data"),
    [
        (Ndjson, b"\n" + streams.ndjson(ENTRIES) + b"\n"),
        (Sse, b": ping\n\n" + streams.sse(ENTRIES) + b": ping\n\n"),
    ],
)
def test_what_the_server_writes_is_read_wherever_it_is_cut(form, data):
    for cut in range(len(data)):
        reader = form()
        assert reader.feed(data[:cut]) + reader.feed(data[cut:]) == ENTRIES


def test_the_number_of_a_server_sent_event_is_the_streams():
    entry = ENTRIES[0]._replace(seq=41)
    assert Sse().feed(streams.sse([entry])) == [entry]


@pytest.mark.parametrize("form", [Ndjson, Sse])
@pytest.mark.parametrize("line", [b"no JSON", b'{"type":"\xeb"}', b"[]"])
def test_what_is_no_event_is_refused_in_one_way(form, line):
    with pytest.raises(NOT_OURS):
        form().feed((b"data: " if form is Sse else b"") + line + b"\n")


def test_half_a_line_is_no_entry():
    assert Ndjson().feed(ENTRIES[0].line[:-1]) == []
