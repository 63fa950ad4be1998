"""Reservations that wait at the same time share a transaction, and are judged as if one came after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import asyncpg
import pytest

from frontdesk.core.money import Caps, Hold, Refusal, Total, scopes
from frontdesk.plugin import Secret
from frontdesk.ports import StoreUnavailable
from frontdesk.testing.contracts.ledger import some_hold
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.postgres import ledger
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio


def holds(clock: ManualClock, process: int = 0, count: int = 40, conversations: int = 7) -> list[Hold]:
    return [some_hold(1_000 * process + place, f"c{place % conversations}", clock.now(), 10) for place in range(count)]


async def held(store: PostgresStore, clock: ManualClock, conversation: str = "") -> list[Total]:
    where = scopes(conversation, clock.now())
    found = await store.totals([scope.key for scope in where])
    return [found.get(scope.key, Total()) for scope in where]


async def test_those_that_wait_go_together(
    one: PostgresStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    reserve = ledger.reserve

    async def counted(connection: Any, asked: Sequence[Hold], caps: Caps) -> Any:
        sizes.append(len(asked))
        return await reserve(connection, asked, caps)

    monkeypatch.setattr(ledger, "reserve", counted)
    verdicts = await asyncio.gather(*(one.reserve(hold, Caps(per_day=1_000)) for hold in holds(clock, count=200)))
    assert verdicts == [None] * 100 + [Refusal("per_day", 0, is_passing=True)] * 100
    assert (sum(sizes), len(sizes)) == (200, 4)
    assert await held(one, clock, "c0") == [Total(0, 150), Total(0, 150), Total(0, 1_000), Total(0, 1_000)]


async def test_each_knows_those_before_it_in_every_scope(one: PostgresStore, clock: ManualClock) -> None:
    caps = Caps(per_contact_a_day=25, per_day=60)
    verdicts = await asyncio.gather(*(one.reserve(hold, caps) for hold in holds(clock, count=16, conversations=4)))
    contact, day = Refusal("per_contact_a_day", 5, is_passing=True), Refusal("per_day", 0, is_passing=True)
    assert verdicts == [*[None] * 6, day, day, contact, contact, *[day] * 2, contact, contact, day, day]
    assert await held(one, clock, "c3") == [Total(0, 10), Total(0, 10), Total(0, 60), Total(0, 60)]


async def test_a_hold_that_grows_twice_at_once_counts_once(one: PostgresStore, clock: ManualClock) -> None:
    sizes = (10, 30, 20)
    asked = (some_hold(1, "c", clock.now(), size) for size in sizes)
    assert await asyncio.gather(*(one.reserve(hold, Caps(per_day=30)) for hold in asked)) == [None] * 3
    assert await held(one, clock, "c") == [Total(0, 20)] * 4


async def test_several_processes_pass_no_cap(one: PostgresStore, other: PostgresStore, clock: ManualClock) -> None:
    asked = [(store, hold) for place, store in enumerate((one, other)) for hold in holds(clock, place, 200)]
    verdicts = await asyncio.gather(*(store.reserve(hold, Caps(per_day=990)) for store, hold in asked))
    assert verdicts.count(None) == 99
    assert (await held(one, clock))[2] == Total(0, 990)


async def test_what_the_server_refuses_of_one_is_not_the_others_trouble(one: PostgresStore, clock: ManualClock) -> None:
    asked = [*holds(clock, count=3), some_hold(9, "c", clock.now(), 2**63)]
    verdicts = await asyncio.gather(*(one.reserve(hold, Caps()) for hold in asked), return_exceptions=True)
    assert verdicts[:3] == [None] * 3
    assert isinstance(verdicts[3], asyncpg.DataError)
    assert await one.reserve(some_hold(10, "c", clock.now(), 1), Caps()) is None


async def test_those_who_gave_up_waiting_hold_nothing(one: PostgresStore, clock: ManualClock) -> None:
    first, second, third = (some_hold(place, "c", clock.now(), 10) for place in range(3))
    given_up = asyncio.create_task(one.reserve(first, Caps(per_day=10)))
    asked = asyncio.gather(one.reserve(second, Caps(per_day=15)), one.reserve(third, Caps(per_day=19)))
    await asyncio.sleep(0)
    given_up.cancel()
    assert list(await asked) == [None, Refusal("per_day", 9, is_passing=True)]
    assert await held(one, clock, "c") == [Total(0, 10)] * 4


async def test_a_store_that_is_closed_says_so(url: str, clock: ManualClock) -> None:
    async with PostgresStore(StoreOptions(url=Secret(url)), clock=clock) as store:
        pass
    with pytest.raises(StoreUnavailable):
        await store.reserve(some_hold(1, "c", clock.now(), 1), Caps())
