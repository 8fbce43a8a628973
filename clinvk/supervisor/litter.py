"""Empty folders that a CLI's sandbox leaves in a workdir: those that were not there before are taken away."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterable


class Litter:
    """What living children may leave behind. What one may leave, the next does not find there: it is shared."""

    def __init__(self) -> None:
        self._expected: Counter[str] = Counter()

    def expect(self, names: Iterable[str], folder: str) -> tuple[str, ...]:
        """The paths of those `names` in `folder` that are nobody's, to be tidied once for each such call."""
        paths = [os.path.join(folder, name) for name in names]  # noqa: PTH118  they are strings all the way
        mine = tuple(path for path in paths if path in self._expected or not os.path.lexists(path))
        self._expected.update(mine)
        return mine

    def tidy(self, paths: Iterable[str]) -> None:
        """Remove those that nobody else may still leave, if they are empty: else they are somebody's."""
        for path in paths:
            self._expected[path] -= 1
            if not self._expected[path]:
                del self._expected[path]
                with contextlib.suppress(OSError):
                    os.rmdir(path)  # noqa: PTH106
