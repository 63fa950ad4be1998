"""Turns a second on PostgreSQL and Redis: one web process with one worker and with two, and one process on SQLite in
the same run. And what a turn costs each in CPU, which tells what a larger machine could do.

Customers and the emulated vendor share the machine, and nothing is bound to a core: where there are two cores, all of
them are busy with one worker already, and a second can only add its overhead. So there is a second table, in which
workers do what they do most of their time, wait: the vendor takes 100 ms a message, and each worker sends 16 at once.
Run it alone: make bench-enterprise
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

VENDOR_SECONDS = 0.1
SENDS_AT_ONCE = 16

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


async def _enterprise(account: EmulatorOptions, count: int, workers: int, vendor_seconds: float = 0.0) -> Figures:
    with tempfile.TemporaryDirectory() as folder, servers.postgres(**LASTING) as postgres, servers.redis() as redis:
        environ = {"FRONTDESK_MODE": "enterprise", "DATABASE_URL": postgres.url, "REDIS_URL": redis.url}
        if vendor_seconds:
            environ["FRONTDESK__WORKER__CONCURRENCY"] = str(SENDS_AT_ONCE)
        service = {"words": ("--role", "web"), "environ": environ}
        async with world(Path(folder), BY_RULE, service=service, window="off") as (customers, web):
            working = [web.beside(f"worker-{number}", "--role", "worker") for number in range(workers)]
            await web.start()
            await asyncio.gather(*(one.start() for one in working))

            def spent() -> list[float]:
                of_workers = sum(cpu_of_tree(one.pid) for one in working)
                return [cpu_of_tree(web.pid), of_workers, cpu_of_tree(postgres.pid), cpu_of_tree(redis.pid)]

            rate, costs = await answer_all(customers, web.port, account, count, spent, vendor_seconds)
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
        ratios.append(await _two_to_one(account, count))
    print(f"two workers to one, all cores busy: {_told(ratios)}\n")
    print(f"the vendor takes {VENDOR_SECONDS:.1f} s, a worker sends {SENDS_AT_ONCE} messages at once:")
    ratios = [await _two_to_one(account, count // 4, VENDOR_SECONDS) for _ in range(rounds)]
    print(f"two workers to one, waiting for the vendor: {_told(ratios)}")


async def _two_to_one(account: EmulatorOptions, count: int, vendor_seconds: float = 0.0) -> float:
    rates = []
    for workers in (1, 2):
        found = await _enterprise(account, count, workers, vendor_seconds)
        print(found, flush=True)
        rates.append(found.rate)
    return rates[1] / rates[0]


def _told(ratios: list[float]) -> str:
    return f"{', '.join(f'{ratio:.2f}' for ratio in ratios)}; median {sorted(ratios)[len(ratios) // 2]:.2f}"


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    uvloop.run(_run(arguments.count, arguments.rounds))


if __name__ == "__main__":
    main()
