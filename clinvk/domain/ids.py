"""Identifiers: what it names, then a part that sorts by time: `run_01k9w3m4x5…`."""

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
ENTROPY_BYTES = 10


def new(kind: str, now_ms: int, entropy: bytes) -> str:
    """A ULID in lower case behind `kind`: 48 bits of `now_ms` (since the epoch), then 80 of `entropy`."""
    if len(entropy) != ENTROPY_BYTES:
        raise ValueError(f"an id takes {ENTROPY_BYTES} bytes of entropy, not {len(entropy)}")
    number = (now_ms << 80) | int.from_bytes(entropy)
    digits = (_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5))
    return f"{kind}_{''.join(digits)}"


def born(id_: str) -> float:
    """When that id was made, in seconds since the epoch."""
    digits = id_.rpartition("_")[2]
    number = 0
    for digit in digits:
        number = number << 5 | _ALPHABET.index(digit)
    return (number >> 80) / 1000
