"""The doubles keep the same promises as what they stand for."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from frontdesk.perception import ContactFile, Perception
from frontdesk.ports import Store
from frontdesk.testing.contracts import PerceptionContract, StoreContract
from frontdesk.testing.doubles import ManualClock, MemoryStore, ReadingPerception


class TestMemoryStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: ManualClock) -> AsyncIterator[Store]:
        async with MemoryStore(clock) as store:
            yield store


class TestReadingPerception(PerceptionContract):
    @pytest.fixture
    def file(self) -> ContactFile:
        return ContactFile(body=b"what does delivery cost?", mime_type="audio/ogg", sense="voice")

    @pytest.fixture
    async def perception(self) -> AsyncIterator[Perception]:
        async with ReadingPerception() as perception:
            yield perception
