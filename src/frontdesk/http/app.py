"""The application: routes, and what is opened while it runs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.routing import Route

from frontdesk.config import ServerSettings
from frontdesk.engine.engine import Engine
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.polling import Polling
from frontdesk.engine.worker import Worker
from frontdesk.http.api import Api
from frontdesk.http.health import Health
from frontdesk.http.security import SecurityHeaders
from frontdesk.http.webhooks import Webhooks
from frontdesk.ports import Channel, Clock

log = structlog.get_logger("frontdesk.http")


def create_app(  # noqa: PLR0913 -- one name a part; by keyword only
    *,
    engine: Engine,
    worker: Worker,
    polling: Polling,
    health: Health,
    api: Api,
    channels: Mapping[str, Channel],
    formers: Mapping[str, Channel],
    metrics: Metrics,
    clock: Clock,
    settings: ServerSettings,
    resources: Sequence[AbstractAsyncContextManager[Any]],
) -> Starlette:
    """The service as an ASGI application, with what its role asks for. Its lifespan opens `resources`, then the
    channels and the providers that they had before (`formers`), then works."""
    webhooks = Webhooks(
        engine=engine, channels=channels, formers=formers, metrics=metrics, clock=clock, settings=settings
    )

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            for resource in (*resources, *channels.values(), *formers.values()):
                await stack.enter_async_context(resource)
            await stack.enter_async_context(_running(engine.hear(), "hearing"))
            if settings.role != "web":
                await stack.enter_async_context(_running(polling.run(), "polling"))
                app.state.working = await stack.enter_async_context(_working(worker, health))
            log.info("ready", role=settings.role, channels=sorted(channels))
            yield
        log.info("stopped")

    places = ("/webhooks/{channel}", "/webhooks/{channel}/{part}")
    taking = [*(Route(place, webhooks.receive, methods=["GET", "POST"]) for place in places), *api.routes()]
    return Starlette(
        routes=[*(taking if settings.role != "worker" else ()), *health.routes()],
        middleware=[SecurityHeaders.middleware()],
        lifespan=lifespan,
    )


@asynccontextmanager
async def _running(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _working(worker: Worker, health: Health) -> AsyncIterator[asyncio.Task[None]]:
    working = asyncio.create_task(worker.run(), name="worker")
    health.watch(working)
    try:
        yield working
    finally:
        worker.stop()
        await asyncio.gather(working, return_exceptions=True)


def create_health_app(health: Health) -> Starlette:
    """Health and metrics alone, for a port of this one process; what they tell of is opened by the service's."""
    return Starlette(routes=health.routes(), middleware=[SecurityHeaders.middleware()])
