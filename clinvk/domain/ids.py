"""Identifiers: what it names, then a part that sorts by time: `run_01k9w3m4x5…`."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
ENTROPY_BYTES = 10


def new(kind: str, now_ms: int, entropy: bytes) -> str:
    """A ULID in lower case behind `kind`: 48 bits of `now_ms` (since the epoch), then 80 of `entropy`."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"an id takes {ENTROPY_BYTES} bytes of entropy, not {len(entropy)}")
    number = (now_ms << 80) | int.from_bytes(entropy)
    return f"{kind}_{''.join([_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)])}"


def born(id_: str) -> float:
    """When that id was made, in seconds since the epoch."""
    digits = id_.rpartition("_")[2]
    number = 0
    for digit in digits:
        number = number << 5 | _ALPHABET.index(digit)
    return (number >> 80) / 1000
