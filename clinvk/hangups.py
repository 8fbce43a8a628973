"""SIGHUP before there is a server that could act on it: kept in mind, not died of.

The guardian has this loaded too, so it knows only the standard library.
"""

import contextlib
import os
import signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType


class _Early:
    """What was so when the program started, and what came since."""

    on_terminal = False
    hung_up = False


_early = _Early()


def keep() -> None:
    """From now on the signal is remembered. Under nohup it stays ignored.

    A handler, and not an ignored signal: of that a child would know nothing, this it would inherit.
    """
    _early.on_terminal = has_terminal()
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, _remember)


def began_on_terminal() -> bool:
    """Whether there was a terminal at the start, though it may be gone by now."""
    return _early.on_terminal


def came() -> bool:
    """Whether the signal came before anybody else listened to it."""
    return _early.hung_up


def has_terminal() -> bool:
    """Whether this session has a terminal; once it has hung up, opening it fails."""
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK))
        return True
    return False


def _remember(_number: int, _frame: "FrameType | None") -> None:
    _early.hung_up = True
