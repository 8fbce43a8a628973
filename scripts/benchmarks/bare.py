"""So many bare spawns at once, for a while: `bare.py SPEC`. What each took, as JSON."""

import json
import os
import resource
import select
import sys
import time

from spawning import spawn


def main(argv: list[str], at_once: int, seconds: float) -> dict[str, object]:
    poll = select.epoll()
    begun: dict[int, tuple[int, float]] = {}
    took: list[float] = []

    def start() -> None:
        at = time.perf_counter()
        pid, out, _ = spawn(argv)
        begun[out] = pid, at
        poll.register(out, select.EPOLLIN)

    first = time.perf_counter()
    for _ in range(at_once):
        start()
    while begun:
        for out, _ in poll.poll():
            if os.read(out, 1 << 16):
                continue
            pid, at = begun.pop(out)
            poll.unregister(out)
            os.close(out)
            os.waitpid(pid, 0)
            took.append(time.perf_counter() - at)
            if time.perf_counter() - first < seconds:
                start()
    spent, passed = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - first
    took.sort()
    return {
        "milliseconds": took[len(took) // 2] * 1000,
        "rate": len(took) / passed,
        "cpu": (spent.ru_utime + spent.ru_stime) * 1000 / len(took),
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(**json.loads(sys.argv[1]))))
