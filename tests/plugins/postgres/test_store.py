"""PostgreSQL keeps the store's promises, and shares a transaction among those who wait."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg
import msgspec
import pytest

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import AddressesLost, Event, FromContact
from frontdesk.core.plan import Decision
from frontdesk.plugin import ConfigError, Secret, convert_options, load_plugins
from frontdesk.ports import Store, StoreUnavailable
from frontdesk.testing.contracts import LEASE, StoreContract, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, PHONE, wrote
from frontdesk_plugins.postgres import transaction
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio


class TestPostgresStore(StoreContract):
    @pytest.fixture
    async def store(self, clock: ManualClock, url: str) -> AsyncIterator[Store]:
        async with PostgresStore(StoreOptions(url=Secret(url)), clock=clock) as store:
            yield store


def phones(count: int) -> list[str]:
    return [f"1555{number:07}" for number in range(count)]


def test_the_service_finds_it_and_its_options() -> None:
    offer = load_plugins({"postgres"}).stores["postgres"]
    options = convert_options(offer, {"url": Secret("postgresql://x@y/z"), "pool_max": 4}, "store")
    assert (options.pool_max, str(options.url)) == (4, "***")
    with pytest.raises(ConfigError, match="did you mean 'pool_max'"):
        convert_options(offer, {"url": Secret("x"), "pool_maximum": 4}, "store")


async def test_writes_that_wait_share_a_commit(
    one: PostgresStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    apply = transaction.apply

    async def counted(connection: Any, asked: Sequence[Any], now: Any) -> Any:
        sizes.append(len(asked))
        return await apply(connection, asked, now)

    monkeypatch.setattr(transaction, "apply", counted)
    decisions = await asyncio.gather(
        *(one.apply(wrote("hi", clock.now(), phone=phone), rules) for phone in phones(500))
    )
    assert None not in decisions
    assert len(sizes) <= 5


async def test_one_that_fails_in_a_batch_costs_the_others_nothing(one: PostgresStore, clock: ManualClock) -> None:
    def picky(conversation: Conversation, event: Event) -> Decision:
        if isinstance(event, FromContact) and event.contact.addresses[0].value.endswith("3"):
            raise ZeroDivisionError
        return rules(conversation, event)

    events = [wrote("hi", clock.now(), phone=phone) for phone in phones(10)]
    results = await asyncio.gather(*(one.apply(event, picky) for event in events), return_exceptions=True)
    kept = [await one.find(CHANNEL, phone) for phone in phones(10)]
    assert [isinstance(result, ZeroDivisionError) for result in results] == [number == 3 for number in range(10)]
    assert [known is None for known in kept] == [number == 3 for number in range(10)]


async def test_one_that_fails_half_way_is_undone(one: PostgresStore, clock: ManualClock, bare: Any) -> None:
    def picky(conversation: Conversation, event: Event) -> Decision:
        if isinstance(event, AddressesLost):
            raise ZeroDivisionError
        return rules(conversation, event)

    first = await one.apply(wrote("a", clock.now(), scoped_id="US.1"), rules)
    results = await asyncio.gather(
        one.apply(wrote("b", clock.now(), scoped_id="US.1"), picky),
        one.apply(wrote("c", clock.now(), scoped_id="US.2"), picky),
        one.apply(wrote("d", clock.now(), scoped_id="US.1"), picky),
        return_exceptions=True,
    )
    assert [isinstance(result, ZeroDivisionError) for result in results] == [False, True, False]
    assert first is not None
    assert await one.find(CHANNEL, PHONE) == first.conversation.id
    assert await bare.fetchval("SELECT count(*) FROM address") == 2
    assert [entry.seq async for entry in one.journal(first.conversation.id)] == [1, 2, 3]


async def test_one_that_cannot_be_written_costs_the_others_nothing(one: PostgresStore, clock: ManualClock) -> None:
    events = [wrote("hi", clock.now(), phone=phone) for phone in (*phones(3), "1555\ud800")]
    results = await asyncio.gather(*(one.apply(event, rules) for event in events), return_exceptions=True)
    assert isinstance(results[3], asyncpg.DataError)
    assert [isinstance(result, Decision) for result in results[:3]] == [True] * 3


async def test_a_nul_in_an_address_does_no_harm(one: PostgresStore, clock: ManualClock) -> None:
    first = await one.apply(wrote("a", clock.now(), phone="1555\0"), rules)
    again = await one.apply(wrote("b", clock.now(), phone="1555\0"), rules)
    assert first is not None
    assert again is not None
    assert first.conversation.id == again.conversation.id == await one.find(CHANNEL, "1555\0")


async def test_events_of_a_conversation_are_decided_in_the_order_of_the_calls(
    one: PostgresStore, clock: ManualClock
) -> None:
    events = [wrote(f"message {number}", clock.now()) for number in range(300)]
    await asyncio.gather(*(one.apply(event, rules) for event in events))
    known = await one.find(CHANNEL, PHONE)
    assert known is not None
    said = [message.content for message in await one.messages(known) if message.author == "contact"]
    assert said == [event.content for event in events]


async def test_a_caller_that_gave_up_spoils_nothing(one: PostgresStore, clock: ManualClock) -> None:
    impatient = asyncio.create_task(one.apply(wrote("hi", clock.now()), rules))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await one.apply(wrote("hello?", clock.now()), rules) is not None
    known = await one.find(CHANNEL, PHONE)
    assert known is not None
    assert [message.author for message in await one.messages(known)] == ["contact", "bot", "contact"]


async def test_what_waits_when_the_store_closes_is_written(options: StoreOptions, clock: ManualClock) -> None:
    async with PostgresStore(options, clock=clock) as store:
        writes = [
            asyncio.create_task(store.apply(wrote("hi", clock.now(), phone=phone), rules)) for phone in phones(300)
        ]
        await asyncio.sleep(0.002)
    assert None not in await asyncio.gather(*writes)
    with pytest.raises(StoreUnavailable):
        await store.apply(wrote("hi", clock.now()), rules)


async def test_leases_survive_a_restart_for_others_may_hold_them(options: StoreOptions, clock: ManualClock) -> None:
    async with PostgresStore(options, clock=clock) as store:
        await store.apply(wrote("hi", clock.now()), rules)
        await store.claim(LEASE, 10)
    async with PostgresStore(options, clock=clock) as store:
        assert await store.claim(LEASE, 10) == []
        clock.advance(LEASE.total_seconds() + 1)
        assert [claim.is_interrupted for claim in await store.claim(LEASE, 10)] == [True]


async def test_prepared_statements_may_be_kept(options: StoreOptions, clock: ManualClock) -> None:
    async with PostgresStore(msgspec.structs.replace(options, statement_cache=100), clock=clock) as store:
        for number in range(8):
            assert await store.apply(wrote(f"{number}", clock.now()), rules) is not None
        assert len(await store.claim(LEASE, 10)) > 0


async def test_the_previous_owner_of_an_address_stays_on_record(
    one: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    before = await one.apply(wrote("a", clock.now(), scoped_id="US.1"), rules)
    after = await one.apply(wrote("b", clock.now(), scoped_id="US.2"), rules)
    assert before is not None
    assert after is not None
    rows = await bare.fetch("SELECT conversation_id, previous_conversation_id FROM address ORDER BY kind, value")
    assert [tuple(row) for row in rows] == [
        (after.conversation.id, before.conversation.id),
        (before.conversation.id, None),
        (after.conversation.id, None),
    ]


async def test_what_was_done_since_the_last_sweep_does_not_slow_a_claim(one: PostgresStore, bare: Any) -> None:
    """A queue's table is full of rows that are gone. Visited once, they are passed by, whatever the statistics say."""
    await bare.execute("ALTER TABLE outbox SET (autovacuum_enabled = false)")
    await bare.execute(
        "INSERT INTO outbox (id, conversation_id, seq, place, channel, kind, state, due_at, ready_at, effect)"
        " SELECT i::text, md5(i::text), 0, 0, '', '', 'pending', now(), now() - random() * interval '1 min',"
        " decode(repeat('ab', 400), 'hex') FROM generate_series(1, 20000) AS i"
    )
    await bare.execute("DELETE FROM outbox WHERE id::integer > 64")
    await bare.execute("ANALYZE outbox")
    costs = [await pages_of_a_claim(bare) for _ in range(3)]
    assert costs[2] < costs[0] / 4, costs


async def pages_of_a_claim(bare: Any) -> int:
    rows = await bare.fetch(
        "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) SELECT * FROM frontdesk_claim(NULL, interval '30 s', 256)"
    )
    return int(msgspec.json.decode(rows[0][0])[0]["Plan"]["Shared Hit Blocks"])
