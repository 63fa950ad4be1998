"""May this channel send now? Learned, not configured: vendors raise a number's throughput without telling.

A channel sends freely until the vendor says "too fast"; then at four fifths of what it managed in that second, and a
tenth faster each second without complaint. An account failure (token expired, payment missing, number barred) pauses
the channel: messages keep their turn and burn no tries, one of them is let through now and then to see.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from frontdesk.core.pacing import pace

RATE_MIN = 1.0
RECOVERY = 1.1
THROTTLED_TO = 0.8
PAUSE_SECONDS = 30.0
PAUSE_SECONDS_MAX = 900.0
PROBE_SECONDS = 30.0


class Gate:
    """One channel's; lives in this process and starts open: what it knows is learned again at the first complaint."""

    def __init__(self) -> None:
        self.rate: float | None = None
        self.pause_reason = ""
        self._paused_until: datetime | None = None
        self._pauses = 0
        self._ready_at: datetime | None = None
        self._second: datetime | None = None
        self._in_second = 0

    def admit(self, now: datetime) -> datetime | None:
        """None: go on. Otherwise when to ask again; the caller has used nothing up."""
        if self._paused_until is not None:
            if now < self._paused_until:
                return self._paused_until
            # Half open: this one is the probe; the others wait for what it finds.
            self._paused_until = now + timedelta(seconds=PROBE_SECONDS)
            return None
        self._count(now)
        if self.rate is None:
            return None
        due_at, ready_at = pace(self._ready_at, now, burst=1, interval_seconds=1.0 / self.rate)
        if due_at > now:
            return due_at
        self._ready_at = ready_at
        return None

    def _count(self, now: datetime) -> None:
        if self._second is None or now - self._second >= timedelta(seconds=1):
            self._second, self._in_second = now, 0
            if self.rate is not None:
                self.rate *= RECOVERY
        self._in_second += 1

    def succeeded(self) -> None:
        """The vendor took something: the account works."""
        self._paused_until, self._pauses, self.pause_reason = None, 0, ""

    def throttled(self, now: datetime, retry_after: float | None) -> datetime:
        """The vendor says that the channel is too fast; when to go on."""
        managed = self.rate if self.rate is not None else max(float(self._in_second), RATE_MIN)
        self.rate = max(RATE_MIN, managed * THROTTLED_TO)
        self._ready_at = now + timedelta(seconds=retry_after or 1.0)
        return self._ready_at

    def barred(self, now: datetime, reason: str, retry_after: float | None) -> datetime:
        """The vendor refuses the account; when to look again. The wait doubles while it stays so."""
        self.pause_reason = reason
        seconds = retry_after or min(PAUSE_SECONDS_MAX, PAUSE_SECONDS * 2.0**self._pauses)
        if self._paused_until is None or now >= self._paused_until - timedelta(seconds=PROBE_SECONDS):
            self._pauses += 1
            self._paused_until = now + timedelta(seconds=seconds)
        return self._paused_until
