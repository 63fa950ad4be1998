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


def take(ready_at: float, now: float, *, limit: int, per_seconds: float) -> tuple[float, float]:
    """The same algorithm for refusals: `limit` at once, and as many again in `per_seconds`.

    How many seconds are left until it may be tried again (0.0: it was taken), and the new `ready_at` to remember. A
    refused try takes nothing. Times are seconds of any clock that does not go back.
    """
    interval = per_seconds / limit
    # A remembered time further ahead than a full limit came from another limit or clock; it is worth a full one.
    arrival = min(max(ready_at, now), now + per_seconds)
    wait = arrival - now - (per_seconds - interval)
    return (wait, ready_at) if wait > _ROUNDING_SECONDS else (0.0, arrival + interval)


_ROUNDING_SECONDS = 1e-6
