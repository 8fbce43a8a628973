"""Mixed load on a server of its own, and a verdict whether it grows. See scripts/soak and docs/soak.md."""

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path

from load import Load
from sampling import Sampler, busy
from server import Server
from verdict import Table, judge

QUIET_SECS = 60.0
"""What a server is given to get quiet again."""


async def soak(server: Server, seconds: float, clients: int) -> Table:
    """Load it for so long; what was measured meanwhile, and before and after."""
    load, sampler = Load(server.port, server.key), Sampler(server)
    async with load:
        await load.warm_up()
        await quiet(sampler)
        before = await sampler.look()
        ending = time.monotonic() + seconds
        watching = asyncio.create_task(sampler.watch(ending, max(0.2, min(5.0, seconds / 240))))
        await asyncio.gather(*(load.work(ending, number) for number in range(clients)))
        await watching
    await quiet(sampler)
    after = await sampler.look()
    return Table(before, sampler.samples, after, load.done, load.surprises, seconds)


async def quiet(sampler: Sampler) -> None:
    """Until no run and no child is left, and the sockets of clients that left are closed."""
    deadline = time.monotonic() + QUIET_SECS
    while await busy(sampler) and time.monotonic() < deadline:  # noqa: ASYNC110  it is another process
        await asyncio.sleep(0.2)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak load", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0, help="how long (20)")
    parser.add_argument("--clients", type=int, default=6, help="how many work at once (6)")
    parser.add_argument("--program", help="a Python program that serves instead of clinvk: to try the verdict out")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clinvk-soak-") as folder:
        server = Server(Path(folder), asked.program)
        try:
            table = asyncio.run(soak(server, asked.minutes * 60, asked.clients))
        finally:
            left = server.end()
        for line in table.lines():
            print(line)
        faults = judge(table) + [f"left behind: {process}" for process in left]
    for fault in faults:
        print(f"NOT FLAT: {fault}")
    print("verdict: " + ("not flat" if faults else "flat"))
    return 1 if faults else 0


sys.exit(main())
