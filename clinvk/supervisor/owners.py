"""For whom something is done."""

from collections.abc import Callable


class Owners:
    """Whoever wants a run or a group of them, watchers not. When the last has left, `abandoned` is called."""

    def __init__(self, first: object, abandoned: Callable[[], None]) -> None:
        self._present = {first}
        self._abandoned = abandoned

    def __len__(self) -> int:
        return len(self._present)

    def join(self, owner: object) -> None:
        """One more for whom it is done."""
        self._present.add(owner)

    def leave(self, owner: object) -> None:
        """`owner` is gone."""
        self._present.discard(owner)
        if not self._present:
            self._abandoned()
