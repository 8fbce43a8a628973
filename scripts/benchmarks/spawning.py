"""The bare spawn: a program started on two pipes and told one line, and nothing else."""

import os
from collections.abc import Sequence

PROMPT = b'{"type":"prompt","turn":"1","prompt":"hello","conversation":null}\n'


def spawn(argv: Sequence[str], prompt: bytes = PROMPT, *, close: bool = True) -> tuple[int, int, int]:
    """Its pid, the far end of its stdout, and that of its stdin: -1 where that was closed, so that it ends."""
    its_in, our_out = os.pipe()
    our_in, its_out = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, its_in, 0), (os.POSIX_SPAWN_DUP2, its_out, 1)]
    pid = os.posix_spawn(argv[0], list(argv), os.environ, file_actions=actions, setsid=True)
    os.close(its_in)
    os.close(its_out)
    os.write(our_out, prompt)
    if close:
        os.close(our_out)
    return pid, our_in, -1 if close else our_out
