"""The broken network: what it passes on, keeps back and refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest

from frontdesk.testing.process import free_port, until
from frontdesk.testing.proxy import FaultProxy, target, through

pytestmark = pytest.mark.anyio


async def listen(stack: AsyncExitStack, name: bytes) -> asyncio.Server:
    """A server that says its name before what it is told."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(name + line)
        writer.close()

    return await stack.enter_async_context(await asyncio.start_server(answer, "127.0.0.1", free_port()))


def port(server: asyncio.Server) -> int:
    return int(server.sockets[0].getsockname()[1])


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
async def proxy(stack: AsyncExitStack) -> FaultProxy:
    """Before two servers, `a` and `b`."""
    targets = [("127.0.0.1", port(await listen(stack, name))) for name in (b"a", b"b")]
    return await stack.enter_async_context(FaultProxy(free_port(), *targets))


class Line:
    """A connection through the proxy."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def open(cls, stack: AsyncExitStack, proxy: FaultProxy) -> Line:
        line = cls(*await asyncio.open_connection("127.0.0.1", proxy.port))
        stack.callback(line.writer.close)
        return line

    async def says(self, text: bytes = b"hi\n") -> bytes:
        self.writer.write(text)
        return await asyncio.wait_for(self.reader.readline(), 2)


async def test_connections_take_turns_and_a_dead_target_is_passed_over(stack: AsyncExitStack) -> None:
    servers = [await listen(stack, name) for name in (b"a", b"b")]
    proxy = FaultProxy(free_port(), *(("127.0.0.1", port(server)) for server in servers))
    await stack.enter_async_context(proxy)
    assert {await (await Line.open(stack, proxy)).says() for _ in range(4)} == {b"ahi\n", b"bhi\n"}
    servers[0].close()
    assert {await (await Line.open(stack, proxy)).says() for _ in range(4)} == {b"bhi\n"}


async def test_a_cut_closes_and_refuses_and_is_healed(stack: AsyncExitStack, proxy: FaultProxy) -> None:
    line = await Line.open(stack, proxy)
    await line.says()
    await proxy.cut()
    with suppress(ConnectionResetError):
        assert await asyncio.wait_for(line.reader.read(), 2) == b""
    with pytest.raises(ConnectionRefusedError):
        await Line.open(stack, proxy)
    await proxy.heal()
    assert (await (await Line.open(stack, proxy)).says()).endswith(b"hi\n")


async def test_what_hangs_comes_later_and_nobody_is_told(stack: AsyncExitStack, proxy: FaultProxy) -> None:
    line = await Line.open(stack, proxy)
    await line.says()
    proxy.hang()
    line.writer.write(b"later\n")
    another = await Line.open(stack, proxy)
    another.writer.write(b"too\n")
    answers = [asyncio.create_task(one.reader.readline()) for one in (line, another)]
    done, _ = await asyncio.wait(answers, timeout=0.1)
    assert not done
    await proxy.heal()
    assert [(await asyncio.wait_for(answer, 2))[1:] for answer in answers] == [b"later\n", b"too\n"]


async def test_an_end_on_one_side_is_one_on_the_other(stack: AsyncExitStack, proxy: FaultProxy) -> None:
    line = await Line.open(stack, proxy)
    await line.says()
    line.writer.close()
    await until(lambda: proxy.connections == 0, 2, "the proxy has let go of it")


async def test_without_a_target_a_connection_ends(stack: AsyncExitStack) -> None:
    proxy = await stack.enter_async_context(FaultProxy(free_port(), ("127.0.0.1", free_port())))
    line = await Line.open(stack, proxy)
    assert await asyncio.wait_for(line.reader.read(), 2) == b""


def test_an_address_is_led_through_it() -> None:
    proxy = FaultProxy(12_345)
    assert through("postgresql://me@db.example:5432/desk", proxy) == "postgresql://me@127.0.0.1:12345/desk"
    assert target("redis://127.0.0.1:6379/0") == ("127.0.0.1", 6379)
