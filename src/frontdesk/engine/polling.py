"""Asks vendors for what their webhooks should have told: some lose one now and then, and some accounts get none."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import structlog

from frontdesk.engine.engine import Engine
from frontdesk.ports import Channel, Polls, ProviderFailure, Signal, StoreUnavailable

log = structlog.get_logger("frontdesk.polling")


class Polling:
    """Polls the channels that can be polled. Of several processes one asks; facts have the ids of webhooks, so what is
    told twice is dropped."""

    def __init__(
        self,
        engine: Engine,
        channels: Mapping[str, Channel],
        signal: Signal,
        formers: Mapping[str, Channel] | None = None,
    ) -> None:
        self._engine = engine
        self._channels = channels
        self._signal = signal
        self._formers = formers or {}

    async def run(self) -> None:
        """For ever."""
        async with asyncio.TaskGroup() as group:
            for whose, channels in (("", self._channels), ("former ", self._formers)):
                for name, channel in channels.items():
                    if isinstance(channel, Polls) and channel.poll_seconds > 0:
                        group.create_task(self._poll_for_ever(name, channel, whose))

    async def _poll_for_ever(self, name: str, channel: Polls, whose: str) -> None:
        while True:
            # A little less than the span, or two processes would lose a turn now and then to a clock's jitter.
            if await self._signal.allow(f"poll:{whose}{name}", 1, 0.9 * channel.poll_seconds) <= 0:
                await self.poll(name, channel, whose)
            await asyncio.sleep(channel.poll_seconds)

    async def poll(self, name: str, channel: Polls, whose: str = "") -> None:
        """Once. `whose`: before the names of what is in trouble."""
        try:
            received = await channel.poll()
            await self._engine.take(received, is_former=bool(whose))
        except ProviderFailure as failure:
            self._engine.told(name, {f"{whose}log": f"its log cannot be asked: {failure}"})
            log.warning("cannot poll", channel=name, reason=str(failure))
        except StoreUnavailable as error:
            log.warning("cannot poll", channel=name, reason=str(error))
        else:
            troubles = {"log": "", **(received.troubles or {})}
            self._engine.told(name, {f"{whose}{part}": told for part, told in troubles.items()})
