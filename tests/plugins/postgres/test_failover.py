"""The primary dies in the middle of a transaction and its replica takes over: nothing that was accepted is lost or
decided twice, and nobody is restarted."""

from __future__ import annotations

import os
from collections.abc import Iterator

import asyncpg
import pytest

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event
from frontdesk.core.plan import Decision
from frontdesk.plugin import Secret
from frontdesk.ports import StoreUnavailable
from frontdesk.testing import servers
from frontdesk.testing.contracts import LEASE, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, PHONE, wrote
from frontdesk.testing.process import until
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def pair() -> Iterator[tuple[servers.Server, servers.Server]]:
    """A primary that accepts nothing which its replica has not, and the replica."""
    if servers.postgres_install() is None:
        if os.environ.get("CI"):
            pytest.fail(servers.NO_POSTGRES)
        pytest.skip(servers.NO_POSTGRES)
    with servers.postgres(synchronous_standby_names="*") as first, servers.standby(first) as second:
        yield first, second


async def test_a_failover_in_mid_transaction_loses_and_doubles_nothing(
    pair: tuple[servers.Server, servers.Server], clock: ManualClock
) -> None:
    first, second = pair
    places = ",".join(server.url.rpartition("@")[2].partition("/")[0] for server in pair)
    both = StoreOptions(url=Secret(f"postgresql://postgres@{places}/postgres?target_session_attrs=primary"))
    with pytest.raises(StoreUnavailable, match=r"it is a replica; let `store.url` name the primary"):
        await PostgresStore(StoreOptions(url=Secret(second.url))).__aenter__()
    async with PostgresStore(both, clock=clock) as store:
        assert await store.apply(wrote("before", clock.now()), rules) is not None

        def deadly(conversation: Conversation, event: Event) -> Decision:
            first.kill()
            return rules(conversation, event)

        event = wrote("meanwhile", clock.now())
        for decide in (deadly, rules):
            with pytest.raises(StoreUnavailable):
                await store.apply(event, decide)
        admin = await asyncpg.connect(second.url)
        await admin.fetchval("SELECT pg_promote()")
        await admin.close()

        async def is_back() -> bool:
            try:
                await store.check()
            except StoreUnavailable:
                return False
            return True

        await until(is_back, 10, "the new primary is used")
        assert await store.apply(event, rules) is not None
        assert await store.apply(event, rules) is None
        known = await store.find(CHANNEL, PHONE)
        assert known is not None
        assert [entry.seq async for entry in store.journal(known)] == [1, 2]
        assert len(await store.claim(LEASE, 10)) == 1
