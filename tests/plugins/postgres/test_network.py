"""A network to the server that breaks in the middle of anything: one kind of error, and nothing stays broken."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import msgspec
import pytest

from frontdesk.core.message import Text
from frontdesk.plugin import Secret
from frontdesk.ports import StoreUnavailable
from frontdesk.testing.contracts import LEASE, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, wrote
from frontdesk.testing.process import free_port, until
from frontdesk.testing.proxy import FaultProxy, target, through
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore

pytestmark = pytest.mark.anyio

CUTS = 60
CALLERS = 6


@pytest.fixture
async def network(url: str) -> AsyncIterator[FaultProxy]:
    async with FaultProxy(free_port(), target(url)) as network:
        yield network


@pytest.fixture
async def store(options: StoreOptions, network: FaultProxy) -> AsyncIterator[PostgresStore]:
    """Beyond that network."""
    url = Secret(through(options.url.reveal(), network))
    async with PostgresStore(msgspec.structs.replace(options, url=url, connect_timeout_seconds=1.0)) as store:
        yield store


async def test_a_cut_at_any_instant_is_said_in_one_way_and_costs_nothing(
    store: PostgresStore, network: FaultProxy, clock: ManualClock
) -> None:
    surprises: list[BaseException] = []
    is_over, turns = asyncio.Event(), [0] * CALLERS

    async def work(number: int) -> None:
        while not is_over.is_set():
            try:
                await store.claim(LEASE, 1)
                await store.apply(wrote(f"{turns[number]}", clock.now(), phone=f"1555000{number:04}"), rules)
            except StoreUnavailable:
                await asyncio.sleep(0.001)
            except Exception as error:  # noqa: BLE001 -- it is what is looked for
                surprises.append(error)
            else:
                turns[number] += 1

    working = [asyncio.create_task(work(number)) for number in range(CALLERS)]
    for number in range(CUTS):
        await asyncio.sleep(0.003 * (number % 7))
        await network.cut()
        await network.heal()
    before = list(turns)
    await until(lambda: all(now > then for now, then in zip(turns, before, strict=True)), 10, "all work again")
    is_over.set()
    await asyncio.gather(*working)
    assert surprises == []
    for number in range(CALLERS):
        known = await store.find(CHANNEL, f"1555000{number:04}")
        assert known is not None
        kept = [one.content for one in await store.messages(known) if one.author == "contact"]
        assert kept == [Text(body=str(turn)) for turn in range(len(kept))]
        assert len(kept) - turns[number] in {0, 1}, "what was written before a cut was not told"


LOST = (
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed"),
)
"""As the drivers were seen to put it when a connection was cut at a bad moment, on uvloop."""


@pytest.mark.parametrize("error", LOST, ids=lambda error: type(error).__name__)
async def test_a_driver_that_lost_its_place_makes_the_store_unavailable(one: PostgresStore, error: Exception) -> None:
    async def work(_connection: Any) -> None:
        raise error

    with pytest.raises(StoreUnavailable):
        await one._run(work)
    await one.check()


async def test_who_is_cancelled_as_the_connection_is_lost_is_cancelled(one: PostgresStore) -> None:
    """A connection that the pool has thrown away already must not turn a cancellation into an error."""

    async def work(connection: Any) -> None:
        connection.terminate()
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await one._run(work)
    await one.check()
