"""When to try again: pure, with the randomness handed in. The result is a due time in the store, so that a retry
survives the process that asked for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct


class Patience(Struct, frozen=True, kw_only=True):
    """How long to keep trying: the ceiling of the wait doubles from `base_seconds` to `cap_seconds`."""

    attempts_max: int
    base_seconds: float = 1.0
    cap_seconds: float = 300.0


SENDING = Patience(attempts_max=40)
"""More than an hour: a network or a vendor that is away for some minutes must not cost the answers of that time."""
DRAFTING = Patience(attempts_max=3, base_seconds=0.5, cap_seconds=4.0)
"""As long as the draft's deadline leaves time for another way down the ladder (`engine.drafting`)."""
CALLING = Patience(attempts_max=4, base_seconds=0.5, cap_seconds=4.0)
CALLING_SECONDS_MAX = 20.0
"""From a call's due time to its last try: the contact waits for it."""
FETCHING = Patience(attempts_max=500, base_seconds=5.0, cap_seconds=3_600.0)
"""More than the seven days for which Meta keeps a file: its end is `FetchMedia.not_after`."""


def next_try(patience: Patience, now: datetime, failures: int, retry_after: float | None, chance: float) -> datetime:
    """Full jitter: anywhere (`chance` in 0..1) below the ceiling for this many failures, never before the vendor's
    own `retry_after` seconds."""
    ceiling = min(patience.cap_seconds, patience.base_seconds * 2.0 ** min(failures, 30))
    return now + timedelta(seconds=(retry_after or 0.0) + chance * ceiling)


def next_pair_try(now: datetime, failures: int) -> datetime:
    """Meta's own advice for the pair limit (131056): 4^X seconds, X from 0, for this contact only."""
    return now + timedelta(seconds=4.0 ** min(failures, 4))
