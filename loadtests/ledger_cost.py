"""What caps cost: reserving before each call of a model and settling after it, in a day's total that all share.

    pairs a second    a reservation and the outcome that settles it, for 64 conversations at a time in each process;
                      without caps the outcome alone. PostgreSQL flushes as in production
    a reservation     one after the other, with a thousand lines in the ledger and with a million

All in one run, so that the ratios are worth something: make ledger-cost
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import asyncpg
import uvloop

from frontdesk.container import SystemClock
from frontdesk.core.decide import decide
from frontdesk.core.event import DraftFailed, ModelCall
from frontdesk.core.money import Caps, Hold
from frontdesk.core.policy import Policy
from frontdesk.plugin import Secret
from frontdesk.ports import Store
from frontdesk.testing import servers
from frontdesk.testing.examples import CHANNEL, wrote
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore
from frontdesk_plugins.sqlite.store import SqliteStore

TOGETHER = 64
RULES = partial(decide, policy=Policy(greeting=""))
CAPS = Caps(per_contact_a_day=10**14, per_conversation=10**14, per_day=10**14, per_month=10**14)
CALL = ModelCall(backend="first", model="author/m", seconds=1.0, code="empty", cost_usd="0.000001")
FEW, MANY = 1_000, 1_000_000
ALONE = 500

FILL_POSTGRES = """
INSERT INTO charge SELECT 'filled-' || n, now() - n * interval '1 second', 'main', 'c' || n % 50000, 'answer', 1000, '',
    '', 'first', 'author/m', 800, 50, 0, 1.0, '', false, false FROM generate_series(1::int, $1::int) AS n
"""
FILL_SQLITE = """
INSERT INTO charge WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?)
SELECT 'filled-' || n, 1700000000000000 + n, 'main', 'c' || n % 50000, 'answer', 1000, '', '', 'first', 'author/m', 800,
    50, 0, 1.0, '', 0, 0 FROM numbers
"""


def opened(place: str) -> AbstractAsyncContextManager[Store]:
    """The store at an address or in a file."""
    if place.startswith("postgresql:"):
        return PostgresStore(StoreOptions(url=Secret(place)))
    return SqliteStore(Path(place), SystemClock())


async def conversations(store: Store, process: int) -> list[str]:
    """Some that have begun."""
    at = SystemClock().now()
    found = [await store.apply(wrote("hi", at, phone=f"1555{process}{one:06}"), RULES) for one in range(TOGETHER)]
    return [decision.conversation.id for decision in found if decision]


def hold(known: str, conversation: str) -> Hold:
    """Money for one call."""
    at = SystemClock().now()
    return Hold(effect_id=known, attempt=1, conversation_id=conversation, channel=CHANNEL, at=at, nano_usd=10_000)


def outcome(known: str, conversation: str) -> DraftFailed:
    """Which settles that. It comes too late to be decided, so that nothing but its money is written."""
    at = SystemClock().now()
    return DraftFailed(
        id=known,
        at=at,
        channel=CHANNEL,
        conversation_id=conversation,
        effect_id=known,
        attempt=1,
        reason="",
        calls=(CALL,),
    )


async def pairs(store: Store, process: int, seconds: float, *, has_caps: bool) -> int:
    """How many were done."""
    ends_at, numbers = time.monotonic() + seconds, itertools.count()

    async def one(conversation: str) -> None:
        while time.monotonic() < ends_at:
            known = f"{process}-{has_caps}-{time.time_ns()}-{next(numbers)}"
            if has_caps:
                refusal = await store.reserve(hold(known, conversation), CAPS)
                assert refusal is None
            await store.apply(outcome(known, conversation), RULES)

    await asyncio.gather(*map(one, await conversations(store, process)))
    return next(numbers)


async def of_process(place: str, process: int, seconds: float) -> None:
    """What another process does: with caps, then without, each when it is told to."""
    async with opened(place) as store:
        for has_caps in (True, False):
            print("ready", flush=True)
            await asyncio.to_thread(sys.stdin.readline)
            print(await pairs(store, process, seconds, has_caps=has_caps), flush=True)


async def rates(place: str, processes: int, seconds: float) -> tuple[float, float]:
    """Pairs a second of all processes together: with caps, without."""
    started = [
        await asyncio.create_subprocess_exec(
            sys.executable, __file__, "--place", place, "--process", str(number), "--seconds", str(seconds),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        )
        for number in range(processes)
    ]  # fmt: skip
    found: list[float] = []
    for _ in range(2):
        for one in started:
            assert one.stdout
            assert await one.stdout.readline() == b"ready\n", "a process has failed"
        for one in started:
            assert one.stdin
            one.stdin.write(b"go\n")
        counts = [int(await one.stdout.readline()) for one in started if one.stdout]
        found.append(sum(counts) / seconds)
    for one in started:
        await one.wait()
    return found[0], found[1]


async def alone(place: str) -> float:
    """Milliseconds that a reservation takes, the middle one of many."""
    async with opened(place) as store:
        spans = []
        known = await conversations(store, 9)
        for number in range(ALONE):
            began_at = time.perf_counter()
            await store.reserve(hold(f"alone-{time.time_ns()}", known[number % TOGETHER]), CAPS)
            spans.append(1e3 * (time.perf_counter() - began_at))
    return statistics.median(spans)


async def fill(place: str, count: int) -> None:
    """Lines in the ledger, besides those that are there."""
    if place.startswith("postgresql:"):
        bare = await asyncpg.connect(place)
        await bare.execute("DELETE FROM charge")
        await bare.execute(FILL_POSTGRES, count)
        await bare.execute("VACUUM ANALYZE charge")
        await bare.close()
        return
    with sqlite3.connect(place) as bare_file:
        bare_file.execute("DELETE FROM charge")
        bare_file.execute(FILL_SQLITE, (count,))


async def measure(place: str, processes: tuple[int, ...], seconds: float) -> None:
    """The lines of one store."""
    name = place.partition(":")[0] if place.startswith("postgresql:") else "sqlite"
    for count in processes:
        capped, free = await rates(place, count, seconds)
        print(
            f"{name}, processes: {count}  with caps {capped:>7,.0f}/s  without {free:>7,.0f}/s  {capped / free:.2f}",
            flush=True,
        )
    spans = []
    for count in (FEW, MANY):
        await fill(place, count)
        spans.append(await alone(place))
    print(f"{name}, a reservation: {spans[0]:.2f} ms at {FEW:,}, {spans[1]:.2f} ms at {MANY:,} lines", flush=True)


async def run(seconds: float) -> None:
    """Both stores."""
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "frontdesk.db")
        await measure(file, (1,), seconds)
    with servers.postgres(fsync="on", full_page_writes="on", synchronous_commit="on") as server:
        await measure(server.url, (1, 2), seconds)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--place", default="", help=argparse.SUPPRESS)
    parser.add_argument("--process", type=int, default=0, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.place:
        uvloop.run(of_process(arguments.place, arguments.process, arguments.seconds))
    else:
        uvloop.run(run(arguments.seconds))


if __name__ == "__main__":
    main()
