"""`python -m clinvk`, and the command `clinvk`."""

import sys


def main() -> int:
    """Run the command line; the exit code. For `serve` it goes on in a fork, with the guardian above it."""
    if sys.argv[1:2] == ["serve"]:
        # Before any other import: what the guardian has loaded it keeps for the server's whole life.
        from clinvk import hangups  # noqa: PLC0415

        hangups.keep()  # who manages services may have it reload at once
        from clinvk import guardian  # noqa: PLC0415

        guardian.guard()
    from clinvk import cli  # noqa: PLC0415  only below the guardian

    return cli.run(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
