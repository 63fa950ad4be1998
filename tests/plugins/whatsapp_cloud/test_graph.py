"""Against a real server and the real transport: which broken calls may be repeated, and which may have gone through."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
from pyreqwest.client import ClientBuilder
from pyreqwest.compatibility.httpx import HttpxTransport

from frontdesk.core.message import Text
from frontdesk.ports import OutcomeUnknown, ProviderFailure, Sent, TemporaryFailure
from frontdesk_plugins.whatsapp_cloud import WhatsAppCloud
from plugins.whatsapp_cloud.support import Meta, channel, options, outgoing, tools

OK = b'{"messages":[{"id":"wamid.NEW"}]}'
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    return head + await reader.readexactly(int(length[1]) if length else 0)


def answer(head: bytes, body: bytes = b"") -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head + body)
        await writer.drain()

    return talk


def whole(body: bytes) -> Talk:
    return answer(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    await reader.read()


async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await answer(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b'{"mess')(reader, writer)
    await reader.read()


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_request(reader)


@asynccontextmanager
async def server(talk: Talk) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        yield f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"


@asynccontextmanager
async def connected(base_url: str, timeout_seconds: float = 5) -> AsyncIterator[WhatsAppCloud]:
    transport = HttpxTransport(ClientBuilder().follow_redirects(False).build())
    async with transport:
        yield WhatsAppCloud("main", options(base_url=base_url, timeout_seconds=timeout_seconds), tools(transport))


async def send_to(base_url: str, timeout_seconds: float = 5) -> Sent | ProviderFailure:
    async with connected(base_url, timeout_seconds) as provider:
        try:
            return await provider.send(outgoing(Text(body="hi")))
        except ProviderFailure as failure:
            return failure


async def send_through(talk: Talk, timeout_seconds: float = 5) -> Sent | ProviderFailure:
    async with server(talk) as base_url:
        return await send_to(base_url, timeout_seconds)


def test_a_whole_answer_is_an_answer() -> None:
    assert asyncio.run(send_through(whole(OK))) == Sent(provider_message_id="wamid.NEW")


@pytest.mark.parametrize(
    ("talk", "timeout_seconds"),
    [
        pytest.param(close_at_once, 5, id="closed after the request"),
        pytest.param(reset, 5, id="reset after the request"),
        pytest.param(hang, 0.3, id="no answer in time"),
        pytest.param(stall, 0.3, id="body stalls"),
        pytest.param(answer(b"HTTP/1.1 200 O"), 5, id="half a head"),
        pytest.param(answer(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", b'{"messages":'), 5, id="half a body"),
        pytest.param(answer(b"hello\r\n\r\n"), 5, id="no HTTP"),
        pytest.param(whole(b"<html>"), 5, id="no JSON"),
        pytest.param(answer(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n"), 5, id="502"),
    ],
)
def test_what_may_have_gone_through_is_unknown(talk: Talk, timeout_seconds: float) -> None:
    assert isinstance(asyncio.run(send_through(talk, timeout_seconds)), OutcomeUnknown)


def test_a_kept_connection_that_breaks_is_unknown_too() -> None:
    async def once_then_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await whole(OK)(reader, writer)
        await read_request(reader)

    async def send_twice() -> None:
        async with server(once_then_close) as base_url, connected(base_url) as provider:
            await provider.send(outgoing(Text(body="hi")))
            await provider.send(outgoing(Text(body="hi")))

    with pytest.raises(OutcomeUnknown):
        asyncio.run(send_twice())


def test_a_refused_connection_is_temporary() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert isinstance(asyncio.run(send_to(f"http://127.0.0.1:{port}")), TemporaryFailure)


def test_a_name_that_nobody_has_is_temporary() -> None:
    assert isinstance(asyncio.run(send_to("https://nowhere.invalid")), TemporaryFailure)


def test_a_server_without_tls_is_temporary() -> None:
    async def speak_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def run() -> Sent | ProviderFailure:
        async with server(speak_at_once) as base_url:
            return await send_to(base_url.replace("http:", "https:"))

    assert isinstance(asyncio.run(run()), TemporaryFailure)


@pytest.mark.parametrize(
    ("error", "is_unknown"),
    [
        (httpx.ConnectError("no"), False),
        (httpx.ConnectTimeout("no"), False),
        (httpx.PoolTimeout("no"), False),
        (httpx.ReadTimeout("no"), True),
        (httpx.WriteError("no"), True),
        (httpx.RemoteProtocolError("no"), True),
        (OSError("no"), True),
        (ValueError("no"), True),
    ],
)
def test_other_transports_are_taken_at_their_word(error: Exception, is_unknown: bool) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise error

    with pytest.raises(OutcomeUnknown if is_unknown else TemporaryFailure):
        asyncio.run(channel(fail).send(outgoing(Text(body="hi"))))


def test_no_failure_shows_the_token() -> None:
    failure = asyncio.run(send_through(close_at_once))
    assert "EAAtoken" not in repr(failure)
    assert "EAAtoken" not in repr(channel(Meta()).__dict__)
