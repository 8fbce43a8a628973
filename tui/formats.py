"""Numbers and times as people read them: short, and never wider than their column. Pure."""

from datetime import datetime
from typing import Final

from clinvk.views import RunView

_CHARS_PER_TOKEN: Final = 4
_SPARKS: Final = "▁▂▃▄▅▆▇█"


def seconds(rfc3339: str) -> float:
    """A moment of the API as seconds since the epoch."""
    return datetime.fromisoformat(rfc3339).timestamp()


def duration(secs: float) -> str:
    """Four characters at most for whatever is under a day: `12ms`, `4.2s`, `59s`, `12m`, `3h`, `2d`."""
    if secs < 0.9995:
        return f"{max(0, round(secs * 1000))}ms"
    if secs < 9.95:
        return f"{secs:.1f}s"
    for size, unit, up_to in ((1, "s", 60), (60, "m", 3600), (3600, "h", 86400)):
        if secs < up_to:
            return f"{int(secs // size)}{unit}"
    return f"{int(secs // 86400)}d"


def age(secs: float) -> str:
    """As `duration`, in whole seconds: `0s`, `5s`, `12m`."""
    return f"{max(0, int(secs))}s" if secs < 60 else duration(secs)


def uptime(secs: float) -> str:
    """`45s`, `2m 31s`, `3h 05m`, `12d 4h`."""
    whole = int(secs)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60:02}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def count(number: float) -> str:
    """`0`, `999`, `1.2k`, `12k`, `3.4M`."""
    if number < 1000:
        return str(int(number))
    for size, unit in ((1e3, "k"), (1e6, "M"), (1e9, "G")):
        if number < 9.95 * size:
            return f"{number / size:.1f}{unit}"
        if number < 999.5 * size:
            return f"{number / size:.0f}{unit}"
    return f"{number / 1e12:.1f}T"


def tokens(number: int) -> str:
    """`1 token`, `12k tokens`."""
    return f"{count(number)} token{'' if number == 1 else 's'}"


def size(number: float) -> str:
    """Bytes: `512B`, `4.2K`, `88M`, `1.3G`."""
    if number < 1000:
        return f"{int(number)}B"
    for unit in "KMG":
        number /= 1024
        if number < 9.95:
            return f"{number:.1f}{unit}"
        if number < 1000:
            return f"{number:.0f}{unit}"
    return f"{number / 1024:.1f}T"


def percent(share: float) -> str:
    """`0%`, `0.4%`, `12%`, `230%`."""
    return f"{share * 100:.1f}%" if 0 < share < 0.0995 else f"{share * 100:.0f}%"


def sparkline(values: tuple[int, ...]) -> str:
    """One character a value, as high as it is among the others; nothing at all is a flat line."""
    top = max(values, default=0)
    if not top:
        return _SPARKS[0] * len(values)
    return "".join(_SPARKS[-(-value * (len(_SPARKS) - 1) // top)] for value in values)


def tokens_per_second(run: RunView, now: float) -> tuple[float, bool] | None:
    """How fast the run says its answer, and whether that is a guess from its characters; None before it does.

    `now` is the server's time in seconds since the epoch.
    """
    if run.first_output_ms is None:
        return None
    whole = run.duration_ms if run.duration_ms is not None else (now - seconds(run.created_at)) * 1000
    spent = (whole - run.first_output_ms) / 1000
    if spent <= 0:
        return None
    known = run.token_usage.output_tokens
    return (known / spent, False) if known else (run.output_chars / _CHARS_PER_TOKEN / spent, True)
