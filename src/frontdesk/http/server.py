"""Runs an application with uvicorn, as this service wants it run."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Callable, Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import uvicorn
from starlette.applications import Starlette

from frontdesk.config import ServerSettings
from frontdesk.http.security import impatient_protocol
from frontdesk.plugin import ConfigError

_Result = TypeVar("_Result")

GRACE_SECONDS = 5
"""For requests under way at SIGTERM; the worker's own time comes on top, 25 s in all with its default."""


def bind(settings: ServerSettings) -> socket.socket:
    """The listening socket. Raises ConfigError when the address is taken, not ours or none."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except (OSError, OverflowError, TypeError) as error:
        listening.close()
        raise ConfigError(
            f"cannot listen on {settings.host}:{settings.port} ({getattr(error, 'strerror', None) or error}); "
            "stop what uses it, or set another server.port"
        ) from error
    listening.setblocking(False)  # noqa: FBT003 -- the library's own word
    return listening


def run(serving: Coroutine[Any, Any, _Result]) -> _Result:
    """Like `asyncio.run`, on uvloop where it is to be had, with a collector that does not walk again and again over
    what was imported and over the conversations that the store remembers."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    with asyncio.Runner(loop_factory=uvicorn.Config("", log_config=None).get_loop_factory()) as runner:
        return runner.run(serving)


class Server(uvicorn.Server):
    """Opens and closes the application itself. uvicorn would run the lifespan in a task of its own and log why it
    failed as a traceback; here `serve` raises what opening raised, which is a sentence for whoever started it."""

    def __init__(self, app: Starlette, config: uvicorn.Config, announce: Callable[[], object]) -> None:
        super().__init__(config)
        self._app = app
        self._announce = announce
        self._opened = AsyncExitStack()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open, then listen, then say so."""
        await self._opened.enter_async_context(self._app.router.lifespan_context(self._app))
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests under way, then close."""
        await super().shutdown(sockets)
        await self._opened.aclose()


def server(app: Starlette, settings: ServerSettings, announce: Callable[[], object] = lambda: None) -> Server:
    """A server for `app`; run it with `await server.serve([bind(settings)])`, which raises what the lifespan raises
    and calls `announce` as soon as requests are answered."""
    return Server(
        app,
        uvicorn.Config(
            app,
            http=impatient_protocol(settings.request_seconds),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            backlog=2_048,
        ),
        announce,
    )
