"""A network that breaks when a test says so: a TCP proxy, and a load balancer where it has several targets."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, Self
from urllib.parse import urlsplit

CHUNK_BYTES = 65_536
CONNECT_SECONDS_MAX = 1.0

Target = tuple[str, int]
"""Host and port."""


class FaultProxy:
    """Listens on a port of this machine and passes on what comes, both ways, to the first target that accepts: each
    connection begins its search one target further, so that several share the load and a dead one costs nothing.

    `cut` closes everything and refuses what is new, like a service without its machine. `hang` accepts and passes
    nothing on, like a network that swallows packets: nobody is told, and what was written comes later. `heal` ends
    both. Open it with `async with`.
    """

    def __init__(self, port: int, *targets: Target) -> None:
        self.port = port
        self.connections = 0
        self._targets = targets
        self._turn = 0
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def cut(self) -> None:
        """Close all connections and refuse new ones, until `heal`."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def hang(self) -> None:
        """Accept connections, keep them, and pass nothing on, until `heal`."""
        self._flows.clear()

    async def heal(self) -> None:
        """Pass everything on again."""
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def __aenter__(self) -> Self:
        await self.heal()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.cut()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None:
            writer.transport.abort()  # it came with the cut
            return
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # also where a cut came before the task began

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection until one side ends it, or the network is cut."""
        ends = [writer]
        self.connections += 1
        try:
            await self._flows.wait()
            found = await self._connect()
            if found is not None:
                answers, other = found
                ends.append(other)
                await _either(self._pass_on(reader, other), self._pass_on(answers, writer))
        except asyncio.CancelledError:
            for end in ends:
                end.transport.abort()
            raise
        finally:
            self.connections -= 1
            for end in ends:
                end.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """To the first target that accepts; None where none does."""
        self._turn += 1
        for place in range(len(self._targets)):
            host, port = self._targets[(self._turn + place) % len(self._targets)]
            with suppress(OSError):  # TimeoutError is one
                async with asyncio.timeout(CONNECT_SECONDS_MAX):
                    return await asyncio.open_connection(host, port)
        return None

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One direction, until its end or until one side is gone."""
        with suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                await self._flows.wait()
                writer.write(data)
                await writer.drain()
            await self._flows.wait()


async def _either(*directions: Coroutine[Any, Any, None]) -> None:
    """Both directions until one has ended: none of the protocols here has anything to say after that."""
    tasks = [asyncio.create_task(direction) for direction in directions]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def target(url: str) -> Target:
    """Host and port of an address."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


def through(url: str, proxy: FaultProxy) -> str:
    """The same address by way of the proxy."""
    host, port = target(url)
    return url.replace(f"{host}:{port}", f"127.0.0.1:{proxy.port}")
