"""People are told when a vendor of models refuses us for a reason that does not pass by itself: a wrong key, no credit,
a model that is gone. Whoever is asked instead hides that from customers, so it must not be hidden from people too."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import structlog

from frontdesk.core.event import identify
from frontdesk.engine.storable import storable
from frontdesk.ports import Clock, Notice, PermanentFailure, ProviderFailure, StoreUnavailable

log = structlog.get_logger("frontdesk.refused")

NOTE_SECONDS = 1.0
"""A contact waits meanwhile; where the store is slower than this, the next refusal tells."""

TOLD_MAX = 100
"""So many are remembered; the store knows the others."""


class Refused:
    """Keeps an alarm, once a day for each of those who refuse and what they say. `note` keeps notices."""

    def __init__(self, note: Callable[[Sequence[Notice]], Coroutine[Any, Any, None]], clock: Clock) -> None:
        self._note = note
        self._clock = clock
        self._told: set[str] = set()

    async def tell(self, who: str, failure: ProviderFailure) -> None:
        """Of a failure of `who`, if it is one that only people can end."""
        if not isinstance(failure, PermanentFailure) or failure.concerns not in ("account", "channel"):
            return
        now = self._clock.now()
        known = identify("model refused", who, failure.code, now.date().isoformat())
        if known in self._told:
            return
        text = f"{who} refuses what it is asked, and is asked only now and then until that is mended: {failure}"
        text = storable(text)
        notice = Notice(id=known, at=now, channel="", kind="model_refused", text=text, is_alarm=True)
        if len(self._told) >= TOLD_MAX:
            self._told.clear()
        self._told.add(known)  # before it is kept: all who are refused meanwhile would keep it too, and wait for that
        is_kept = False
        try:
            await asyncio.wait_for(self._note([notice]), NOTE_SECONDS)
            is_kept = True
        except (StoreUnavailable, TimeoutError) as error:
            log.warning("alarm not kept", reason=str(error), text=text)
        finally:
            if not is_kept:
                self._told.discard(known)
