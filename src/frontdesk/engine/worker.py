"""Keeps the performer busy: claims, renews, tidies up, and stops in time. Only this file knows tasks and timers."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import structlog

from frontdesk.config import WorkerSettings
from frontdesk.engine.performer import Performer
from frontdesk.ports import (
    Claim,
    Clock,
    Signal,
    Store,
    StoreUnavailable,
)

log = structlog.get_logger("frontdesk.worker")

KEPT_FOR = timedelta(days=90)
"""Notices, and statuses that never found their message: far longer than the week for which Meta repeats itself."""

TOLD_WITHIN = timedelta(hours=1)
"""Far longer than any draft may take: what is held for one after that, nobody will tell of any more."""

TIDY_SECONDS = 3_600.0

SAID_AGAIN_AFTER = timedelta(minutes=1)
"""While the store is away."""


class Worker:
    """Keeps `Performer` busy: claims, renews, and stops in time."""

    def __init__(
        self, store: Store, performer: Performer, signal: Signal, clock: Clock, settings: WorkerSettings
    ) -> None:
        self._store = store
        self._performer = performer
        self._signal = signal
        self._clock = clock
        self._settings = settings
        self._lease = timedelta(seconds=settings.lease_seconds)
        self._running: dict[asyncio.Task[None], Claim] = {}
        self._is_stopping = False
        self._told_at: datetime | None = None

    async def run(self) -> None:
        """Work until `stop`; then finish what was begun, or give up on it at the end of the stop time. What is left
        is unknown to the next process, which treats it so."""
        background = [asyncio.create_task(self._renew()), asyncio.create_task(self._tidy())]
        try:
            while not self._is_stopping:
                for task in background:
                    if task.done():
                        task.result()  # a worker that cannot renew must not go on as if it could
                claimed = await self._claim()
                if not claimed and not self._is_stopping:
                    await self._signal.wait(self._settings.poll_seconds)
        finally:
            if self._running:
                await asyncio.wait(self._running, timeout=self._settings.stop_seconds)
            left = [*background, *self._running]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    def stop(self) -> None:
        """Claim nothing more."""
        self._is_stopping = True
        self._signal.wake()

    async def _claim(self) -> int:
        free = self._settings.concurrency - len(self._running)
        if free <= 0:
            return 0
        asked_at = self._clock.now()
        try:
            claims = await self._store.claim(self._lease, free)
        except StoreUnavailable as error:
            self._cannot_claim(error)
            return 0
        if self._told_at is not None:
            log.info("claims again")
            self._told_at = None
        is_late = self._clock.now() - asked_at >= self._lease  # we slept: somebody else may have them by now
        if claims and (self._is_stopping or is_late):
            await self._performer.hand_back(claims)
            return 0
        for claim in claims:
            task = asyncio.create_task(self._performer.work(claim))
            self._running[task] = claim
            task.add_done_callback(self._done)
        return len(claims)

    def _cannot_claim(self, error: StoreUnavailable) -> None:
        """Say so at first and then every minute: it is tried four times a second."""
        now = self._clock.now()
        if self._told_at is None or now - self._told_at >= SAID_AGAIN_AFTER:
            self._told_at = now
            log.warning("cannot claim", reason=str(error))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._running.pop(task, None)
        if not task.cancelled() and task.exception():
            log.error("work failed", exc_info=task.exception())
        if len(self._running) >= self._settings.concurrency - 1:
            self._signal.wake()

    async def _tidy(self) -> None:
        """Forget now and then what nobody will ask for any more."""
        while True:
            try:
                await self._store.prune(self._clock.now() - KEPT_FOR)
                await self._store.write_off(self._clock.now() - TOLD_WITHIN)
            except StoreUnavailable as error:
                log.warning("cannot tidy up", reason=str(error))
            await asyncio.sleep(TIDY_SECONDS)

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(self._settings.lease_seconds / 3)
            claims = list(self._running.values())
            try:
                if claims:
                    await self._store.renew(claims, self._lease)
            except StoreUnavailable as error:
                log.warning("cannot renew", reason=str(error))
