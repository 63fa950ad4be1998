"""Frontdesk in enterprise mode as a business would run it: several processes behind a load balancer, PostgreSQL and
Redis, each of which is started again when it ends, and a network between all of them that can be broken."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from frontdesk.plugin import Secret
from frontdesk.testing import servers
from frontdesk.testing.process import Customers, Service, account, emulated, free_port, until
from frontdesk.testing.proxy import FaultProxy, target, through
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore
from process.load import POLICY

RESTART_SECONDS = 0.2
"""Until a process that ended is started again, as an orchestrator does."""

STATUS_SECONDS_MAX = 5.0
"""Statuses come later than a short lease ends, for they would settle what a dead worker was sending before anybody
could be tempted to send it again."""

UNFORESEEN = re.compile(
    r"Traceback|never retrieved|never awaited|work failed|effect failed|nobody foresaw|dead letter|supervisor failed"
)
"""What no log may hold, whatever is broken outside."""

ALONE = {
    "web-1": ("--role", "web"),
    "web-2": ("--role", "web"),
    **{f"worker-{number}": ("--role", "worker") for number in (1, 2, 3)},
}
SUPERVISED = {
    "web": ("--role", "web", "--processes", "2"),
    "worker": ("--role", "worker", "--processes", "3"),
}


class Member:
    """One command that is started again whenever it ends."""

    def __init__(self, name: str, service: Service, *, is_supervised: bool) -> None:
        self.name = name
        self.service = service
        self.ends: Counter[int] = Counter()
        self._is_supervised = is_supervised
        self._is_running = False

    async def keep(self) -> None:
        """Start it again and again."""
        while True:
            await self.service.start(waits=False)
            self._is_running = True
            self.ends[await self.service.ended(None)] += 1
            self._is_running = False
            await asyncio.sleep(RESTART_SECONDS)

    def kill(self, dice: random.Random) -> bool:
        """kill -9 of it, or mostly of one of its children; False where there is nothing to kill at this moment."""
        pids = self._pids()
        return bool(pids) and _is_killed(dice.choice(pids))

    def kill_all(self) -> None:
        """kill -9 of it and of all its children."""
        for pid in self._pids():
            _is_killed(pid)

    def _pids(self) -> list[int]:
        if not self._is_running:
            return []
        with suppress(FileNotFoundError):
            return [*sorted(self.service.children() if self._is_supervised else ()), self.service.pid]
        return []

    async def is_ready(self, http: httpx.AsyncClient) -> bool:
        """Whether it takes messages, or work."""
        try:
            return (await http.get(f"{self.service.url}/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    def unforeseen(self) -> list[str]:
        """Lines of its log that tell of a bug, with what follows."""
        text = self.service.log(50_000_000)
        return [f"{self.name}: {text[found.start() : found.start() + 1_500]}" for found in UNFORESEEN.finditer(text)]


def _is_killed(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


class Fleet:
    """All of it. The four proxies stand before the web processes, the vendor, PostgreSQL and Redis."""

    def __init__(
        self,
        customers: Customers,
        members: Sequence[Member],
        postgres: servers.Server,
        redis: servers.Server,
        network: dict[str, FaultProxy],
    ) -> None:
        self.customers = customers
        self.members = members
        self.postgres = postgres
        self.redis = redis
        self.network = network
        self.flushes = 0

    async def kill(self, dice: random.Random) -> None:
        """kill -9 of a process of some member."""
        await until(lambda: dice.choice(self.members).kill(dice), 10, "there is a process to kill")

    def kill_workers(self) -> None:
        """kill -9 of everything that may hold a lease."""
        for member in self.members:
            if member.name.startswith("worker"):
                member.kill_all()

    async def flush_for_ever(self) -> None:
        """Empty Redis every second."""
        while True:
            with suppress(RedisError, OSError):
                async with Redis.from_url(self.redis.url) as client:
                    await client.flushall()
                    self.flushes += 1
            await asyncio.sleep(1)

    async def are_ready(self) -> bool:
        """Whether every member takes messages, or work."""
        async with httpx.AsyncClient() as http:
            return all(await asyncio.gather(*(member.is_ready(http) for member in self.members)))

    def store(self) -> PostgresStore:
        """The store, to read, past the network."""
        return PostgresStore(StoreOptions(url=Secret(self.postgres.url), pool_max=2), is_read_only=True)

    async def backlog(self) -> dict[str, int]:
        """Unsettled effects by state."""
        async with self.store() as store:
            return dict((await store.backlog()).states)


@asynccontextmanager
async def fleet(folder: Path, lease_seconds: float, *, is_supervised: bool) -> AsyncIterator[Fleet]:
    """Servers, network, vendor and members, all running; with the block they end, and so do the members' tasks."""
    async with AsyncExitStack() as stack:
        postgres = stack.enter_context(servers.postgres())
        redis = stack.enter_context(servers.redis())
        commands = SUPERVISED if is_supervised else ALONE
        ports = {name: free_port() for name in commands}
        vendor_port = free_port()
        network = {
            "web": FaultProxy(
                free_port(), *(("127.0.0.1", port) for name, port in ports.items() if name.startswith("web"))
            ),
            "vendor": FaultProxy(free_port(), ("127.0.0.1", vendor_port)),
            "postgres": FaultProxy(free_port(), target(postgres.url)),
            "redis": FaultProxy(free_port(), target(redis.url)),
        }
        for proxy in network.values():
            await stack.enter_async_context(proxy)
        reported = min(lease_seconds + 1, STATUS_SECONDS_MAX)
        options = account(
            network["vendor"].port, network["web"].port, reads="auto",
            sent_after_seconds=reported, delivered_after_seconds=reported + 0.1, read_after_seconds=reported + 0.2,
            retry_scale=0.1, retry_seconds=(0.0, 1.0, 2.0, 4.0, 8.0),
        )  # fmt: skip
        customers = await stack.enter_async_context(emulated(options, vendor_port))
        environ = {
            "FRONTDESK_MODE": "enterprise",
            "DATABASE_URL": through(postgres.url, network["postgres"]),
            "REDIS_URL": through(redis.url, network["redis"]),
            "FRONTDESK__WORKER__LEASE_SECONDS": str(lease_seconds),
        }
        members = [
            Member(
                name,
                Service(folder, port, options, POLICY, name=name, words=commands[name], environ=environ),
                is_supervised=is_supervised,
            )
            for name, port in ports.items()
        ]
        tasks = [asyncio.create_task(member.keep()) for member in members]
        try:
            yield Fleet(customers, members, postgres, redis, network)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
            for member in members:
                await member.service.end()
            assert not [one for one in ended if not isinstance(one, asyncio.CancelledError)], ended
