"""Runs an application with uvicorn, as this service wants it run."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, nullcontext, suppress
from typing import Any, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette

from frontdesk.config import ServerSettings
from frontdesk.http.security import impatient_protocol
from frontdesk.plugin import ConfigError

_Result = TypeVar("_Result")

GRACE_SECONDS = 4
"""For requests under way at SIGTERM; draining and the worker's own time come on top, 25 s in all with its default."""

DRAIN_SECONDS = 0.5
"""How long connections that are open at SIGTERM may still bring a request that is on its way."""


def bind(settings: ServerSettings, key: str = "server.port") -> socket.socket:
    """The listening socket. Raises ConfigError when the address is taken, not ours or none; `key` set the port."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except (OSError, OverflowError, TypeError) as error:
        listening.close()
        raise ConfigError(
            f"cannot listen on {settings.host}:{settings.port} ({getattr(error, 'strerror', None) or error}); "
            f"stop what uses it, or set another {key}"
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


def bind_metrics(settings: ServerSettings, number: int) -> socket.socket | None:
    """The socket on which process `number` alone shows its health and metrics, if there is to be one."""
    if not settings.metrics_port:
        return None
    own = msgspec.structs.replace(settings, port=settings.metrics_port + number)
    return bind(own, "server.metrics_port")


class Server(uvicorn.Server):
    """Opens and closes the application itself. uvicorn would run the lifespan in a task of its own and log why it
    failed as a traceback; here `serve` raises what opening raised, which is a sentence for whoever started it."""

    def __init__(self, app: Starlette, config: uvicorn.Config, announce: Callable[[], object]) -> None:
        super().__init__(config)
        self._app = app
        self._announce = announce
        self._opened = AsyncExitStack()
        self._aside: tuple[Starlette, socket.socket] | None = None

    def serve_aside(self, app: Starlette, listening: socket.socket) -> None:
        """Serve another application on a socket of its own, for as long as the first one is open."""
        self._aside = (app, listening)

    @property
    def has_failed(self) -> bool:
        """Whether the worker ended with an error that nobody foresaw."""
        working: asyncio.Task[None] | None = getattr(self._app.state, "working", None)
        return working is not None and working.done() and not working.cancelled() and working.exception() is not None

    async def on_tick(self, counter: int) -> bool:
        """End also when the worker failed: a process that answers nothing any more only looks like one, and whoever
        started it starts another."""
        return await super().on_tick(counter) or self.has_failed

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Open, then listen, then say so."""
        await self._opened.enter_async_context(self._app.router.lifespan_context(self._app))
        if self._aside:
            await self._opened.enter_async_context(_serving_aside(*self._aside))
        await super().startup(sockets)
        self._announce()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Finish the requests under way, then close."""
        for listener in self.servers:
            listener.close()
        await self._drain()
        await super().shutdown(sockets)
        await self._opened.aclose()

    async def _drain(self) -> None:
        """uvicorn closes at once what seems idle, also a connection whose request is in the kernel's buffer or on the
        wire, and with it the request. So what still comes is answered, and told to come by another connection."""
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECONDS):
                while self.server_state.connections:  # noqa: ASYNC110 -- uvicorn's set says nothing when it changes
                    await asyncio.sleep(0.02)


class _Aside(uvicorn.Server):
    """A server that leaves the signals to the first one."""

    def capture_signals(self) -> AbstractContextManager[None]:  # type: ignore[override]
        return nullcontext()


@asynccontextmanager
async def _serving_aside(app: Starlette, listening: socket.socket) -> AsyncIterator[None]:
    config = uvicorn.Config(
        app, ws="none", lifespan="off", log_config=None, access_log=False, server_header=False,
        timeout_graceful_shutdown=1,
    )  # fmt: skip
    running = _Aside(config)
    serving = asyncio.create_task(running.serve([listening]))
    try:
        yield
    finally:
        running.should_exit = True
        await serving


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
