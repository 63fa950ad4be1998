"""Turns a second on PostgreSQL and Redis: one web process with one worker and with two, and one process on SQLite in
the same run. And what a turn costs each in CPU, which tells what a larger machine could do.

Customers and the emulated vendor share the machine, and nothing is bound to a core: where there are two cores, these
are what is measured before the second worker is. Run it alone: make bench-enterprise
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop
from bench import BY_RULE, answer_all
from msgspec import Struct

from frontdesk.emulator.options import EmulatorOptions
from frontdesk.testing import servers
from frontdesk.testing.process import cpu_of_tree, world

LASTING = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "256MB", "max_wal_size": "4GB"}
"""PostgreSQL flushes as in production."""

PARTS = ("web", "workers", "PostgreSQL", "Redis")


class Figures(Struct, frozen=True, kw_only=True):
    """Turns a second, and milliseconds of CPU a turn, of each part."""

    name: str
    rate: float
    costs: Sequence[float]

    def __str__(self) -> str:
        cells = "".join(f"{cost:>12.2f}" if cost else f"{'':12}" for cost in (*self.costs, sum(self.costs)))
        return f"{self.name:28}{self.rate:>10,.0f}{cells}"


async def _lightweight(account: EmulatorOptions, count: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        async with world(Path(folder), BY_RULE, window="off") as (customers, service):
            await service.start()
            rate, (cpu,) = await answer_all(customers, service.port, account, count, lambda: [cpu_of_tree(service.pid)])
            await service.stop()
    return Figures(name="SQLite, one process", rate=rate, costs=(1_000 * cpu, 0.0, 0.0, 0.0))


async def _enterprise(account: EmulatorOptions, count: int, workers: int) -> Figures:
    with tempfile.TemporaryDirectory() as folder, servers.postgres(**LASTING) as postgres, servers.redis() as redis:
        environ = {"FRONTDESK_MODE": "enterprise", "DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        service = {"words": ("--role", "web"), "environ": environ}
        async with world(Path(folder), BY_RULE, service=service, window="off") as (customers, web):
            working = [web.beside(f"worker-{number}", "--role", "worker") for number in range(workers)]
            await web.start()
            await asyncio.gather(*(one.start() for one in working))

            def spent() -> list[float]:
                of_workers = sum(cpu_of_tree(one.pid) for one in working)
                return [cpu_of_tree(web.pid), of_workers, cpu_of_tree(postgres.pid), cpu_of_tree(redis.pid)]

            rate, costs = await answer_all(customers, web.port, account, count, spent)
            await asyncio.gather(*(one.stop() for one in (web, *working)))
    name = f"PostgreSQL, web + {workers} worker{'s' if workers > 1 else ''}"
    return Figures(name=name, rate=rate, costs=[1_000 * cost for cost in costs])


async def _run(count: int, rounds: int) -> None:
    account = EmulatorOptions()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {count} turns a line")
    print(f"{'':28}{'turns/s':>10}" + "".join(f"{part:>12}" for part in (*PARTS, "together")) + "   ms of CPU a turn")
    ratios = []
    for _ in range(rounds):
        print(await _lightweight(account, count), flush=True)
        found = []
        for workers in (1, 2):
            found.append(await _enterprise(account, count, workers))
            print(found[-1], flush=True)
        ratios.append(found[1].rate / found[0].rate)
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"two workers to one: {told}; median {sorted(ratios)[rounds // 2]:.2f}")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    uvloop.run(_run(arguments.count, arguments.rounds))


if __name__ == "__main__":
    main()
