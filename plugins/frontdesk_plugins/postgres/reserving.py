"""Reservations that wait at the same time go together, in one transaction and on one connection.

The totals of the day and the month are everybody's, and are locked until the transaction is flushed. One by one each
would wait for the flush of those before it, and they would take all connections of the pool meanwhile, so that webhooks
wait too.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias

from frontdesk.core.money import Caps, Hold, Refusal
from frontdesk.ports import StoreUnavailable
from frontdesk_plugins.postgres import ledger

TOGETHER_MAX = 64
"""Other processes wait for the totals as long as such a transaction takes."""

Run: TypeAlias = Callable[[Callable[[Any], Awaitable[list[Refusal | None]]]], Awaitable[list[Refusal | None]]]
_Asked: TypeAlias = tuple[Hold, Caps, "asyncio.Future[Refusal | None]"]


class Reserving:
    """One process's. `run`: makes a statement a transaction of its own, and raises StoreUnavailable."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._waiting: list[_Asked] = []
        self._working: asyncio.Task[None] | None = None

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        """See `Ledger.reserve`."""
        future: asyncio.Future[Refusal | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((hold, caps, future))
        if self._working is None or self._working.done():
            self._working = asyncio.create_task(self._work(), name="postgres-reserving")
        return await future

    async def _work(self) -> None:
        while batch := self._next():
            caps = batch[0][1]
            for (_, _, future), result in zip(batch, await self._reserved(batch, caps), strict=True):
                if future.done():
                    continue
                if isinstance(result, Exception):
                    future.set_exception(result)
                else:
                    future.set_result(result)

    def _next(self) -> list[_Asked]:
        """Those who go together. Who has given up waiting gets no money, which nobody would give back before it is
        written off as spent."""
        waiting = [one for one in self._waiting if not one[2].done()]
        batch = [one for one in waiting if one[1] == waiting[0][1]][:TOGETHER_MAX]
        taken = {id(one) for one in batch}
        self._waiting = [one for one in waiting if id(one) not in taken]
        return batch

    async def _reserved(self, batch: Sequence[_Asked], caps: Caps) -> Sequence[Refusal | Exception | None]:
        """Together; where the server refuses what one of them holds, each on its own."""
        holds = [hold for hold, _, _ in batch]
        try:
            return await self._run(lambda connection: ledger.reserve(connection, holds, caps))
        except StoreUnavailable as error:
            return [error] * len(batch)
        except Exception as error:  # noqa: BLE001 -- handed to the caller; those who come next have to be served
            if len(batch) == 1:
                return [error]
        return [result for one in batch for result in await self._reserved([one], caps)]
