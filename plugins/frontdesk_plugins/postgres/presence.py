"""That this process serves the database: a row which it renews, so that a move can tell who has to be stopped first."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from frontdesk.plugin import ConfigError
from frontdesk.ports import StoreUnavailable
from frontdesk_plugins.postgres.queries import SQL

RENEWED_SECONDS = 10.0
"""Between two signs of life."""

SILENT_SECONDS = 35.0
"""Who gave none for so long is dead, or asleep: what it writes when it wakes is refused by the database."""

Run = Callable[[Callable[[Any], Awaitable[None]]], Awaitable[None]]
"""Runs something in a transaction of the store's. Raises StoreUnavailable."""


class Presence:
    """The row of one opened store. `enter` first, in the transaction that looked for the mark of a move."""

    def __init__(self) -> None:
        self._id = secrets.token_hex(8)
        self._name = f"process {os.getpid()} on {socket.gethostname()}"
        self._renewal: asyncio.Task[None] | None = None

    async def enter(self, connection: Any) -> None:
        """Be there from now on, or still."""
        await connection.execute(SQL["enter"], self._id, self._name)

    async def _leave(self, connection: Any) -> None:
        await connection.execute(SQL["leave"], self._id)

    def begin(self, run: Run) -> None:
        """Renew it until `end`."""
        self._renewal = asyncio.create_task(self._renew(run), name="postgres-presence")

    async def _renew(self, run: Run) -> None:
        while True:
            await asyncio.sleep(RENEWED_SECONDS)
            with suppress(StoreUnavailable):  # whoever asks the store for something is told
                await run(self.enter)

    async def end(self, run: Run) -> None:
        """Take the row away; where the server is not there, it is forgotten by itself."""
        if self._renewal:
            self._renewal.cancel()
            await asyncio.wait([self._renewal])
            with suppress(StoreUnavailable):
                await run(self._leave)


async def refuse_served(connection: Any, place: str) -> None:
    """Raises ConfigError where somebody serves the database."""
    row = await connection.fetchrow(SQL["served"], timedelta(seconds=SILENT_SECONDS))
    if row:
        raise ConfigError(
            f"{place} is served by {row[0]}, seen {row[1]:.0f} s ago; stop it, or where it was killed "
            f"wait {SILENT_SECONDS:.0f} s, and run this again"
        )
