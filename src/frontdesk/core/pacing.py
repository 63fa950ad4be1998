"""How fast: the generic cell rate algorithm as a pure function, for delays instead of refusals."""

from __future__ import annotations

from datetime import datetime, timedelta


def pace(ready_at: datetime | None, now: datetime, *, burst: int, interval_seconds: float) -> tuple[datetime, datetime]:
    """When the next item may go (aware UTC), and the new `ready_at` to remember.

    `burst` items may go at once; after that one each `interval_seconds`. Items asked for later never go earlier.
    """
    interval = timedelta(seconds=interval_seconds)
    arrival = max(ready_at, now) if ready_at else now
    return max(now, arrival - (burst - 1) * interval), arrival + interval
