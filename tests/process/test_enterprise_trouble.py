"""What is wrong with PostgreSQL or Redis is one sentence of the real command; a service that loses its store answers
503 and recovers by itself."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import httpx
import pytest

from frontdesk.testing import servers
from frontdesk.testing.process import Customers, Service, until, world
from process.load import POLICY

pytestmark = pytest.mark.anyio

NO_REDIS = "redis://127.0.0.1:1/0"
PATIENCE_SECONDS = 8.0
"""A vendor waits longer than this for its answer."""


@pytest.fixture(scope="module")
def postgres() -> Iterator[servers.Server]:
    """A server that wants a password of everybody but its own role."""
    if servers.postgres_install() is None:
        if os.environ.get("CI"):
            pytest.fail(servers.NO_POSTGRES)
        pytest.skip(servers.NO_POSTGRES)
    with tempfile.TemporaryDirectory() as name:
        folder, rules = Path(name), Path(name) / "pg_hba.conf"
        folder.chmod(0o755)
        rules.write_text("host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
        with servers.postgres(hba_file=str(rules)) as server:
            yield server


@pytest.fixture(scope="module")
def redis() -> Iterator[servers.Server]:
    if servers.redis_command() is None:
        if os.environ.get("CI"):
            pytest.fail(servers.NO_REDIS)
        pytest.skip(servers.NO_REDIS)
    with servers.redis("--requirepass", "right") as server:
        yield server


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


def refusal(folder: Path, word: str, **environ: str) -> str:
    """The one sentence of a command that ends with status 1."""
    ended = subprocess.run(
        [sys.executable, "-m", "frontdesk", *word.split()],
        cwd=folder, capture_output=True, text=True, timeout=20, check=False,
        env={"PATH": os.environ["PATH"], "FRONTDESK_LOG": "error", "FRONTDESK_MODE": "enterprise", **environ},
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("frontdesk: "), ended.stderr
    assert ended.stderr.count("\n") == 1
    assert "hunter2" not in ended.stderr
    return ended.stderr.strip()


WRONG = [
    ("FRONTDESK_MODE=enterprize", "mode: invalid enum value 'enterprize'; there are: lightweight, enterprise"),
    ("DATABASE_URL=", "store.url: the environment variable DATABASE_URL is not set; set it"),
    ("DATABASE_URL=mysql://x:hunter2@h/d", "it has the form postgresql://role:password@host:5432/database"),
    ("DATABASE_URL=postgresql://x:hun/ter2@h/d", "it has the form postgresql://role:password@host:5432/database"),
    ("DATABASE_URL=postgresql://x:hunter2@127.0.0.1:1/d", "check that the server runs and is reached"),
    ("DATABASE_URL=postgresql://x:hunter2@nowhere.invalid/d", "check the host in `store.url`"),
    ("DATABASE_URL={guest}:hunter2@{place}/postgres", "check the role and its password in `store.url`"),
    ("DATABASE_URL={url}_not", "create the database, or name another in `store.url`"),
    ("DATABASE_URL={url}?colour=red", "take out of `store.url` after its ? what the server does not know"),
    ("DATABASE_URL={url}?sslmode=require", "let the server speak TLS, or say sslmode=disable in `store.url`"),
    ("DATABASE_URL={url}?options=-cdefault_transaction_read_only=on", "let `store.url` name the primary"),
    ("REDIS_URL=", "signal.url: the environment variable REDIS_URL is not set; set it"),
    ("REDIS_URL=http://x:hunter2@h", "signal.url cannot be used (its beginning is not known); write it as one of:"),
    ("REDIS_URL=redis://:hunter2@{redis}/0", "check the user and the password in `signal.url`"),
]


@pytest.mark.parametrize(("setting", "cure"), WRONG, ids=[setting for setting, _ in WRONG])
def test_what_is_wrong_at_the_start_is_one_sentence(
    tmp_path: Path, postgres: servers.Server, redis: servers.Server, setting: str, cure: str
) -> None:
    (tmp_path / "config/knowledge").mkdir(parents=True)
    place, at = postgres.url.partition("@")[2].partition("/")[0], redis.url.rpartition("//")[2].partition("/")[0]
    name, _, value = setting.partition("=")
    value = value.format(url=postgres.url, guest="postgresql://guest", place=place, redis=at)
    environ = {"DATABASE_URL": postgres.url, "REDIS_URL": NO_REDIS, name: value}
    for word in ("check", "serve --port 0"):
        assert cure in refusal(tmp_path, word, **environ)


def test_check_says_that_redis_is_away_and_what_to_do(tmp_path: Path, postgres: servers.Server) -> None:
    (tmp_path / "config/knowledge").mkdir(parents=True)
    ended = subprocess.run(
        [sys.executable, "-m", "frontdesk", "check"], cwd=tmp_path, capture_output=True, text=True, timeout=20,
        check=False,
        env={"PATH": os.environ["PATH"], "FRONTDESK_LOG": "error", "FRONTDESK_MODE": "enterprise",
             "DATABASE_URL": postgres.url, "REDIS_URL": NO_REDIS},
    )  # fmt: skip
    assert (ended.returncode, ended.stderr) == (0, "")
    *_, trouble, last = ended.stdout.splitlines()
    assert trouble.startswith("trouble: Redis cannot be used (")
    assert "check that the server runs and is reached at `signal.url`" in trouble
    assert last == "degraded, would serve"


async def test_a_server_that_is_too_old_is_refused(tmp_path: Path) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """As much of PostgreSQL 9.6 as a client sees before its first query."""
        head = await reader.readexactly(8)
        if head[4:] == b"\x04\xd2\x16\x2f":  # may we speak TLS?
            writer.write(b"N")
            head = await reader.readexactly(8)
        await reader.readexactly(int.from_bytes(head[:4]) - 8)
        version = b"server_version\x009.6.24\0"
        encoding = b"client_encoding\0UTF8\0"
        writer.write(b"R\0\0\0\x08\0\0\0\0")
        for one in (version, encoding):
            writer.write(b"S" + (len(one) + 4).to_bytes(4) + one)
        writer.write(b"Z\0\0\0\x05I")
        await reader.read(5)  # its good-bye
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as old:
        url = f"postgresql://x@127.0.0.1:{old.sockets[0].getsockname()[1]}/x"
        said = await asyncio.to_thread(refusal, tmp_path, "check", DATABASE_URL=url, REDIS_URL=NO_REDIS)
        assert "PostgreSQL 9 is too old; upgrade the server to 14 or newer" in said


@asynccontextmanager
async def shop(folder: Path, url: str, **environ: str) -> AsyncIterator[tuple[Customers, Service, httpx.AsyncClient]]:
    """A shop in enterprise mode, whose Redis is away: it starts and works all the same."""
    names = {"FRONTDESK_MODE": "enterprise", "DATABASE_URL": url, "REDIS_URL": NO_REDIS}
    async with (
        world(folder, POLICY, service={"environ": names | environ}, retry_scale=0.2) as (customers, service),
        httpx.AsyncClient(base_url=service.url, timeout=30) as http,
    ):
        await service.start()
        yield customers, service, http
        assert await service.stop() == 0
        whole = service._log.read_text()
        assert not any(word in whole for word in ("Traceback", "exception", "never retrieved")), whole[-5_000:]


async def answered(customers: Customers, count: int, seconds: float = 15) -> None:
    async def is_so() -> bool:
        return len(await customers.ledger()) >= count

    await until(is_so, seconds, f"{count} are answered")
    assert len(await customers.ledger()) == count


async def refused_after(customers: Customers, phone: str) -> float:
    """Seconds from a customer's message to the first 503 that the vendor gets for it."""
    counts = customers.emulator.vendor.webhooks.counts
    before, began_at = counts.refused, time.monotonic()
    await customers.write(phone, "delivery?")
    await until(lambda: counts.refused > before, PATIENCE_SECONDS, "the webhook is refused")
    return time.monotonic() - began_at


async def becomes(http: httpx.AsyncClient, status: int) -> str:
    async def is_so() -> bool:
        return (await http.get("/readyz")).status_code == status

    await until(is_so, 15, f"/readyz says {status}")
    return str((await http.get("/readyz")).json()["troubles"])


async def test_without_redis_it_starts_degraded_and_without_postgres_it_is_503_until_that_is_back(
    tmp_path: Path,
) -> None:
    with servers.postgres() as server:
        async with shop(tmp_path, server.url) as (customers, _, http):
            assert "Redis cannot be used" in await becomes(http, 200)
            await customers.write("15550100001", "delivery?")
            await answered(customers, 1)
            server.kill()
            assert await refused_after(customers, "15550100002") < 1
            assert "PostgreSQL cannot do this now" in await becomes(http, 503)
            assert (await http.get("/healthz")).status_code == 200
            assert "frontdesk_signal_connected 0.0" in (await http.get("/metrics")).text
            await asyncio.to_thread(server.start)
            await becomes(http, 200)
            await answered(customers, 2)


async def test_a_network_that_swallows_everything_is_a_503_in_time(tmp_path: Path) -> None:
    """SIGSTOP: the server's connections stay open, take bytes and answer nothing, and so do new ones."""
    with servers.postgres() as server:
        async with shop(tmp_path, server.url) as (customers, _, http):
            await customers.write("15550100001", "delivery?")
            await answered(customers, 1)
            stopped = [server.pid, *_children(server.pid)]
            _send(stopped, "STOP")
            try:
                assert await refused_after(customers, "15550100002") < PATIENCE_SECONDS
                began_at = time.monotonic()
                assert "the store has not answered within 2 s" in await becomes(http, 503)
                assert (await http.get("/metrics")).status_code == 200
                assert time.monotonic() - began_at < 8
            finally:
                _send(stopped, "CONT")
            await becomes(http, 200)
            await answered(customers, 2, 40)


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]


def _send(pids: list[int], name: str) -> None:
    subprocess.run(["kill", f"-{name}", *map(str, pids)], check=False, capture_output=True)


async def test_a_row_that_somebody_locks_is_a_503_and_then_it_goes_on(tmp_path: Path, postgres: servers.Server) -> None:
    impatient = {"FRONTDESK__STORE__STATEMENT_TIMEOUT_SECONDS": "1.0", "FRONTDESK__STORE__POOL_MAX": "2"}
    async with shop(tmp_path, postgres.url, **impatient) as (customers, _, http), bare(postgres.url) as other:
        await customers.write("15550100001", "delivery?")
        await answered(customers, 1)
        held = other.transaction()
        await held.start()
        await other.execute("SELECT 1 FROM conversation FOR UPDATE")
        assert await refused_after(customers, "15550100001") < PATIENCE_SECONDS
        assert (await http.get("/metrics")).status_code == 200
        await held.rollback()
        await becomes(http, 200)
        await answered(customers, 2)
