"""Roles and several processes on one port: the real command, real signals, a real PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from frontdesk.plugin import Secret
from frontdesk.testing import servers
from frontdesk.testing.process import Customers, Service, free_port, until, world
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore
from process.load import POLICY

_numbers = count(1)

pytestmark = pytest.mark.anyio

LEASE_SECONDS = 1.5
POLL_SECONDS = 0.1
SECTIONS = f"""
[store]
provider = "postgres"
url = {{ env = "DATABASE_URL" }}
pool_max = 3
[signal]
provider = "in_process"
[worker]
lease_seconds = {LEASE_SECONDS}
poll_seconds = {POLL_SECONDS}
"""


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    if servers.postgres_install() is None:
        if os.environ.get("CI"):
            pytest.fail(servers.NO_POSTGRES)
        pytest.skip(servers.NO_POSTGRES)
    with servers.postgres() as server:
        yield server.url


@pytest.fixture
async def database_url(server_url: str) -> str:
    """An empty database."""
    name = f"roles_{next(_numbers)}"
    admin = await asyncpg.connect(server_url)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    return urlunsplit(urlsplit(server_url)._replace(path=f"/{name}"))


@asynccontextmanager
async def shop(folder: Path, url: str, *words: str, **environ: str) -> AsyncIterator[tuple[Customers, Service]]:
    """A shop on PostgreSQL."""
    more = {"words": words, "environ": {"DATABASE_URL": url, **environ}, "sections": SECTIONS}
    async with world(folder, POLICY, service=more, reads="auto", retry_scale=0.1) as (customers, service):
        yield customers, service


async def answered(customers: Customers, count: int) -> None:
    """Wait until so many contacts have their answer, each once."""

    async def is_so() -> bool:
        return len({entry["to"] for entry in await customers.ledger()}) >= count

    await until(is_so, 10, f"{count} are answered")
    references = [entry["reference"] for entry in await customers.ledger()]
    assert len(references) == len(set(references))


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


async def test_a_web_process_accepts_and_a_worker_elsewhere_answers(tmp_path: Path, database_url: str) -> None:
    async with shop(tmp_path, database_url, "--role", "web") as (customers, web), httpx.AsyncClient() as http:
        await web.start()
        assert (await http.get(f"{web.url}/readyz")).json() == {"status": "ready", "troubles": []}
        await customers.write("15550100001", "delivery?")
        await until(lambda: customers.emulator.vendor.webhooks.counts.delivered, 5, "the webhook is taken")
        worker = web.beside("worker", "--role", "worker")
        await asyncio.sleep(0.5)
        assert not await customers.ledger(), "a web process answers nothing"
        await worker.start()
        await answered(customers, 1)
        for path, status in {"/webhooks/main": 404, "/healthz": 200, "/readyz": 200, "/metrics": 200}.items():
            assert (await http.get(f"{worker.url}{path}")).status_code == status, path
        assert 'frontdesk_process_info{number="0",role="worker"} 1.0' in (await http.get(f"{worker.url}/metrics")).text
        assert await worker.stop() == 0
        assert await web.stop() == 0


async def test_a_worker_that_dies_in_a_send_is_followed_by_another(tmp_path: Path, database_url: str) -> None:
    store = PostgresStore(StoreOptions(url=Secret(database_url), pool_max=2), is_read_only=True)
    async with shop(tmp_path, database_url, "--role", "web") as (customers, web):
        first, second = web.beside("first", "--role", "worker"), web.beside("second", "--role", "worker")
        await asyncio.gather(web.start(), first.start())
        await customers.break_({"on": "send", "kind": "latency", "value": 2.5, "count": 1})
        await customers.write("15550100002", "delivery?")
        async with store:

            async def is_in(state: str) -> bool:
                return (await store.backlog()).states.get(state, 0) > 0

            await until(lambda: is_in("started"), 5, "the send is under way")
            await second.start()
            await first.kill()
            await customers.write("15550100003", "returns?")
            await until(lambda: is_in("unknown"), LEASE_SECONDS + POLL_SECONDS + 1, "the other has taken over")
        await answered(customers, 2)
        assert len(await customers.ledger()) == 2
        assert await second.stop() == 0
        assert await web.stop() == 0


async def test_a_killed_process_of_several_is_replaced_and_nothing_is_lost(tmp_path: Path, database_url: str) -> None:
    aside = free_port(2)
    environ = {"FRONTDESK__SERVER__PROCESSES": "2", "FRONTDESK__SERVER__METRICS_PORT": str(aside)}
    async with shop(tmp_path, database_url, **environ) as (customers, service), httpx.AsyncClient() as http:
        await service.start()
        await until(lambda: "2 processes" in service.log(), 10, "both are ready")
        for number in range(2):
            text = (await http.get(f"http://127.0.0.1:{aside + number}/metrics")).text
            assert f'frontdesk_process_info{{number="{number}",role="all"}} 1.0' in text
        assert (await http.get(f"http://127.0.0.1:{aside}/webhooks/main")).status_code == 404
        before = service.children()
        for number in range(40):
            await customers.write(f"155502{number:05}", "delivery?")
            if number == 20:
                os.kill(max(before), signal.SIGKILL)
        await answered(customers, 40)
        await until(lambda: len(service.children() - before) == 1, 10, "another has taken its place")
        pids = service.children()
        assert await service.stop() == 0, service.log()
        assert not any(map(is_alive, pids))


async def test_a_rolling_restart_refuses_nobody(tmp_path: Path, database_url: str) -> None:
    async with shop(tmp_path, database_url, "--processes", "2") as (customers, service):
        await service.start()
        await until(lambda: "2 processes" in service.log(), 10, "both are ready")
        before, written = service.children(), 0
        service.send(signal.SIGHUP)
        is_over = asyncio.get_running_loop().time() + 15
        while service.children() & before or len(service.children()) != 2:
            assert asyncio.get_running_loop().time() < is_over, service.log()
            await customers.write(f"155503{written:05}", "delivery?")
            written += 1
            await asyncio.sleep(0.01)
        await answered(customers, written)
        counts = customers.emulator.vendor.webhooks.counts
        assert (counts.refused, counts.last_error, counts.given_up) == (0, None, 0)
        assert written > 50
        assert await service.stop() == 0


async def test_a_rolling_restart_that_everybody_is_told_of_refuses_nobody(tmp_path: Path, database_url: str) -> None:
    """`systemctl kill` and `pkill` tell parent and children alike, and children may be told before they listen."""
    async with shop(tmp_path, database_url, "--processes", "2") as (customers, service):
        await service.start()
        await until(lambda: "2 processes" in service.log(), 10, "both are ready")
        before, written = service.children(), 0
        is_over = asyncio.get_running_loop().time() + 15
        while service.children() & before or len(service.children()) != 2:
            assert asyncio.get_running_loop().time() < is_over, service.log()
            if written == 0:
                service.send(signal.SIGHUP)
                for pid in before:
                    os.kill(pid, signal.SIGHUP)
            await customers.write(f"155504{written:05}", "delivery?")
            written += 1
            await asyncio.sleep(0.01)
        await answered(customers, written)
        counts = customers.emulator.vendor.webhooks.counts
        assert (counts.refused, counts.last_error, counts.given_up) == (0, None, 0)
        assert "a process ended" not in service.log(100_000)
        assert await service.stop() == 0


async def test_without_their_parent_the_children_end(tmp_path: Path, database_url: str) -> None:
    async with shop(tmp_path, database_url, "--processes", "2") as (_, service):
        await service.start()
        await until(lambda: "2 processes" in service.log(), 10, "both are ready")
        pids = service.children()
        await service.kill()
        await until(lambda: not any(map(is_alive, pids)), 10, "they end by themselves")
        await service.start()
        assert await service.stop() == 0


async def test_without_their_parent_children_that_are_still_opening_close_well(
    tmp_path: Path, database_url: str
) -> None:
    async with shop(tmp_path, database_url, "--processes", "2", FRONTDESK_LOG="info") as (_, service):
        await service.start(waits=False)
        await until(service.children, 10, "the first begins")
        pids = service.children()
        await service.kill()
        await until(lambda: not any(map(is_alive, pids)), 10, "it ends by itself")
        assert '"event": "stopped"' in service.log()


async def test_what_is_wrong_at_the_first_start_is_said_once_and_ends_all(tmp_path: Path) -> None:
    async with shop(tmp_path, "postgresql://nobody@127.0.0.1:9/none", "--processes", "3") as (_, service):
        await service.start(waits=False)
        assert await service.ended() == 1
        assert service.log().count("frontdesk: ") == 1, service.log()


@pytest.mark.parametrize("words", [["--processes", "2"], ["--role", "web"], ["--role", "worker"]])
async def test_a_store_for_one_process_is_refused_to_several(tmp_path: Path, words: list[str]) -> None:
    async with world(tmp_path, service={"words": words}) as (_, service):
        await service.start(waits=False)
        assert await service.ended() == 1
        assert "the store 'sqlite' is for one process that does all" in service.log()
        assert service.log().count("\n") == 1


@pytest.mark.parametrize("role", ["web", "worker"])
async def test_the_shipped_file_for_several_processes_serves(tmp_path: Path, database_url: str, role: str) -> None:
    port = free_port()
    environ = {"DATABASE_URL": database_url, "REDIS_URL": "redis://127.0.0.1:1/0", "FRONTDESK__DATA_DIR": str(tmp_path)}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "frontdesk", "serve", "--config", "config/enterprise.toml",
        "--role", role, "--port", str(port), env=os.environ | environ,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip

    async def is_ready() -> bool:
        try:
            async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
                pages = [(await http.get(path)).status_code for path in ("/healthz", "/readyz", "/metrics")]
        except httpx.TransportError:
            return False
        return pages == [200, 200, 200]

    try:
        await until(is_ready, 20, "it serves")
        process.terminate()
        assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
