"""Headers that every answer carries, and the guards against clients that never finish."""

from __future__ import annotations

import asyncio

from starlette.middleware import Middleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
)

HEADER_BYTES_MAX = 32_768


class SecurityHeaders:
    """Adds what an answer does not say itself; plain ASGI, since every request passes here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    @classmethod
    def middleware(cls) -> Middleware:
        """As Starlette takes it."""
        return Middleware(cls)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI call."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                said = {name for name, _ in headers}
                message["headers"] = [*headers, *(header for header in _HEADERS if header[0] not in said)]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def impatient_protocol(head_seconds: float) -> type[asyncio.Protocol]:
    """uvicorn's HTTP protocol, which by itself waits for ever for a request line and headers, closing a connection
    whose head is not complete in `head_seconds` or longer than `HEADER_BYTES_MAX`."""

    class ImpatientProtocol(HttpToolsProtocol):
        _deadline: asyncio.TimerHandle | None = None
        _header_bytes = 0

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._deadline = self.loop.call_later(head_seconds, transport.close)

        def connection_lost(self, exc: Exception | None) -> None:
            self._relax()
            super().connection_lost(exc)

        def on_message_begin(self) -> None:
            self._header_bytes = 0
            if self._deadline is None:
                self._deadline = self.loop.call_later(head_seconds, self.transport.close)
            super().on_message_begin()

        def on_header(self, name: bytes, value: bytes) -> None:
            self._header_bytes += len(name) + len(value)
            if self._header_bytes > HEADER_BYTES_MAX:
                self.transport.close()
                return
            super().on_header(name, value)

        def on_headers_complete(self) -> None:
            self._relax()
            super().on_headers_complete()

        def _relax(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

    return ImpatientProtocol
