"""Everything breaks at once, again and again, under load, in enterprise mode; and then the accounts.

Processes are killed, PostgreSQL and Redis too, Redis is emptied every second, and the network between any two of them
is cut or swallows what it is given. Afterwards the backlog must drain, and nothing may be lost, doubled or shuffled.

Run by hand: make chaos-test KILLS=40
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct

from frontdesk.testing.process import Customers, until
from frontdesk.testing.servers import Server
from process.accounts import Accounts, count
from process.fleet import Fleet, fleet
from process.load import is_delivered, write_for_ever

DRAIN_SECONDS_MAX = 60.0
START_SECONDS_MAX = 60.0
SEND_SECONDS = 0.3
"""Of the vendor: slow enough that kills strike in the middle of sends."""

TAKEOVER_SECONDS_MORE = 5.0
"""How long after a lease's end somebody else has the work."""

OUTAGES = ("postgres", "redis")
LINKS = ("postgres", "redis", "web", "vendor")


class Plan(Struct, frozen=True, kw_only=True):
    """What is broken. `cuts`: of the network, half of them refusing and half of them silent."""

    kills: int
    postgres_kills: int = 2
    redis_kills: int = 2
    cuts: int = 8
    customers: int = 30
    lease_seconds: float = 30.0
    is_supervised: bool = False
    seed: int = 1


class Report(Struct, frozen=True, kw_only=True):
    """What came of it. `takeover_seconds`: from the death of a worker in the middle of a send until another one has
    dealt with it."""

    plan: Plan
    accounts: Accounts
    flushes: int
    drain_seconds: float
    takeover_seconds: float
    ends: dict[int, int]
    unforeseen: tuple[str, ...]

    def __str__(self) -> str:
        plan = self.plan
        return (
            f"{self.accounts}; PostgreSQL killed {plan.postgres_kills} x, Redis {plan.redis_kills} x and emptied "
            f"{self.flushes} x, the network broken {plan.cuts} x; the backlog drained in {self.drain_seconds:.1f} s, "
            f"a dead worker's send was taken over after {self.takeover_seconds:.1f} s "
            f"(lease {plan.lease_seconds:.0f} s); processes {'supervised' if plan.is_supervised else 'alone'}, "
            f"ends by status {self.ends}; {len(self.unforeseen)} unforeseen errors in their logs"
        )


async def run(folder: Path, plan: Plan) -> Report:
    """Break everything as planned while customers write; then let it settle and count."""
    dice = random.Random(plan.seed)
    loop = asyncio.get_running_loop()
    async with fleet(folder, plan.lease_seconds, is_supervised=plan.is_supervised) as shop:
        await until(shop.are_ready, START_SECONDS_MAX, "all processes are ready")
        await shop.customers.break_({"on": "send", "kind": "latency", "value": SEND_SECONDS})
        writing = asyncio.create_task(write_for_ever(shop.customers, dice, plan.customers))
        flushing = asyncio.create_task(shop.flush_for_ever())
        await asyncio.gather(_kill(shop, plan, dice), _break(shop, _outages(plan, dice), dice))
        await _end(writing)
        began_at = loop.time()
        await until(lambda: _is_settled(shop), DRAIN_SECONDS_MAX, "the backlog is drained")
        drain_seconds = loop.time() - began_at
        async with shop.store() as store:
            accounts = await count(shop.customers, store, plan.kills)
        takeover_seconds = await _take_over(shop, plan.lease_seconds)
        await _end(flushing)
    return Report(
        plan=plan,
        accounts=accounts,
        flushes=shop.flushes,
        drain_seconds=drain_seconds,
        takeover_seconds=takeover_seconds,
        ends=dict(sum((member.ends for member in shop.members), Counter())),
        unforeseen=tuple(line for member in shop.members for line in member.unforeseen()),
    )


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.wait([task])


async def _kill(shop: Fleet, plan: Plan, dice: random.Random) -> None:
    for _ in range(plan.kills):
        await asyncio.sleep(dice.uniform(0.2, 1.8))
        await shop.kill(dice)


def _outages(plan: Plan, dice: random.Random) -> list[tuple[str, str]]:
    """What is broken and how, mixed."""
    outages = [("kill", "postgres")] * plan.postgres_kills + [("kill", "redis")] * plan.redis_kills
    outages += [(("cut", "hang")[(number + number // 4) % 2], LINKS[number % 4]) for number in range(plan.cuts)]
    dice.shuffle(outages)
    return outages


async def _break(shop: Fleet, outages: Sequence[tuple[str, str]], dice: random.Random) -> None:
    """One outage after the other, each of a second or two and with a second or two between them."""
    for how, what in outages:
        await asyncio.sleep(dice.uniform(0.5, 2.0))
        seconds = dice.uniform(0.5, 2.0)
        if how == "kill":
            await _restart(shop.postgres if what == "postgres" else shop.redis, seconds)
            continue
        link = shop.network[what]
        if how == "cut":
            await link.cut()
        else:
            link.hang()
        await asyncio.sleep(seconds)
        await link.heal()


async def _restart(server: Server, seconds: float) -> None:
    await asyncio.to_thread(server.kill)
    await asyncio.sleep(seconds)
    await asyncio.to_thread(server.start)


async def _is_settled(shop: Fleet) -> bool:
    """Everything delivered and nothing left in the outbox for a moment."""
    return await is_delivered(shop.customers) and not await shop.backlog()


async def _take_over(shop: Fleet, lease_seconds: float) -> float:
    """Kill the workers in the middle of a send of which no status will tell: the seconds until another one has
    dealt with it."""
    customers, loop = shop.customers, asyncio.get_running_loop()
    await until(shop.are_ready, START_SECONDS_MAX, "all processes are ready again")
    silence: dict[str, Any] = {"on": "send", "to": "15559990000", "count": 1}
    hang = silence | {"kind": "accept_then_hang", "value": lease_seconds * 2}
    await customers.break_(hang, silence | {"kind": "no_statuses"})
    await customers.write("15559990000", "delivery?")

    async def is_in(state: str) -> bool:
        return (await shop.backlog()).get(state, 0) > 0

    await until(lambda: is_in("started"), 10, "the send is under way")
    await until(lambda: _has_reached(customers, "15559990000"), 10, "the vendor has it")
    began_at = loop.time()
    shop.kill_workers()

    async def is_taken_over() -> bool:
        return not await is_in("started")

    await until(is_taken_over, lease_seconds + TAKEOVER_SECONDS_MORE, "the dead worker's lease is taken over")
    return loop.time() - began_at


async def _has_reached(customers: Customers, phone: str) -> bool:
    return any(entry["to"].lstrip("+") == phone for entry in await customers.ledger())


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--lease", type=float, default=30.0)
    parser.add_argument("--supervised", action="store_true")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    plan = Plan(
        kills=arguments.kills,
        lease_seconds=arguments.lease,
        is_supervised=arguments.supervised,
        seed=arguments.seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        report = asyncio.run(run(Path(folder), plan))
    print(report)
    for line in report.unforeseen[:10]:
        print(line)
    if report.accounts.faults or report.unforeseen:
        raise SystemExit(f"promises were broken: {report.accounts.faults}")


if __name__ == "__main__":
    main()
