"""The application: routes, and what is opened while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from frontdesk.config import ServerSettings
from frontdesk.engine.engine import Engine
from frontdesk.engine.gate import Gate
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.worker import Worker
from frontdesk.http.health import Health
from frontdesk.http.security import SecurityHeaders
from frontdesk.http.webhooks import Webhooks
from frontdesk.ports import Channel, Clock, Signal, Store

log = structlog.get_logger("frontdesk.http")


def create_app(  # noqa: PLR0913 -- one name a part; by keyword only
    *,
    engine: Engine,
    worker: Worker,
    store: Store,
    signal: Signal,
    channels: Mapping[str, Channel],
    gates: Mapping[str, Gate],
    metrics: Metrics,
    clock: Clock,
    settings: ServerSettings,
    resources: Sequence[AbstractAsyncContextManager[Any]],
) -> Starlette:
    """The service as an ASGI application. Its lifespan opens `resources`, then the channels, then works."""
    health = Health(store=store, signal=signal, gates=gates, metrics=metrics, clock=clock)
    webhooks = Webhooks(engine=engine, channels=channels, metrics=metrics, clock=clock, settings=settings)

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for resource in (*resources, *channels.values()):
                await stack.enter_async_context(resource)
            working = asyncio.create_task(worker.run(), name="worker")
            health.watch(working)
            log.info("ready", channels=sorted(channels))
            try:
                yield
            finally:
                worker.stop()
                await asyncio.gather(working, return_exceptions=True)
                log.info("stopped")

    return Starlette(
        routes=[
            Route("/webhooks/{channel}", webhooks.receive, methods=["GET", "POST"]),
            Route("/healthz", health.live),
            Route("/readyz", health.ready),
            Route("/metrics", health.metrics),
        ],
        middleware=[SecurityHeaders.middleware()],
        lifespan=lifespan,
    )
