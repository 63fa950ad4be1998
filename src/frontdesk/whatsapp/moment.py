"""Meta's times: seconds since 1970 as a string or a number, now and then in milliseconds, now and then nonsense."""

from __future__ import annotations

from datetime import UTC, datetime

_SECONDS_MAX = 10**11
"""Nobody means the year 5138: a larger number counts milliseconds."""


def moment(value: str | int | float | None) -> datetime | None:
    """Aware UTC; None for what is no time."""
    try:
        seconds = float(value or 0)
        if abs(seconds) >= _SECONDS_MAX:
            seconds /= 1000
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (ValueError, OverflowError, OSError):
        return None
