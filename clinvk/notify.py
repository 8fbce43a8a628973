"""What systemd is told of the server: that it is ready, how it is, that its loop still turns (sd_notify)."""

import asyncio
import logging
import socket
from collections.abc import Callable, MutableMapping
from typing import Final

from clinvk.clock import Clock
from clinvk.supervisor.tasks import Tasks

_log = logging.getLogger("clinvk.notify")

_BEAT_SECS: Final = 5.0
_EXTENSION_BEATS: Final = 6  # a drain that misses so many beats hangs, and may be ended


class Manager:
    """The service manager that waits for news, or nobody. What it cannot take at once it is told later."""

    def __init__(self, address: str, watchdog_secs: float | None, clock: Clock) -> None:
        """`address`: a socket's path, `@name` of an abstract one, or empty. `watchdog_secs`: the longest silence
        that it puts up with, None for any.
        """
        self._watched = watchdog_secs is not None
        self._period = min(_BEAT_SECS, watchdog_secs / 2) if watchdog_secs else _BEAT_SECS
        self._clock = clock
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) if address else None
        if self._socket:
            self._socket.setblocking(False)
        self._tasks = Tasks()
        self._serving = self._ending = self._unheard = False
        self._status = ""
        self._owed: dict[str, str] = {}

    def ready(self, status: Callable[[], str]) -> None:
        """The server listens. From now on its `status` is told whenever it changes, and that the loop turns."""
        self._serving = True
        self._tell(READY="1")
        if self._socket:
            self._tasks.spawn(self._beat(status), name="service manager")

    def reloading(self) -> None:
        """The configuration is being read again. Before `ready` and after `stopping` it is not told."""
        if self._serving:
            self._tell(RELOADING="1", MONOTONIC_USEC=str(int(self._clock.monotonic() * 1e6)))

    def reloaded(self) -> None:
        """That is done, whatever came of it."""
        if self._serving:
            self._tell(READY="1")

    def stopping(self) -> None:
        """The server drains; the time for that is extended beat by beat, as long as the loop turns."""
        self._serving, self._ending = False, True
        self._tell(STOPPING="1", **self._extension())

    async def close(self) -> None:
        """Nothing is told any more."""
        await self._tasks.cancel()
        if self._socket:
            self._socket.close()
            self._socket = None

    async def _beat(self, status: Callable[[], str]) -> None:
        while True:
            news = {"WATCHDOG": "1"} if self._watched else {}
            if (now := status()) != self._status:
                self._status = news["STATUS"] = now
            self._tell(**news, **(self._extension() if self._ending else {}))
            await asyncio.sleep(self._period)

    def _extension(self) -> dict[str, str]:
        return {"EXTEND_TIMEOUT_USEC": str(int(self._period * _EXTENSION_BEATS * 1e6))}

    def _tell(self, **news: str) -> None:
        """Say it, with what could not be said before."""
        self._owed |= news
        if self._socket is None or not self._owed:
            return
        try:
            self._socket.sendto(
                "\n".join(f"{key}={value}" for key, value in self._owed.items()).encode(), self._address
            )
        except OSError as error:
            if not self._unheard:
                _log.warning("the service manager does not hear us: %s", error.strerror)
            self._unheard = True
            return
        self._unheard = False
        self._owed = {}


def manager(environment: MutableMapping[str, str], pid: int, clock: Clock) -> Manager:
    """The one that `environment` names to its main process `pid`. Its variables are taken out of there: no child
    is to speak for us.
    """
    address = environment.pop("NOTIFY_SOCKET", "")
    usecs, watched = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", str(pid))
    if address and not address.startswith(("/", "@")):
        _log.warning("NOTIFY_SOCKET is no path and no abstract socket, so nobody is told: %s", address)
        address = ""
    secs = int(usecs) / 1e6 if usecs.isdecimal() and watched == str(pid) else 0.0
    return Manager(address, secs or None, clock)
