"""The entry of the demo child, run as a folder: see `clinvk.democli`."""

import os
import signal
import sys

if __name__ == "__main__":
    # Ctrl-C in a terminal ends a program; it is nothing to print a traceback about.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Run as a folder, Python looks for modules in here: it shall find the package, behind all others.
    sys.path.append(os.path.dirname(os.path.dirname(sys.path.pop(0))))  # noqa: PTH120  pathlib costs 5 ms

    from clinvk.democli.session import main

    sys.exit(main())
