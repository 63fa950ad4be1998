"""Runs an application with uvicorn, as this service wants it run."""

from __future__ import annotations

import asyncio
import gc
import socket
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvicorn
from starlette.types import ASGIApp

from frontdesk.config import ServerSettings
from frontdesk.http.security import impatient_protocol
from frontdesk.plugin import ConfigError

_Result = TypeVar("_Result")

GRACE_SECONDS = 5
"""For requests under way at SIGTERM; the worker's own time comes on top, 25 s in all with its default."""


def bind(settings: ServerSettings) -> socket.socket:
    """The listening socket. Raises ConfigError when the address is taken or not ours."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((settings.host, settings.port))
    except OSError as error:
        listening.close()
        raise ConfigError(
            f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); "
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


def server(app: ASGIApp, settings: ServerSettings) -> uvicorn.Server:
    """A server for `app`; run it with `await server.serve([bind(settings)])`."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=impatient_protocol(settings.request_seconds),
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE_SECONDS,
            backlog=2_048,
        )
    )
