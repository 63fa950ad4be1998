"""The signal of one process keeps the promises of a signal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest

from frontdesk.ports import Signal
from frontdesk.testing.contracts import SignalContract
from frontdesk_plugins.in_process import InProcessSignal


class TestInProcessSignal(SignalContract):
    @pytest.fixture
    async def signal(self) -> AsyncIterator[Signal]:
        async with InProcessSignal() as signal:
            yield signal


@pytest.mark.anyio
async def test_a_wait_can_be_given_up_from_outside() -> None:
    async with InProcessSignal() as signal:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await signal.wait(60)
                raise AssertionError("the inner time-out swallowed the outer one")
