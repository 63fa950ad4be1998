"""The signal of one process: an event that workers wait for."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Self

from msgspec import Struct

from frontdesk.plugin import Providers, Tools, hookimpl


class Options(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Nothing can be set."""


class InProcessSignal:
    """See the port."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def wake(self, after_seconds: float = 0.0) -> None:
        """See the port."""
        if after_seconds > 0:
            asyncio.get_running_loop().call_later(after_seconds, self._event.set)
        else:
            self._event.set()

    async def wait(self, timeout_seconds: float) -> None:
        """See the port."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):
                await self._event.wait()
        self._event.clear()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


def _build(_name: str, _options: Options, _tools: Tools) -> InProcessSignal:
    return InProcessSignal()


@hookimpl
def register(providers: Providers) -> None:
    """Offer the signal."""
    providers.signal("in_process", Options, _build)
