"""PostgreSQL can be moved, as every store, and refuses whoever slept through it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from frontdesk.plugin import Secret
from frontdesk.testing.contracts import ArchiveContract
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.postgres.archive import place
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio


class TestPostgresArchive(ArchiveContract):
    @pytest.fixture
    def source(self, clock: ManualClock, url: str) -> Callable[[], PostgresStore]:
        return lambda: PostgresStore(StoreOptions(url=Secret(url)), clock=clock)

    @pytest.fixture
    def target(self, clock: ManualClock, second_url: str) -> Callable[[], PostgresStore]:
        return lambda: PostgresStore(StoreOptions(url=Secret(second_url)), clock=clock)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://asha:hunter2@db.shop:5432/frontdesk?sslmode=require", "postgresql://db.shop:5432/frontdesk"),
        ("postgresql://a,b:6432/frontdesk?password=hunter2", "postgresql://a,b:6432/frontdesk"),
        ("postgresql:///frontdesk?host=/run", "postgresql:///frontdesk"),
        ("postgresql://[::1]:5432/frontdesk", "postgresql://[::1]:5432/frontdesk"),
        ("postgresql://asha:hun/ter2@db/frontdesk", "postgresql://…"),
        ("postgresql://asha:hun?ter2@db/frontdesk", "postgresql://…"),
        ("postgresql://asha:hun@ter2@db/frontdesk", "postgresql://db/frontdesk"),
        ("hunter2", "postgresql://…"),
    ],
)
def test_a_place_shows_no_password(url: str, shown: str) -> None:
    assert place(url) == shown
