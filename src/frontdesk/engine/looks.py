"""When a folder is looked at: every so often, and when somebody asks."""

from __future__ import annotations

import asyncio


class Looks:
    """`seconds` between two of them; 0: only when asked."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._is_asked = asyncio.Event()

    def ask(self) -> None:
        """Look now."""
        self._is_asked.set()

    async def next(self) -> bool:
        """Until the next look; whether somebody asked for it."""
        try:
            async with asyncio.timeout(self._seconds or None):
                await self._is_asked.wait()
        except TimeoutError:
            return False
        self._is_asked.clear()
        return True
