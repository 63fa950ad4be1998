"""May this channel send now? Learned, not configured: vendors raise a number's throughput without telling.

A channel sends freely until the vendor says "too fast"; then at four fifths of what it managed in that second, and a
tenth faster each second without complaint. An account failure (token expired, payment missing, number barred) pauses
the channel: messages keep their turn and burn no tries, one of them is let through now and then to see.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta

from frontdesk.core.event import identify
from frontdesk.core.pacing import pace
from frontdesk.ports import Notice, ProviderFailure

RATE_MIN = 1.0
RECOVERY = 1.1
THROTTLED_TO = 0.8
PAUSE_SECONDS = 30.0
PAUSE_SECONDS_MAX = 900.0
PROBE_SECONDS = 30.0
AHEAD_SECONDS = 10.0
"""How far ahead turns are given out: those who wait longer ask again, for the rate will have changed by then."""

KEPT_SECONDS = 2.0
"""How long a turn is kept for whoever comes late; a channel never catches up on more than that at once."""


class Gate:
    """One channel's; lives in this process and starts open: what it knows is learned again at the first complaint.

    Several processes learn each for itself: each is told "too fast" and finds its own share of the rate, and each sees
    for itself that the account is barred. What only a status tells, the one that took it tells the others (`Engine`).
    """

    def __init__(self) -> None:
        self.rate: float | None = None
        self.pause_reason = ""
        self._paused_until: datetime | None = None
        self._is_probing = False
        self._wants_status = False
        self._seeing: set[str] = set()
        self._pauses = 0
        self._ready_at: datetime | None = None
        self._halted_until: datetime | None = None
        self._turns: deque[datetime] = deque()
        self._second: datetime | None = None
        self._in_second = 0
        self._before = 0

    def admit(self, now: datetime, reference: str = "") -> datetime | None:
        """None: go on. Otherwise when to ask again; the caller has used nothing up. `reference`: the message's."""
        if self._paused_until is not None:
            if now < self._paused_until:
                return self._paused_until
            # Half open: this one is the probe; the others wait for what it finds.
            self._paused_until = now + timedelta(seconds=PROBE_SECONDS)
            self._is_probing = True
            self._seeing.add(reference)
            return None
        self._begin_second(now)
        wait_until = None if self.rate is None else self._take_turn(now, self.rate)
        self._in_second += wait_until is None
        return wait_until

    def _take_turn(self, now: datetime, rate: float) -> datetime | None:
        """Each who has to wait is told a turn of their own. Were all told the same, a thousand would ask at every turn
        and nine hundred and ninety-nine would be written down as postponed."""
        while self._turns and now - self._turns[0] > timedelta(seconds=KEPT_SECONDS):
            self._turns.popleft()
        if self._turns and self._turns[0] <= now:
            self._turns.popleft()
            return None
        due_at, ready_at = pace(self._ready_at, now, burst=1, interval_seconds=1.0 / rate)
        if due_at > now + timedelta(seconds=AHEAD_SECONDS):
            return due_at
        self._ready_at = ready_at
        if due_at <= now:
            return None
        self._turns.append(due_at)
        return due_at

    def _begin_second(self, now: datetime) -> None:
        """The rate grows by seconds in which something was sent, and not while everybody waits."""
        if self._second is not None and now - self._second < timedelta(seconds=1):
            return
        if self.rate is not None and self._in_second and (self._halted_until is None or now >= self._halted_until):
            self.rate *= RECOVERY
        self._second, self._before, self._in_second = now, self._in_second, 0

    def may_be_probed(self, now: datetime) -> bool:
        """Whether the next message would be let through to see."""
        return self._paused_until is not None and now >= self._paused_until

    def succeeded(self, provider_message_id: str = "") -> None:
        """The vendor took something: the account works, unless it was a status that told otherwise."""
        if self._wants_status:
            self._seeing.add(provider_message_id)
        else:
            self.reopen()

    def confirmed(self, *ids: str | None) -> None:
        """A status says that the message with these ids left the vendor. The account works if the message was let
        through to see; that one of yesterday's is read today tells nothing."""
        if not self._seeing.isdisjoint(filter(None, ids)):
            self.reopen()

    def reopen(self) -> None:
        """The account works."""
        self._paused_until, self._is_probing, self._pauses, self.pause_reason = None, False, 0, ""
        self._wants_status = False
        self._seeing.clear()

    def throttled(self, now: datetime, retry_after: float | None) -> datetime:
        """The vendor says that the channel is too fast; when to go on. What was under way together is one complaint."""
        until = now + timedelta(seconds=retry_after or 1.0)
        if self._halted_until is None or now >= self._halted_until:
            managed = float(max(self._in_second, self._before))
            self.rate = max(RATE_MIN, THROTTLED_TO * (managed if self.rate is None else min(self.rate, managed)))
            self._halted_until = self._ready_at = until
            self._turns.clear()
        return self._halted_until

    def barred(
        self, now: datetime, reason: str, retry_after: float | None = None, *, by_status: bool = False
    ) -> datetime:
        """The vendor refuses the account; when to look again. The wait doubles each time that a probe finds it so;
        what was under way when the channel was paused is no probe. `by_status`: the vendor takes messages and refuses
        them afterwards, so only a status can tell that it is over."""
        self.pause_reason = reason
        self._wants_status = by_status
        if self._paused_until is None or self._is_probing:
            seconds = retry_after or min(PAUSE_SECONDS_MAX, PAUSE_SECONDS * 2.0**self._pauses)
            self._is_probing = False
            self._pauses += 1
            self._paused_until = now + timedelta(seconds=seconds)
        return self._paused_until


def paused_notice(channel: str, failure: ProviderFailure, at: datetime) -> Notice:
    """What people are told of a channel that is barred, once a day."""
    return Notice(
        id=identify(channel, "barred", failure.code, at.date().isoformat()),
        at=at,
        channel=channel,
        kind="channel_paused",
        text=f"channel {channel} is paused, its messages wait: {failure}",
        is_alarm=True,
    )
