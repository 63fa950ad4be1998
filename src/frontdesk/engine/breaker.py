"""A circuit breaker: whether something that keeps failing is worth asking. Pure, with the time handed in.

    closed      it is asked; failures and successes of the last `window_seconds` are counted
    open        it rests, until a date; nobody waits for it
    half open   the date has come: one probe is let through, and what becomes of it decides

Each rest after a failed probe is twice as long as the one before. What was under way when the breaker opened is no
probe: a *permit* is of one round, and results of an earlier round say nothing.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Literal

from msgspec import Struct

State = Literal["closed", "half open", "open"]


class BreakerRules(Struct, frozen=True, kw_only=True):
    """When it opens, and for how long. A probe that tells nothing within `probe_seconds` makes room for another."""

    window_seconds: float = 60.0
    calls_min: int = 5
    failure_rate: float = 0.5
    rest_seconds: float = 10.0
    rest_seconds_max: float = 300.0
    probe_seconds: float = 30.0


class Breaker:
    """One thing's; lives in this process and starts closed. `reason`: why it rests, "" where it does not; `is_tripped`:
    only a person can help."""

    def __init__(self, rules: BreakerRules) -> None:
        self._rules = rules
        self._calls: deque[tuple[datetime, bool]] = deque()
        self._failures = 0
        self._round = 0
        self._rests = 0
        self._probing_until: datetime | None = None
        self.rests_until: datetime | None = None
        self.reason = ""
        self.is_tripped = False

    def state(self, now: datetime) -> State:
        """As it stands."""
        if self.rests_until is None:
            return "closed"
        return "open" if now < self.rests_until else "half open"

    def admit(self, now: datetime) -> int | None:
        """A permit to ask, for which a result is to be told; None: do not ask."""
        match self.state(now):
            case "closed":
                return self._round
            case "open":
                return None
            case "half open":
                return self._probe(now)

    def _probe(self, now: datetime) -> int | None:
        if self._probing_until is not None and now < self._probing_until:
            return None
        self._probing_until = now + timedelta(seconds=self._rules.probe_seconds)
        self._round += 1
        return self._round

    def succeeded(self, permit: int, now: datetime) -> None:
        """It answered."""
        if permit != self._round:
            return
        if self.rests_until is None:
            self._count(now, is_failure=False)
        else:
            self._close()

    def failed(self, permit: int, now: datetime, reason: str, retry_after: float | None = None) -> None:
        """It did not. `retry_after`: it said itself how many seconds it wants to be left alone."""
        if permit != self._round:
            return
        if self.rests_until is not None or retry_after:
            self._open(now, reason, retry_after)
            return
        self._count(now, is_failure=True)
        enough = len(self._calls) >= self._rules.calls_min
        if enough and self._failures >= self._rules.failure_rate * len(self._calls):
            self._open(now, reason, None)

    def forget(self, permit: int) -> None:
        """The result says nothing, or there will be none: whoever probed makes room for another."""
        if permit == self._round:
            self._probing_until = None

    def trip(self, now: datetime, reason: str) -> None:
        """It cannot work until a person acts; probes find out when they have."""
        if self.state(now) != "open":
            self._open(now, reason, None)
            self.is_tripped = True

    def _open(self, now: datetime, reason: str, retry_after: float | None) -> None:
        rest = min(self._rules.rest_seconds * 2.0 ** min(self._rests, 20), self._rules.rest_seconds_max)
        self._rests += 1
        self._start_round()
        self.reason = reason
        self.is_tripped = False
        self.rests_until = now + timedelta(seconds=retry_after or rest)

    def _close(self) -> None:
        self._rests = 0
        self._start_round()
        self.reason = ""
        self.is_tripped = False
        self.rests_until = None

    def _start_round(self) -> None:
        self._round += 1
        self._probing_until = None
        self._calls.clear()
        self._failures = 0

    def _count(self, now: datetime, *, is_failure: bool) -> None:
        begin = now - timedelta(seconds=self._rules.window_seconds)
        self._calls.append((now, is_failure))
        self._failures += is_failure
        while self._calls[0][0] < begin:
            self._failures -= self._calls.popleft()[1]
