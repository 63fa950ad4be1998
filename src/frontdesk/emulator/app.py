"""The emulator as one ASGI application, or as routes and a lifespan for another one to take in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Route

from frontdesk.emulator.account import Account
from frontdesk.emulator.control import Control
from frontdesk.emulator.graph import Messages
from frontdesk.emulator.msg91 import Msg91
from frontdesk.emulator.options import EmulatorOptions
from frontdesk.emulator.phone import phone_routes
from frontdesk.emulator.shop import Shop
from frontdesk.emulator.vendor import Vendor


class Emulator:
    """The vendor with its `routes` and its `lifespan`.

    The routes take `/v<number>.<number>/…` and `/whatsapp_business/attachments/` (Meta's), `/api/v5/…` and
    `/whatsapp-haptik-media/…` (MSG91's), `/openrouter/…`, `/_emulator/…`, `/_shop/…` and `/phone…`, and nothing else,
    so they can stand beside a service at the root of one server.
    """

    def __init__(self, options: EmulatorOptions, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.vendor = Vendor(options, transport)
        self.account = Account(self.vendor)
        self.routes: list[BaseRoute] = [
            Route("/v{major:int}.{minor:int}/{node}/messages", Messages(self.vendor), methods=["POST"]),
            *Control(self.vendor).routes,
            *self.account.routes,
            *Msg91(self.vendor).routes,
            *phone_routes(options),
            *Shop().routes,
            *self.vendor.openrouter.routes,
        ]

    @asynccontextmanager
    async def lifespan(self, _: Any = None) -> AsyncIterator[None]:
        """Deliver webhooks while this is open."""
        delivering = asyncio.create_task(self.vendor.webhooks.run())
        try:
            yield
        finally:
            delivering.cancel()
            with suppress(asyncio.CancelledError):
                await delivering


def create_emulator(options: EmulatorOptions, transport: httpx.AsyncBaseTransport | None = None) -> Starlette:
    """The emulator on its own. `transport` carries the webhooks out; the default one is real HTTP.

    `app.state.emulator` is the `Emulator` behind it.
    """
    emulator = Emulator(options, transport)
    app = Starlette(routes=[*emulator.routes, *emulator.account.fallback], lifespan=emulator.lifespan)
    app.state.emulator = emulator
    return app
