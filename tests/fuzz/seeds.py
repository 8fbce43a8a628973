"""What the fuzzer begins with: the recordings of the CLIs, and a few texts of each kind."""

from collections.abc import Iterator

from tests.contract.transcript import ALL, Transcript

LONGEST = 4 << 10
"""Bytes of a recording that are taken: its beginning, and its end for that is where a turn ends."""
HEAD = b"\0\0\xff\0\0"

TEXTS: dict[str, tuple[bytes, ...]] = {
    "events": (
        b'\xff\0\0{"type":"run.queued","seq":0,"at":"2026-11-21T09:30:00.000Z"}\n{"type":"notice","seq":1}\n',
        b'\0\0\0id: 7\nevent: run.queued\ndata: {"type":"run.queued","seq":0}\n\n: ping\n\nid: 8\n'
        b'data: {"type":"x"}\n',
    ),
    "json": (
        b'{"a": [1, 2.0, -0, 1e5, true, null], "b": {"c": "\\u00e9\\n", "a": 18446744073709551616}, "a": 2}',
        b'[[[[{}]]], NaN, Infinity, "\\ud800", 1e999]',
    ),
    "last-event-id": (b"-1", b"0", b"41", b"9007199254740992", b" 1", b"1_0"),
    "peer": (
        b'\0\0{"jsonrpc":"2.0","id":1,"result":{"ok":true}}\n{"id":2,"error":{"code":-1,"message":"no"}}\n'
        b'{"method":"told","params":{"text":"x","count":3}}\n{"id":"a","method":"known","params":{"value":[1]}}\n'
        b'{"id":9,"method":"else"}\n{"id":null}\nno message\n',
    ),
    "settings": (
        b"# comment\ndefault_backend: demo\nserver:\n  port: 8080\n  api_keys_file: ~/keys\nbackends:\n  claude:\n"
        b"    model: opus\n    extra_flags: [--verbose]\n",
        b"a: &x {port: 1}\nserver:\n  <<: *x\n  port: 0x1F\nsession: {retention_days: 1e3, ttl: 2026-11-21}\n",
        b"parallel:\n\t- 1\n? [a, b]\n: !!int ''\n",
    ),
    "transcript": (
        b"user\x1fWho sails her?\x1eassistant\x1fNemo.\n\nNobody else.\x1euser\x1f=== assistant\nI give in.",
        b"user\x1fhello",
    ),
}


def of(target: str) -> Iterator[bytes]:
    """The seeds of a target."""
    yield from TEXTS.get(target, ())
    for transcript in ALL:
        if transcript.backend.name == target:
            yield HEAD + excerpt(transcript)


def excerpt(transcript: Transcript) -> bytes:
    said: bytes = transcript.stdout
    if len(said) <= LONGEST:
        return said
    first, last = said[: LONGEST // 2], said[-LONGEST // 2 :]
    return first[: first.rfind(b"\n") + 1] + last[last.find(b"\n") + 1 :]
