"""The store in memory keeps the same promises as a real one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from frontdesk.ports import Store
from frontdesk.testing.contracts import StoreContract
from frontdesk.testing.doubles import ManualClock, MemoryStore


class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: ManualClock) -> AsyncIterator[Store]:
        async with MemoryStore(clock) as store:
            yield store
