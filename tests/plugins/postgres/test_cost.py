"""What the store asks of PostgreSQL: few round trips, and indexes for everything that people and programs look at."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from frontdesk.plugin import Secret
from frontdesk.testing.contracts import LEASE, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import wrote
from frontdesk.testing.process import free_port
from frontdesk.testing.proxy import FaultProxy, target, through
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.queries import SQL
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio

CONVERSATIONS = 100


class Counter(FaultProxy):
    """A network that counts how often an answer was followed by a question."""

    trips = 0
    _was_answered = True

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        found = await super()._connect()
        if found:
            self._count(*found)
        return found

    def _count(self, answers: asyncio.StreamReader, questions: asyncio.StreamWriter) -> None:
        ask, feed = questions.write, answers.feed_data

        def write(data: Any) -> None:
            self.trips += self._was_answered
            self._was_answered = False
            ask(data)

        def feed_data(data: Any) -> None:
            self._was_answered = True
            feed(data)

        questions.write = write  # type: ignore[method-assign]
        answers.feed_data = feed_data  # type: ignore[method-assign]


@asynccontextmanager
async def counted(options: StoreOptions, clock: ManualClock) -> AsyncIterator[tuple[PostgresStore, Counter]]:
    async with Counter(free_port(), target(options.url.reveal())) as network:
        near = msgspec.structs.replace(options, url=Secret(through(options.url.reveal(), network)))
        async with PostgresStore(near, clock=clock) as store:
            yield store, network


async def trips_of_a_batch(store: PostgresStore, network: Counter, clock: ManualClock, text: str) -> int:
    events = [wrote(text, clock.now(), phone=f"1555{number:07}") for number in range(CONVERSATIONS)]
    before = network.trips
    assert None not in await asyncio.gather(*(store.apply(event, rules) for event in events))
    return network.trips - before


@pytest.mark.parametrize(("statement_cache", "batch", "claim"), [(None, 4, 1), (0, 6, 2)], ids=["direct", "pooler"])
async def test_a_batch_of_many_conversations_and_a_claim_are_few_round_trips(
    options: StoreOptions, clock: ManualClock, statement_cache: int | None, batch: int, claim: int
) -> None:
    cached = msgspec.structs.replace(options, statement_cache=statement_cache)
    async with counted(cached, clock) as (store, network):
        await trips_of_a_batch(store, network, clock, "the first prepares the statements")
        assert await trips_of_a_batch(store, network, clock, "new events for all of them") == batch
        await store.claim(LEASE, 1)
        before = network.trips
        assert len(await store.claim(LEASE, 50)) == 50
        assert network.trips - before == claim


READS: dict[str, list[Any]] = {
    "conversation": ["a"],
    "conversations": [20],
    "owner_of_any_address": ["main", "7"],
    "messages": ["a"],
    "journal": ["a"],
    "notices": [20],
    "book": ["a"],
    "backlog_queue": [],
}
"""But for `standing`, which has a test of its own, and `backlog`, which counts what is not settled."""

FILLED = """
INSERT INTO conversation (id, channel, handler, updated_at, steps, state) SELECT md5(i::text), 'main',
    CASE WHEN i % 500 = 0 THEN 'queue' ELSE 'bot' END, now() - i * interval '1 s', 1, decode(repeat('ab', 300), 'hex')
    FROM generate_series(1, 20000) AS i;
INSERT INTO address SELECT 'main', 'phone', i::text, md5(i::text) FROM generate_series(1, 20000) AS i;
INSERT INTO message SELECT i::text, md5((i / 5)::text), i, 0, 'main', 'w' || i, decode(repeat('ab', 300), 'hex')
    FROM generate_series(1, 20000) AS i;
INSERT INTO journal SELECT md5((i / 5)::text), i, 'e' || i, '', '' FROM generate_series(1, 20000) AS i;
INSERT INTO notice SELECT i::text, now() - i * interval '1 s', '' FROM generate_series(1, 20000) AS i;
INSERT INTO book SELECT i::text, '' FROM generate_series(1, 2000) AS i;
ANALYZE
"""


async def test_what_people_and_programs_look_at_is_found_by_an_index(one: PostgresStore, bare: Any) -> None:
    await bare.execute(FILLED)
    for query, values in READS.items():
        plan = "\n".join(row[0] for row in await bare.fetch(f"EXPLAIN {SQL[query]}", *values))
        assert "Index" in plan, f"{query}: {plan}"
        assert "Seq Scan" not in plan, f"{query}: {plan}"
