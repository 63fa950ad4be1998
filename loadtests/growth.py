"""What a turn costs the store as it grows: CPU of this process and of the database, bytes written, round trips.

A turn is what it is in production: the contact writes, the burst's timer fires, the message is marked as read, the
model drafts, the answer leaves and is delivered, each decided by the real rules and kept by the real store: six
decisions, two messages. No HTTP and no vendor stands between. Contacts come back at random: `recent` ones, as in life,
or any of `all`, which is the worst that can happen to caches.
Run it alone: make growth STORE=postgres CONTACTS=recent
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import tempfile
import time
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path

import asyncpg
import msgspec
import uvloop
from msgspec import Struct

from frontdesk.core.decide import decide
from frontdesk.core.effect import CallHttp, DraftReply, FetchMedia, MarkRead, NotifyDesk, Perceive, SendMessage, WakeAt
from frontdesk.core.event import EffectFinished, Event, identify
from frontdesk.core.message import MessageStatus
from frontdesk.core.policy import Policy
from frontdesk.plugin import Secret
from frontdesk.ports import Claim, Store
from frontdesk.testing import servers
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import drafted, fired, succeeded, told, wrote
from frontdesk.testing.process import cpu_of_tree
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore
from frontdesk_plugins.sqlite.store import SqliteStore

TOGETHER = 64
"""Contacts who write at the same moment."""

TURNS_EACH = 5
"""Turns of a contact, on average."""

RECENT = 2_000
"""So many contacts are in conversation at a time."""

MESSAGES_A_TURN = 2
LEASE = timedelta(seconds=30)
RULES = partial(decide, policy=Policy(greeting="", burst_wait_seconds=0.0, pair_burst=10_000))

ROUND_TRIPS = "SELECT sum(calls)::bigint FROM pg_stat_statements WHERE query NOT LIKE 'SET LOCAL%'"
"""What is set for a transaction goes along with its BEGIN."""

BUFFERS = "2GB"
"""A quarter of a small server's memory, as is usual. With less than the data needs a turn pays for reading again."""


class Cost(Struct, frozen=True, kw_only=True):
    """What has been used so far: seconds of CPU here and in the database, bytes written, round trips."""

    here: float
    there: float
    written: int
    round_trips: int


class Place(Struct, frozen=True, kw_only=True):
    """A store to fill, and how to ask what it has used."""

    store: Store
    clock: ManualClock
    cost: Callable[[], Awaitable[Cost]]
    size: Callable[[], Awaitable[int]]


@asynccontextmanager
async def sqlite(folder: Path) -> AsyncIterator[Place]:
    """The store of one container."""
    clock = ManualClock()

    async def cost() -> Cost:
        return Cost(here=time.process_time(), there=0.0, written=_written(), round_trips=0)

    async def size() -> int:
        return file.stat().st_size

    file = folder / "frontdesk.db"
    async with SqliteStore(file, clock) as store:
        yield Place(store=store, clock=clock, cost=cost, size=size)


def _written() -> int:
    """Bytes that this process has written so far (Linux)."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("wchar"))


@asynccontextmanager
async def postgres(_folder: Path) -> AsyncIterator[Place]:
    """The store of many hosts, on a server that flushes as in production."""
    clock = ManualClock()
    settings = {"fsync": "on", "full_page_writes": "on", "shared_buffers": BUFFERS, "max_wal_size": "4GB"}
    watched = {"shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "top"}
    with servers.postgres(**settings, **watched) as server:
        bare = await asyncpg.connect(server.url)
        await bare.execute("CREATE EXTENSION pg_stat_statements")

        async def cost() -> Cost:
            lsn = await bare.fetchval("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::bigint")
            trips = await bare.fetchval(ROUND_TRIPS)
            return Cost(here=time.process_time(), there=cpu_of_tree(server.pid), written=lsn, round_trips=trips)

        async def size() -> int:
            return int(await bare.fetchval("SELECT pg_database_size(current_database())"))

        async with PostgresStore(StoreOptions(url=Secret(server.url)), clock=clock) as store:
            yield Place(store=store, clock=clock, cost=cost, size=size)
        await bare.close()


def _any_of_all(first: int) -> range:
    """The contacts who may write as turn `first`: whoever ever has, and some new ones."""
    return range(first // TURNS_EACH + TOGETHER)


def _recent(first: int) -> range:
    newest = first // TURNS_EACH + TOGETHER
    return range(max(0, newest - RECENT), newest)


async def turns(place: Place, dice: random.Random, first: int, contacts_at: Callable[[int], range]) -> None:
    """One turn for each of `TOGETHER` contacts."""
    store, clock = place.store, place.clock
    clock.advance(5)
    contacts = dice.sample(contacts_at(first), TOGETHER)
    await asyncio.gather(*(store.apply(_message(clock, first, contact), RULES) for contact in contacts))
    while claims := await store.claim(LEASE, 256):
        outcomes = [_outcomes(claim, clock) for claim in claims]
        for step in range(2):
            await asyncio.gather(*(store.apply(one[step], RULES) for one in outcomes if len(one) > step))


def _message(clock: ManualClock, first: int, contact: int) -> Event:
    event = wrote(f"What does question {first} cost?", clock.now(), phone=f"1555{contact:08}")
    return msgspec.structs.replace(event, id=identify(event.id, at=clock.now()))


def _outcomes(claim: Claim, clock: ManualClock) -> list[Event]:
    """What became of an effect, and what the vendor says of it afterwards."""
    at, effect = clock.now(), claim.effect
    match effect:
        case WakeAt():
            return [fired(claim, at, purpose=effect.purpose, about=effect.about)]
        case DraftReply():
            return [drafted(claim, at, "It costs 12 euros, and comes within three days. Anything else?")]
        case SendMessage():
            wamid = _wamid(effect)
            return [succeeded(claim, at, wamid), told(MessageStatus.DELIVERED, at, wamid, reference=effect.id)]
        case MarkRead() | FetchMedia() | Perceive() | NotifyDesk() | CallHttp():
            known = identify(claim.effect.id, str(claim.attempt))
            return [
                EffectFinished(
                    id=known,
                    at=at,
                    channel=claim.channel,
                    conversation_id=claim.conversation_id,
                    effect_id=effect.id,
                    attempt=claim.attempt,
                )
            ]


def _wamid(effect: SendMessage) -> str:
    """As Meta's are: in Base64 the number of the contact, then what is random. So a contact's ids stand together in an
    index."""
    number, rest = effect.to[0].value.encode(), identify("sent", effect.id)[:20].upper().encode()
    return "wamid." + b64encode(b"\x1d\x0b" + number + b"\x15\x02\x00\x11\x18\x12" + rest + b"\x00").decode()


async def measure(place: Place, sizes: list[int], contacts_at: Callable[[int], range]) -> int:
    """Fill the store from size to size, and print what a turn has cost on the way, sweeps and checkpoints included; how
    many turns it was in all."""
    dice = random.Random(1)
    done = 0
    print(f"{'messages':>10} {'turns/s':>8} {'here':>9} {'database':>9} {'together':>9} {'written':>9} {'trips':>6}")
    for size in sizes:
        before, began_at, first = await place.cost(), time.perf_counter(), done
        while MESSAGES_A_TURN * done < size:
            await turns(place, dice, done, contacts_at)
            done += TOGETHER
        seconds, after, measured = time.perf_counter() - began_at, await place.cost(), done - first
        here, there = (1e6 * (after.here - before.here) / measured, 1e6 * (after.there - before.there) / measured)
        print(
            f"{MESSAGES_A_TURN * done:>10,} {measured / seconds:>8,.0f} {here:>6,.0f} us {there:>6,.0f} us"
            f" {here + there:>6,.0f} us {(after.written - before.written) / measured / 1e3:>6,.1f} kB"
            f" {(after.round_trips - before.round_trips) / measured:>6.2f}",
            flush=True,
        )
    return done


async def run(name: str, messages: int, contacts: str) -> None:
    """The table for one store."""
    sizes = [size for size in (1_000, 10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000) if size <= messages]
    machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    print(f"{name}, {contacts} contacts; {machine}")
    with tempfile.TemporaryDirectory() as folder:
        async with {"sqlite": sqlite, "postgres": postgres}[name](Path(folder)) as place:
            done = await measure(place, sizes, {"recent": _recent, "all": _any_of_all}[contacts])
            kept = await place.size() / 1e3 / (MESSAGES_A_TURN * done)
            print(f"on disk: {kept:.1f} kB a message, with its share of journal and indexes")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="postgres")
    parser.add_argument("--contacts", choices=("recent", "all"), default="recent")
    parser.add_argument("--messages", type=int, default=1_000_000)
    arguments = parser.parse_args()
    uvloop.run(run(arguments.store, arguments.messages, arguments.contacts))


if __name__ == "__main__":
    main()
