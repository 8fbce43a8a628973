"""`python -m clinvk`, and the command `clinvk`."""

import gc
import os
import sys


def main() -> int:
    """Run the command line; the exit code. For `serve` it goes on in a fork, with the guardian above it."""
    _open_what_is_closed()
    if sys.argv[1:2] == ["serve"]:
        # Before any other import: what the guardian has loaded it keeps for the server's whole life.
        from clinvk import hangups  # noqa: PLC0415

        hangups.keep()  # who manages services may have it reload at once
        from clinvk import guardian  # noqa: PLC0415

        guardian.guard()
        gc.disable()  # until it serves: nothing that is loaded now will ever be garbage
    from clinvk import cli  # noqa: PLC0415  only below the guardian

    return cli.run(sys.argv[1:])


def _open_what_is_closed() -> None:
    """Started with a closed descriptor 0, 1 or 2: what is opened next would take its number, and be written to."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(number)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:  # Python found it closed
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115, PTH123


if __name__ == "__main__":
    sys.exit(main())
