"""SQLite keeps the store's promises, and those that only a file can keep."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontdesk.ports import Store
from frontdesk.testing.contracts import StoreContract
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.sqlite.store import SqliteStore


class TestSqliteStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: ManualClock, tmp_path: Path) -> AsyncIterator[Store]:
        async with SqliteStore(tmp_path / "frontdesk.db", clock) as store:
            yield store
