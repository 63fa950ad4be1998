"""Behind PgBouncer in transaction mode: every transaction may be on another connection to the server."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Iterator

import pytest

from frontdesk.plugin import Secret
from frontdesk.testing import servers
from frontdesk.testing.contracts import StoreContract, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, wrote
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import STATEMENTS_KEPT, PostgresStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def pooler(url: str) -> Iterator[str]:
    """The address of a pooler before the database."""
    if shutil.which("pgbouncer") is None:
        if os.environ.get("CI"):
            pytest.fail(servers.NO_POOLER)
        pytest.skip(servers.NO_POOLER)
    with servers.pgbouncer(url) as server:
        yield server.url


@pytest.fixture
def options(url: str, pooler: str) -> StoreOptions:
    return StoreOptions(url=Secret(pooler), direct_url=Secret(url))


class TestContractBehindAPooler(StoreContract):
    @pytest.fixture
    async def store(self, options: StoreOptions, clock: ManualClock) -> AsyncIterator[PostgresStore]:
        async with PostgresStore(options, clock=clock) as store:
            yield store


async def test_a_pooler_is_recognised_and_spared_prepared_statements(
    one: PostgresStore, url: str, clock: ManualClock
) -> None:
    assert one._statement_cache == 0
    async with PostgresStore(StoreOptions(url=Secret(url)), clock=clock) as direct:
        assert direct._statement_cache == STATEMENTS_KEPT


async def test_two_processes_share_its_connections(
    one: PostgresStore, other: PostgresStore, clock: ManualClock
) -> None:
    events = [wrote(f"message {number}", clock.now(), phone=f"1555{number % 40:07}") for number in range(400)]
    await asyncio.gather(*(store.apply(event, rules) for event in events for store in (one, other)))
    for number in range(40):
        known = await one.find(CHANNEL, f"1555{number:07}")
        assert known is not None
        assert [entry.seq async for entry in one.journal(known)] == list(range(1, 11))
