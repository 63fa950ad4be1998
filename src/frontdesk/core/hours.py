"""When the business is open, and when it opens next."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from frontdesk.core.flow import Hours

AHEAD_DAYS_MAX = 366
"""A business that is closed for longer than a year does not open."""

_MIDNIGHT = time(0, 0)


def is_open(hours: Hours | None, at: datetime) -> bool:
    """Whether it is open at `at` (aware). Without hours it always is."""
    if hours is None:
        return True
    local = at.astimezone(hours.zone)
    if local.date() in hours.holidays:
        return False
    clock = local.time()
    return any(
        begin <= clock and (end == _MIDNIGHT or clock < end) for begin, end in hours.periods.get(local.weekday(), ())
    )


def opens_at(hours: Hours | None, at: datetime) -> datetime | None:
    """When it is open next, `at` itself if it is open then; None if not within a year. In the zone of `at`."""
    if is_open(hours, at) or hours is None:
        return at
    local = at.astimezone(hours.zone)
    for ahead in range(AHEAD_DAYS_MAX):
        day = local.date() + timedelta(days=ahead)
        if day in hours.holidays:
            continue
        for begin, _ in sorted(hours.periods.get(day.weekday(), ())):
            opening = datetime.combine(day, begin, hours.zone)
            if opening > local:
                return opening.astimezone(at.tzinfo)
    return None
