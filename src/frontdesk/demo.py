"""A sample shop with WhatsApp in the box: the real service and the emulator on one server, in a temporary folder."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

import click
import httpx
import structlog
import uvicorn
from msgspec import Struct
from starlette.applications import Starlette
from starlette.routing import Mount

from frontdesk.config import ServerSettings, Settings, build
from frontdesk.container import Container
from frontdesk.emulator.app import Emulator, create_emulator
from frontdesk.emulator.options import EmulatorOptions, VendorName, channel_section, secrets_of
from frontdesk.http.server import bind, server
from frontdesk.plugin import ConfigError, load_plugins

PHONE = "15550100777"
REPLY_SECONDS_MAX = 8.0

SCRIPT = (
    ("hi", 2),
    ("track my order", 1),
    ("A1001", 2),
    ("What does delivery cost, and how long does it take?", 1),
    ("Can I return shoes that do not fit?", 1),
    ("I want to talk to a human", 1),
)
"""What the customer of `demo --once` says, and how many messages come back."""


class Shop(Struct, frozen=True, kw_only=True):
    """A running demo: where it is, what it is made of, and the task that ends on Ctrl-C."""

    url: str
    serving: asyncio.Task[None]
    container: Container


def knowledge_folder() -> Path:
    """The sample knowledge: of the working directory, of an installed package, or of the checkout this file is in."""
    return _sample("knowledge")


def flow_folder() -> Path:
    """The sample flows, found like the knowledge."""
    return _sample("flows")


def _sample(name: str) -> Path:
    here = Path("config") / name
    packaged = Path(str(files("frontdesk") / "sample" / name))
    return next((folder for folder in (here, packaged) if folder.is_dir()), Path(__file__).parents[2] / here)


def settings_for(
    options: EmulatorOptions, url: str, data_dir: Path, *, host: str, port: int, has_flows: bool = True
) -> Settings:
    """The service's settings for an emulated account."""
    tree: dict[str, Any] = {
        "data_dir": str(data_dir),
        "server": {"host": host, "port": port},
        "knowledge": {"folder": str(knowledge_folder())},
        "flows": {"folder": str(flow_folder()) if has_flows and flow_folder().is_dir() else ""},
        "hosts": {"shop": {"base_url": f"{url}/_shop", "is_private": True}},
        "channels": {
            "main": channel_section(options),
        },
    }
    return build(tree, secrets_of(options), where="the demo")


@asynccontextmanager
async def open_shop(
    host: str, port: int, *, has_flows: bool = True, vendor: VendorName = "meta"
) -> AsyncIterator[Shop]:
    """Run the shop until the block ends; everything it wrote is gone afterwards. Without flows it answers from its
    knowledge alone."""
    with tempfile.TemporaryDirectory(prefix="frontdesk-demo-") as folder:
        listening = bind(ServerSettings(host=host, port=port))
        port = listening.getsockname()[1]
        url = f"http://127.0.0.1:{port}"
        options = EmulatorOptions(callback_url=f"{url}/webhooks/main", public_url=url, vendor=vendor)
        settings = settings_for(options, url, Path(folder), host=host, port=port, has_flows=has_flows)
        container = Container(settings=settings, offers=load_plugins(settings.plugins()))
        running = server(side_by_side(container.app(), Emulator(options)), settings.server)
        serving = asyncio.create_task(running.serve([listening]))
        try:
            await _started(running, serving)
            yield Shop(url=url, serving=serving, container=container)
        finally:
            running.should_exit = True
            await asyncio.gather(serving, return_exceptions=True)


def side_by_side(service: Starlette, emulator: Emulator) -> Starlette:
    """Both on one server: they share no paths."""

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(service.router.lifespan_context(service))
            await stack.enter_async_context(emulator.lifespan(app))
            yield

    return Starlette(routes=[*emulator.routes, Mount("/", service)], lifespan=lifespan)


async def _started(running: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    while not running.started:
        if serving.done():
            raise serving.exception() or ConfigError("the demo's server did not start; see the lines above")
        await asyncio.sleep(0.01)


async def run(host: str, port: int, vendor: VendorName) -> None:
    """Until Ctrl-C."""
    async with open_shop(host, port, vendor=vendor) as shop:
        click.echo("The sample shop is open. Nothing leaves this machine.\n")
        click.echo(f"  a customer's phone   {shop.url}/phone")
        click.echo(f"  what was sent        {shop.url}/_emulator/ledger")
        click.echo(f"  health and metrics   {shop.url}/readyz  {shop.url}/metrics")
        click.echo("\nCtrl-C closes it.")
        await asyncio.shield(shop.serving)


async def play_once(vendor: VendorName) -> None:
    """The scripted conversation, through signed webhooks and the emulated Graph API. Raises ConfigError if an answer
    does not come."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    began_at = time.perf_counter()
    async with open_shop("127.0.0.1", 0, vendor=vendor) as shop, httpx.AsyncClient(base_url=shop.url) as http:
        seen = 0
        for words, answers in SCRIPT:
            seen = await say(http, words, seen, answers)
        store = shop.container.store()
        found = await store.find("main", PHONE)
        state = await store.conversation(found)
        click.echo(f"\nThe conversation is now with: {state.handler} (a person answers from here)")
    click.echo(
        f"Played in {time.perf_counter() - began_at:.1f} s; every message was verified, stored, answered and tracked."
    )


async def say(http: httpx.AsyncClient, words: str, seen: int, answers: int) -> int:
    """The customer writes and so many messages come back, all of it printed; the number of the last one. `seen`: the
    number before. Raises ConfigError where they do not come."""
    click.echo(f"customer  {words}")
    body = {"type": "text", "text": words}
    (await http.post(f"/_emulator/contacts/{PHONE}/messages", json=body)).raise_for_status()
    for entry in await _answers(http, seen, answers):
        seen = entry["seq"]
        for line in entry["text"].splitlines():
            click.echo(f"    shop  {line}")
    return seen


async def _answers(http: httpx.AsyncClient, since: int, count: int) -> list[dict[str, Any]]:
    deadline = time.monotonic() + REPLY_SECONDS_MAX
    while time.monotonic() < deadline:
        entries: list[dict[str, Any]] = (await http.get("/_emulator/ledger", params={"since": since})).json()
        if len(entries) >= count:
            return entries
        await asyncio.sleep(0.05)
    raise ConfigError(f"no answer came within {REPLY_SECONDS_MAX:.0f} s; run frontdesk demo and look at /readyz")


async def emulate(host: str, port: int, **options: str) -> None:
    """The emulator alone, for a service that runs elsewhere."""
    settings = ServerSettings(host=host, port=port)
    listening = bind(settings)
    url = f"http://{host}:{listening.getsockname()[1]}"
    app = create_emulator(EmulatorOptions(public_url=url, **options))  # type: ignore[arg-type]  # names of click's options
    click.echo(f"The emulated vendors listen on {url}; a customer's phone: {url}/phone", err=True)
    await server(app, settings).serve([listening])
