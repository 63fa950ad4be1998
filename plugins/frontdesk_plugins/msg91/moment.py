"""MSG91's times: ISO with an offset, seconds or milliseconds since 1970, or a bare date and time, which is India's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from frontdesk.whatsapp.moment import moment as epoch

IST = timezone(timedelta(hours=5, minutes=30))


# "2026-11-20T10:15:30+05:30" · "1795149930" · "1795149930000" · "2026-11-20 10:15:30"
def moment(text: str) -> datetime | None:
    """Aware UTC; None for what is no time."""
    if text.replace(".", "", 1).isdigit():
        return epoch(text)
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=IST)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
