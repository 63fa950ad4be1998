"""PostgreSQL can be moved, as every store, and refuses whoever slept through it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import asyncpg
import pytest

from frontdesk.core.archive import Mark
from frontdesk.plugin import Secret
from frontdesk.ports import StoreUnavailable
from frontdesk.testing.contracts import ArchiveContract, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import wrote
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


async def test_a_batch_that_had_begun_before_the_mark_cannot_write_after_it(
    url: str, bare: Any, clock: ManualClock
) -> None:
    store = PostgresStore(StoreOptions(url=Secret(url)), clock=clock)
    async with store:
        await store.apply(wrote("hi", clock.now()), rules)
    begun = bare.transaction()
    await begun.start()
    await bare.execute("SELECT 1 FROM conversation FOR UPDATE")
    async with store.archive(is_target=False) as archive:
        await archive.set_mark(Mark(state="leaving", move="m", other="elsewhere", at=clock.now()))
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError, match="is being moved"):
            await bare.execute("UPDATE conversation SET steps = steps + 1")
        await begun.rollback()
        for table in ("address", "message", "journal", "outbox", "unmatched", "notice", "health"):
            with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
                await bare.execute(f"DELETE FROM {table}")
        await archive.set_mark(None)
        await bare.execute("UPDATE conversation SET steps = steps + 1")


async def test_pieces_for_a_target_that_is_none_any_more_are_refused(url: str, clock: ManualClock) -> None:
    mark = Mark(state="arriving", move="m", other="elsewhere", at=clock.now())
    async with PostgresStore(StoreOptions(url=Secret(url))).archive(is_target=True) as archive:
        with pytest.raises(StoreUnavailable, match="is not marked as a move's target any more; run the move again"):
            await archive.restore("notices", [], mark)


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
