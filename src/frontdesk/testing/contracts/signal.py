"""What every signal promises."""

from __future__ import annotations

import asyncio

import pytest

from frontdesk.ports import Signal

LONG = 5.0
"""Seconds that no test waits to the end."""


class SignalContract:
    """The promises of `frontdesk.ports.Signal`. A subclass adds the fixture `signal`, open."""

    pytestmark = pytest.mark.anyio

    async def waited(self, signal: Signal, timeout_seconds: float) -> float:
        """How long a wait took."""
        began_at = asyncio.get_running_loop().time()
        await signal.wait(timeout_seconds)
        return asyncio.get_running_loop().time() - began_at

    async def test_a_wake_up_before_the_wait_is_not_lost(self, signal: Signal) -> None:
        signal.wake()
        assert await self.waited(signal, LONG) < 1

    async def test_a_wake_up_ends_the_wait(self, signal: Signal) -> None:
        waiting = asyncio.create_task(self.waited(signal, LONG))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        signal.wake()
        assert await waiting < 1

    async def test_without_a_wake_up_the_wait_ends_at_its_time_out(self, signal: Signal) -> None:
        assert 0.04 < await self.waited(signal, 0.05) < 1

    async def test_a_wait_of_no_time_ends_at_once(self, signal: Signal) -> None:
        assert await self.waited(signal, 0) < 0.5

    async def test_many_wake_ups_are_one(self, signal: Signal) -> None:
        for _ in range(100):
            signal.wake()
        assert await self.waited(signal, LONG) < 1
        assert await self.waited(signal, 0.05) > 0.04

    async def test_a_wake_up_for_later_comes_then_and_not_before(self, signal: Signal) -> None:
        signal.wake(0.2)
        assert await self.waited(signal, 0.05) > 0.04
        assert 0.05 < await self.waited(signal, LONG) < 2

    async def test_one_for_later_does_not_delay_one_for_now(self, signal: Signal) -> None:
        signal.wake(LONG)
        signal.wake()
        assert await self.waited(signal, LONG) < 1

    async def test_a_wake_up_reaches_everybody_who_waits(self, signal: Signal) -> None:
        waiting = [asyncio.create_task(self.waited(signal, LONG)) for _ in range(10)]
        await asyncio.sleep(0.05)
        signal.wake()
        assert max(await asyncio.gather(*waiting)) < 1

    async def test_it_wakes_again_and_again(self, signal: Signal) -> None:
        for _ in range(20):
            signal.wake()
            assert await self.waited(signal, LONG) < 1

    async def test_a_wait_that_is_cancelled_costs_the_next_nothing(self, signal: Signal) -> None:
        waiting = asyncio.create_task(signal.wait(LONG))
        await asyncio.sleep(0.01)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        signal.wake()
        assert await self.waited(signal, LONG) < 1
