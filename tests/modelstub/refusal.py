"""Why a request is refused, before a provider's dialect says it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """An HTTP status and a sentence; `bad_key` where the key is the reason.

    `retry_after` is the wait that a 429 may name, `resets_in` the time to the end of a used-up limit; in seconds.
    """

    status: int
    sentence: str
    bad_key: bool = False
    retry_after: float | None = None
    resets_in: float | None = None

    def headers(self) -> tuple[tuple[str, str], ...]:
        """The Retry-After that is said with it."""
        return () if self.retry_after is None else (("retry-after", f"{self.retry_after:g}"),)
