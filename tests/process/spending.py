"""Two hundred customers ask at once, processes are killed by kill -9 in the middle of their calls, and then the
vendor's bill is held against the cap.

Run by hand: make spend-test KILLS=20
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from msgspec import Struct

from frontdesk.container import SystemClock
from frontdesk.core.money import nano_usd, scopes_of_all, usd
from frontdesk.core.usage import sum_up
from frontdesk.plugin import Secret
from frontdesk.ports import Store
from frontdesk.testing import servers
from frontdesk.testing.process import Customers, Service, free_port, until, world
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore
from frontdesk_plugins.sqlite.store import SqliteStore

CUSTOMERS = 200
CAP_USD = "0.12"
POLICY = """
greeting = ""
burst_wait_seconds = 0.05
unknown_after_seconds = 2.0
"""
MODEL = """
[language_model]
provider = "openrouter"
model = "example/model-a"
api_key = {{ env = "MODEL_KEY" }}
base_url = "{base_url}"
price_in = "0.8"
price_out = "5"
max_tokens = 200
[money]
per_day = "{cap}"
[worker]
lease_seconds = 1.0
poll_seconds = 0.05
"""
POSTGRES = """
[store]
provider = "postgres"
url = { env = "DATABASE_URL" }
pool_max = 3
[signal]
provider = "in_process"
"""


class Spending(Struct, frozen=True, kw_only=True):
    """What was asked, billed and written down. `overrun`: what was billed above the cap; `unbooked`: what was billed
    and is neither written as spent nor held. Both in USD, decimal text."""

    customers: int
    kills: int
    calls: int
    refused: int
    cap: str
    billed: str
    spent: str
    held: str
    overrun: str
    unbooked: str


async def run(folder: Path, kills: int, seed: int, database_url: str = "") -> Spending:
    """One run. With a database several processes share it, and one of them is killed each time."""
    dice, port = random.Random(seed), free_port()
    sections = MODEL.format(base_url=f"http://127.0.0.1:{port}/openrouter/api/v1", cap=CAP_USD)
    more: dict[str, Any] = {
        "sections": sections + (POSTGRES if database_url else ""),
        "environ": {"MODEL_KEY": "sk-or-v1-emulator", "DATABASE_URL": database_url},
    }
    async with world(folder, POLICY, service=more, reads="auto", port=port) as (customers, service):
        await customers.break_({"on": "complete", "kind": "latency", "value": 0.4})
        others = [service.beside(f"beside-{number}", "--role", "worker") for number in range(2 if database_url else 0)]
        await asyncio.gather(*(one.start() for one in (service, *others)))
        await asyncio.gather(*(customers.write(f"1555{number:07}", "delivery?") for number in range(CUSTOMERS)))
        for _ in range(kills):
            await asyncio.sleep(dice.uniform(0.1, 0.7))
            victim = dice.choice([service, *others])
            await victim.kill()
            await victim.start()
        async with _opened(service, database_url) as store:
            await until(lambda: _is_settled(store), 90, f"everything is settled; {service.log()}")
            return await _count(customers, store, kills)


def _opened(service: Service, database_url: str) -> AbstractAsyncContextManager[Store]:
    if database_url:
        return PostgresStore(StoreOptions(url=Secret(database_url), pool_max=2), is_read_only=True)
    return SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True)


async def _is_settled(store: Store) -> bool:
    return not (await store.backlog()).states


async def _count(customers: Customers, store: Store, kills: int) -> Spending:
    asked = customers.emulator.vendor.openrouter.asked
    billed = sum(nano_usd(str(Decimal(str(one.cost)))) or 0 for one in asked)
    now = SystemClock().now()
    (day, _) = scopes_of_all(now)
    total = (await store.totals([day.key]))[day.key]
    (line,) = sum_up(await store.spent(now - timedelta(days=1)), None)
    assert line.usd == usd(total.spent), "the ledger and its total differ"
    cap = nano_usd(CAP_USD) or 0
    refused = [one for one in await store.conversations(1_000) if one.handler == "queue"]
    return Spending(
        customers=CUSTOMERS,
        kills=kills,
        calls=len(asked),
        refused=len(refused),
        cap=CAP_USD,
        billed=usd(billed),
        spent=usd(total.spent),
        held=usd(total.held),
        overrun=usd(max(0, billed - cap)),
        unbooked=usd(max(0, billed - total.spent - total.held)),
    )


@asynccontextmanager
async def _database(kind: str) -> AsyncIterator[str]:
    if kind == "sqlite":
        yield ""
        return
    with servers.postgres() as server:
        yield server.url


async def _run_all(kills: int, seed: int) -> None:
    for kind in ("sqlite", "postgres"):
        async with _database(kind) as url:
            with tempfile.TemporaryDirectory() as folder:
                print(kind, await run(Path(folder), kills, seed, url), flush=True)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    asyncio.run(_run_all(arguments.kills, arguments.seed))


if __name__ == "__main__":
    main()
