"""kill -9 of the real service again and again, under load, and then the accounts.

Run by hand: make kill-test KILLS=50, VENDOR=msg91 for the other vendor; make swap-test changes it at every kill
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from frontdesk.container import SystemClock
from frontdesk.emulator.options import VendorName
from frontdesk.testing.process import Customers, Service, until, world
from frontdesk_plugins.sqlite.store import SqliteStore
from process.accounts import Accounts, count
from process.load import POLICY, is_delivered, write_for_ever

VENDORS: tuple[VendorName, VendorName] = ("meta", "msg91")
ROUNDS_MAX = 8


def opened(service: Service) -> SqliteStore:
    """The store of a service, to read."""
    return SqliteStore(service.data_dir / "frontdesk.db", SystemClock(), is_read_only=True)


async def run(
    folder: Path,
    kills: int,
    seed: int,
    *,
    vendor: VendorName = "meta",
    swaps: bool = False,
    hears_former: bool = False,
) -> Accounts:
    """Kill `kills` times while customers write; then let it settle and count. `swaps`: at every start the number is
    with the other vendor, and nothing is changed but the channel's section. `hears_former`: that section names the one
    before, so nobody has to go back to it in the end."""
    dice = random.Random(seed)
    manners: dict[str, Any] = {"reads": "auto", "retry_scale": 0.05, "retry_seconds": (0.0, 1.0, 2.0, 4.0)}
    async with world(folder, POLICY, vendor=vendor, **manners) as (customers, service):
        # Slow enough that kills strike in the middle of sends.
        await customers.break_({"on": "send", "kind": "latency", "value": 0.05})
        writing = asyncio.create_task(write_for_ever(customers, dice))
        for number in range(kills):
            if swaps:
                await _swap(customers, service, number, hears_former=hears_former)
            await service.start()
            await asyncio.sleep(dice.uniform(0.05, 0.6))
            await service.kill()
        writing.cancel()
        for number in range(1 if hears_former else ROUNDS_MAX):
            last = VENDORS[number % 2] if swaps else vendor
            heard = VENDORS if hears_former else (last,)
            if swaps:
                await _swap(customers, service, number, hears_former=hears_former)
            await service.start()
            await until(partial(_is_done, customers, service, heard), 60, f"all is done that can be done by {heard}")
            assert await service.stop() == 0, service.log()
            if await is_delivered(customers):
                break
        async with opened(service) as store:
            return await count(customers, store, kills)


async def _swap(customers: Customers, service: Service, number: int, *, hears_former: bool) -> None:
    now, before = VENDORS[number % 2], VENDORS[(number + 1) % 2]
    await customers.move(service, now, before if hears_former else None)


async def _is_done(customers: Customers, service: Service, heard: Sequence[VendorName]) -> bool:
    """Nothing is left in the outbox, and those who are heard have told all that they have to tell, statuses included.
    The other one tells the rest when the number is with it."""
    counts, ledger = customers.emulator.vendor.webhooks.counts, await customers.ledger()
    pending = {"msg91": counts.pending_letters, "meta": counts.pending - counts.pending_letters}
    if any(pending[one] for one in heard) or any(e["status"] != "read" for e in ledger if e["vendor"] in heard):
        return False
    async with opened(service) as store:
        return not (await store.backlog()).states


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--vendor", choices=VENDORS, default="meta")
    parser.add_argument("--swaps", action="store_true", help="Each start is with the other vendor.")
    parser.add_argument("--hears-former", action="store_true", help="The one before is still listened to.")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        more = {"vendor": arguments.vendor, "swaps": arguments.swaps, "hears_former": arguments.hears_former}
        running = run(Path(folder), arguments.kills, arguments.seed, **more)
        print(asyncio.run(running))


if __name__ == "__main__":
    main()
