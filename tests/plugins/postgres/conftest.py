"""One server for all tests here, and an empty database for each. TEST_DATABASE_URL names another server, whose role
may create databases."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from frontdesk.plugin import Secret
from frontdesk.testing import servers
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore

_numbers = count(1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A ring that was left out is said aloud."""
    if servers.postgres_install() is None and not os.environ.get("TEST_DATABASE_URL"):
        terminalreporter.write_line(servers.NO_POSTGRES, red=True, bold=True)
    if shutil.which("pgbouncer") is None:
        terminalreporter.write_line(servers.NO_POOLER, red=True, bold=True)


@pytest.fixture(scope="session")
def server_url() -> Iterator[str]:
    given = os.environ.get("TEST_DATABASE_URL")
    if given:
        yield given
        return
    if servers.postgres_install() is None:
        if os.environ.get("CI"):
            pytest.fail(servers.NO_POSTGRES)
        pytest.skip(servers.NO_POSTGRES)
    with servers.postgres() as server:
        yield server.url


def database(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


@asynccontextmanager
async def empty_database(server_url: str) -> AsyncIterator[str]:
    """A database that is gone with the block."""
    name = f"frontdesk_test_{os.getpid()}_{next(_numbers)}"
    admin = await asyncpg.connect(database(server_url, urlsplit(server_url).path.strip("/") or "postgres"))
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        yield database(server_url, name)
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.fixture
async def url(server_url: str) -> AsyncIterator[str]:
    """An empty database."""
    async with empty_database(server_url) as url:
        yield url


@pytest.fixture
async def second_url(server_url: str) -> AsyncIterator[str]:
    """Another one."""
    async with empty_database(server_url) as url:
        yield url


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def options(url: str) -> StoreOptions:
    return StoreOptions(url=Secret(url))


@pytest.fixture
async def one(options: StoreOptions, clock: ManualClock) -> AsyncIterator[PostgresStore]:
    """A process."""
    async with PostgresStore(options, clock=clock) as store:
        yield store


@pytest.fixture
async def other(options: StoreOptions, clock: ManualClock) -> AsyncIterator[PostgresStore]:
    """Another process on the same database."""
    async with PostgresStore(options, clock=clock) as store:
        yield store


@pytest.fixture
async def bare(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection past the store."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()
