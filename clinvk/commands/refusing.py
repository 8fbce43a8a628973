"""How a command says why it did not do what was asked."""

import sys


def refuse(why: object, code: int) -> int:
    """Say so on standard error, line by line; `code` is the exit code."""
    for line in str(why).splitlines():
        print(f"clinvk: {line}", file=sys.stderr)  # noqa: T201
    return code
