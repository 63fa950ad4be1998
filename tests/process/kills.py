"""kill -9 of the real service again and again, under load, and then the accounts.

Run by hand: make kill-test KILLS=50
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from pathlib import Path

from frontdesk.container import SystemClock
from frontdesk.testing.process import Customers, Service, until, world
from frontdesk_plugins.sqlite.store import SqliteStore
from process.accounts import Accounts, count
from process.load import POLICY, is_delivered, write_for_ever


def opened(service: Service) -> SqliteStore:
    """The store of a service, to read."""
    return SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True)


async def run(folder: Path, kills: int, seed: int) -> Accounts:
    """Kill `kills` times while customers write; then let it settle and count."""
    dice = random.Random(seed)
    async with world(folder, POLICY, reads="auto", retry_scale=0.05, retry_seconds=(0.0, 1.0, 2.0, 4.0)) as (
        customers,
        service,
    ):
        # Slow enough that kills strike in the middle of sends.
        await customers.break_({"on": "send", "kind": "latency", "value": 0.05})
        writing = asyncio.create_task(write_for_ever(customers, dice))
        for _ in range(kills):
            await service.start()
            await asyncio.sleep(dice.uniform(0.05, 0.6))
            await service.kill()
        writing.cancel()
        await service.start()
        await until(lambda: _is_settled(customers, service), 60, "the backlog is drained")
        assert await service.stop() == 0, service.log()
        async with opened(service) as store:
            return await count(customers, store, kills)


async def _is_settled(customers: Customers, service: Service) -> bool:
    """Everything delivered, statuses included, and nothing left in the outbox for a moment."""
    if not await is_delivered(customers):
        return False
    async with opened(service) as store:
        return not (await store.backlog()).states


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        print(asyncio.run(run(Path(folder), arguments.kills, arguments.seed)))


if __name__ == "__main__":
    main()
