"""PostgreSQL keeps the flows beside what an earlier release has written, and finds who stands in one by an index."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import msgspec
import pytest

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import NoteAdded
from frontdesk.ports import StoreUnavailable
from frontdesk.testing.contracts import rules
from frontdesk.testing.contracts.books import everybody, run_on, standing_on
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, wrote
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.queries import SQL, migrations
from frontdesk_plugins.postgres.store import PostgresStore
from frontdesk_plugins.postgres.transaction import encode

pytestmark = pytest.mark.anyio

# How the release before this one writes a conversation.
WRITE_BEFORE = """
INSERT INTO conversation (id, channel, handler, updated_at, steps, state)
SELECT id, channel, handler, now(), steps, state
FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::bytea[])
    AS changed (id, channel, handler, steps, state)
ON CONFLICT (id) DO UPDATE SET handler = excluded.handler, steps = excluded.steps, state = excluded.state
"""


def phones(count: int) -> list[str]:
    return [f"1555{number:07}" for number in range(count)]


async def first_release(bare: Any) -> None:
    await bare.execute(migrations()[0])
    await bare.execute(SQL["create_schema"])
    await bare.execute(SQL["add_schema_version"], 1)


async def test_a_database_of_the_first_release_is_migrated_with_all_that_is_in_it(
    options: StoreOptions, clock: ManualClock, bare: Any
) -> None:
    event = wrote("hi", clock.now())
    before = rules(Conversation(id="c1", channel=CHANNEL), event)
    await first_release(bare)
    await bare.execute(WRITE_BEFORE, ["c1"], [CHANNEL], ["bot"], [1], [encode(before.conversation)])
    await bare.execute(
        "INSERT INTO journal (conversation_id, seq, event_id, event, effects) VALUES ($1, 1, $2, $3, $4)",
        "c1", event.id, encode(event), encode(before.effects),
    )  # fmt: skip
    await bare.execute(
        "INSERT INTO address (channel, kind, value, conversation_id) VALUES ($1, 'phone', $2, 'c1')",
        CHANNEL, event.contact.addresses[0].value,
    )  # fmt: skip
    async with PostgresStore(options, clock=clock) as store:
        assert await store.conversation("c1") == before.conversation
        assert await store.apply(event, rules) is None
        assert await everybody(store) == {}
        await store.apply(wrote("menu", clock.now()), standing_on(run_on("v1")))
        assert set(await everybody(store)) == {"c1"}
        assert [entry.seq async for entry in store.journal("c1")] == [1, 2]


async def test_a_migration_does_not_wait_without_end_for_a_transaction_that_somebody_forgot(
    options: StoreOptions, bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SQL, "wait_briefly", SQL["wait_briefly"].replace("15s", "100ms"))
    await first_release(bare)
    async with bare.transaction():
        await bare.execute("SELECT 1 FROM conversation")
        with pytest.raises(StoreUnavailable, match=r"lock timeout.*look for what blocks the tables"):
            await asyncio.wait_for(PostgresStore(options).__aenter__(), 5)
    async with PostgresStore(options) as store:
        await store.check()


async def test_the_release_before_goes_on_writing_beside_this_one(
    one: PostgresStore, clock: ManualClock, bare: Any
) -> None:
    """It knows neither flows nor the column: what it writes has no flow under way, and is not said to have one."""
    standing = await one.apply(wrote("menu", clock.now()), standing_on(run_on("v1")))
    assert standing is not None
    left = msgspec.structs.replace(standing.conversation, run=None)
    ids, states = [left.id, "c2"], [encode(left), encode(Conversation(id="c2", channel=CHANNEL))]
    await bare.execute(WRITE_BEFORE, ids, [CHANNEL] * 2, ["bot"] * 2, [1, 1], states)
    assert await everybody(one) == {}
    await one.apply(wrote("menu again", clock.now()), standing_on(run_on("v1")))
    assert set(await everybody(one)) == {left.id}


async def test_who_stands_in_a_flow_is_found_by_an_index_and_in_pieces(
    one: PostgresStore, clock: ManualClock, bare: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("frontdesk_plugins.postgres.store.STANDING_AT_ONCE", 2)
    await bare.execute(
        "INSERT INTO conversation (id, channel, handler, updated_at, steps, state)"
        " SELECT md5(i::text), 'main', 'bot', now(), 1, decode(repeat('ab', 400), 'hex')"
        " FROM generate_series(1, 5000) AS i"
    )
    for phone in phones(5):
        await one.apply(wrote("hi", clock.now(), phone=phone), standing_on(run_on("v1")))
    await bare.execute("ANALYZE conversation")
    assert len(await everybody(one)) == 5
    plan = await bare.fetch(f"EXPLAIN (FORMAT JSON) {SQL['standing']}", "", 500)
    assert "conversation_standing" in plan[0][0]
    assert "Seq Scan" not in plan[0][0]


async def test_a_step_within_a_flow_is_written_within_its_page(
    options: StoreOptions, clock: ManualClock, url: str
) -> None:
    """A row whose indexed columns stay as they are touches no index; only where a flow begins or ends are they
    written."""
    async with PostgresStore(options, clock=clock) as store:
        begun = await store.apply(wrote("menu", clock.now()), standing_on(run_on("v1", "step_0")))
        assert begun is not None
        for number in range(1, 8):
            run = run_on("v1", f"step_{number}") if number < 7 else None
            event = NoteAdded(
                id=f"n{number}",
                at=clock.now(),
                channel=CHANNEL,
                conversation_id=begun.conversation.id,
                agent="a",
                body="",
            )
            await store.apply(event, standing_on(run))
    bare = await asyncpg.connect(url)  # what ended connections did is counted
    row = await bare.fetchrow("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'conversation'")
    await bare.close()
    assert tuple(row) == (7, 6)
