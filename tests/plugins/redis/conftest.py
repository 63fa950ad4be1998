"""One server for all tests here, and keys of its own for each. TEST_REDIS_URL names another server."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractContextManager
from itertools import count

import pytest
from redis.asyncio import Redis

from frontdesk.plugin import Secret
from frontdesk.testing import servers
from frontdesk_plugins.redis.options import SignalOptions
from frontdesk_plugins.redis.signal import RedisSignal

_numbers = count(1)

Start = Callable[..., AbstractContextManager[servers.Server]]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """A ring that was left out is said aloud."""
    if servers.redis_command() is None:
        terminalreporter.write_line(f"{servers.NO_REDIS}; TEST_REDIS_URL serves some", red=True, bold=True)


def _missing() -> None:
    if os.environ.get("CI"):
        pytest.fail(servers.NO_REDIS)
    pytest.skip(servers.NO_REDIS)


@pytest.fixture(scope="session")
def shared_url() -> Iterator[str]:
    given = os.environ.get("TEST_REDIS_URL")
    if given:
        yield given
        return
    if servers.redis_command() is None:
        _missing()
    with servers.redis() as server:
        yield server.url


@pytest.fixture
def start() -> Start:
    """Starts a server of the test's own."""
    if servers.redis_command() is None:
        _missing()
    return servers.redis


@pytest.fixture
def server(start: Start) -> Iterator[servers.Server]:
    """A server that may be killed."""
    with start() as server:
        yield server


@pytest.fixture
def options(shared_url: str) -> SignalOptions:
    return SignalOptions(url=Secret(shared_url), prefix=f"test-{os.getpid()}-{next(_numbers)}")


@pytest.fixture
async def one(options: SignalOptions) -> AsyncIterator[RedisSignal]:
    """A process."""
    async with RedisSignal(options) as signal:
        yield signal


@pytest.fixture
async def other(options: SignalOptions) -> AsyncIterator[RedisSignal]:
    """Another process on the same server."""
    async with RedisSignal(options) as signal:
        yield signal


@pytest.fixture
async def bare(shared_url: str) -> AsyncIterator[Redis]:
    """A connection past the signal."""
    async with Redis.from_url(shared_url, decode_responses=True) as client:
        yield client
