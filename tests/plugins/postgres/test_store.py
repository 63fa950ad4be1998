"""PostgreSQL keeps the store's promises."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from frontdesk.plugin import Secret
from frontdesk.ports import Store
from frontdesk.testing.contracts import StoreContract
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: ManualClock, url: str) -> AsyncIterator[Store]:
        async with PostgresStore(StoreOptions(url=Secret(url)), clock=clock) as store:
            yield store
