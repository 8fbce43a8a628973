"""Which children are worth starting ahead: those whose like was asked for lately, and was not in vain."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from clinvk.supervisor.lease import Key

_MOST: Final = 256
"""Keys that are remembered: the ones that were asked for last."""
_AGAIN: Final = 2
"""How often a key whose child waited in vain has to be asked for before another is started ahead."""


@dataclass(slots=True)
class _Use:
    asked_at: float
    times: int = 1
    wasted: bool = False


class Demand:
    """How often each key was asked for, as far as that is recent. Times are in seconds."""

    def __init__(self) -> None:
        self._uses: OrderedDict[Key, _Use] = OrderedDict()

    def asked(self, key: Key, now: float, recent_secs: float) -> None:
        """A run came with that key."""
        use = self._uses.pop(key, None)
        if use is None or (use.wasted and now - use.asked_at > recent_secs):
            self._uses[key] = _Use(now, wasted=use is not None and use.wasted)
        else:
            use.asked_at, use.times = now, use.times + 1
            self._uses[key] = use
        while len(self._uses) > _MOST:
            self._uses.popitem(last=False)

    def wasted(self, key: Key) -> None:
        """A child that was started ahead for it was never used."""
        use = self._uses.get(key)
        if use:
            use.wasted, use.times = True, 0

    def is_worth_one(self, key: Key) -> bool:
        """Whether a child should wait for the next run with that key."""
        use = self._uses.get(key)
        return use is not None and (not use.wasted or use.times >= _AGAIN)
