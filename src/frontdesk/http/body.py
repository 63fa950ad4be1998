"""Reading a request's body: bounded, and not for ever."""

from __future__ import annotations

import asyncio

from starlette.requests import Request


class TooLarge(Exception):
    """The body is longer than we read."""


async def read_body(request: Request, *, bytes_max: int, seconds: float) -> bytes:
    """All of it. Raises TooLarge, TimeoutError and ClientDisconnect."""
    async with asyncio.timeout(seconds):
        if int(request.headers.get("content-length") or 0) > bytes_max:
            raise TooLarge
        parts, size = [], 0
        async for part in request.stream():
            parts.append(part)
            size += len(part)
            if size > bytes_max:
                raise TooLarge
        return b"".join(parts)
