"""Whether Redis is there: known before anybody asks, so that nobody waits for a server that is away.

A failure of anything ends the use of Redis for everything. A rehearsal of every command, repeated after jittered pauses
that grow, begins it again: what cannot work would otherwise come and go.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import random
from typing import TypeVar

import structlog

from frontdesk_plugins.redis.address import Address
from frontdesk_plugins.redis.trouble import TROUBLE, refusal, sentence
from frontdesk_plugins.redis.verbs import Verbs

log = structlog.get_logger("frontdesk.redis")

ANSWER_SECONDS = 1.0
"""The longest that anybody waits for Redis; after that the process decides on its own."""

WATCH_SECONDS = 1.0
PAUSE_SECONDS = 0.05
PAUSE_SECONDS_MAX = 2.0
AT_ONCE_MAX = 16

T = TypeVar("T")


class Link:
    """To one Redis. `verbs` are those of the present client."""

    def __init__(self, address: Address, prefix: str, connect_timeout_seconds: float) -> None:
        self.is_up = asyncio.Event()
        self.trouble = ""
        self._address = address
        self._prefix = prefix
        self._seconds = connect_timeout_seconds
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)
        self._has_failed = asyncio.Event()
        self.verbs = Verbs(address, prefix)

    async def open(self) -> None:
        """Try it once. Raises ConfigError where the server says that we may not."""
        error = await self._rehearse()
        if error is None:
            return
        refused = refusal(error, self._address.secrets())
        if refused is not None:
            raise refused from error
        self.lost(error, self.verbs)

    async def ask(self, asking: Callable[[Verbs], Awaitable[T]], seconds: float = ANSWER_SECONDS) -> T | None:
        """What Redis answers; None while it is away or too busy for us."""
        if not self.is_up.is_set():
            return None
        try:
            async with asyncio.timeout(seconds):
                await self._turns.acquire()
        except TimeoutError:
            return None
        verbs = self.verbs
        try:
            async with asyncio.timeout(seconds):
                return await asking(verbs)
        except Exception as error:  # noqa: BLE001 -- nobody who asks may fail because of Redis; it is said and shown
            self.lost(error, verbs)
            return None
        finally:
            self._turns.release()

    def lost(self, error: BaseException, verbs: Verbs) -> None:
        """Something failed with these verbs: say it once, and begin to try."""
        if not isinstance(error, TROUBLE):
            log.error("redis failed in a way that nobody foresaw", exc_info=error)
        if verbs is not self.verbs:
            return  # a late echo of what was lost before
        trouble = sentence(error, self._address.secrets())
        if self.is_up.is_set() or not self.trouble:
            log.warning("redis is away", reason=trouble)
        self.trouble = trouble
        self.is_up.clear()
        self._has_failed.set()

    async def watch(self) -> None:
        """Keep asking whether it answers; after a loss, until it does everything again."""
        failures = 0
        while True:
            if self.is_up.is_set():
                await self.ask(Verbs.ping)
                await self._pause(WATCH_SECONDS)
                if self.is_up.is_set():  # what fails again at once, a key that is not ours, must not come and go
                    failures = 0
                continue
            await asyncio.sleep(random() * min(PAUSE_SECONDS_MAX, PAUSE_SECONDS * 2.0 ** min(failures, 30)))  # noqa: S311 -- jitter
            failures += 1
            await self._renew()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._has_failed.wait()
        except TimeoutError:
            return

    async def _renew(self) -> None:
        """A new client: what hangs on the old one's connections is of no use."""
        old, self.verbs = self.verbs, Verbs(self._address, self._prefix)
        await old.close()
        error = await self._rehearse()
        if error is not None:
            self.lost(error, self.verbs)

    async def _rehearse(self) -> BaseException | None:
        try:
            async with asyncio.timeout(self._seconds + ANSWER_SECONDS):
                await self.verbs.rehearse()
        except TROUBLE as error:
            return error
        if self.trouble:
            log.info("redis is back")
        self.trouble = ""
        self._has_failed.clear()
        self.is_up.set()
        return None
