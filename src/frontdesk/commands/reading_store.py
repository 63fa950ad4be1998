"""What commands need that look into the store of a configuration: the service may be running meanwhile."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec

from frontdesk import serving
from frontdesk.config import Settings
from frontdesk.container import Container
from frontdesk.plugin import ConfigError
from frontdesk.ports import Store

Found = TypeVar("Found")


def container_for(settings: Settings, **values: bool) -> Container:
    """A container for settings, with the plugins that they name; `values` of its nodes. Raises ConfigError."""
    return Container(settings=settings, offers=serving.offers_for(settings), **values)


async def reading_store(settings: Settings, run: Callable[[Store], Awaitable[Found]]) -> Found:
    """Run something on the store, opened for reading only."""
    named = msgspec.structs.replace(settings, channels={})
    container = container_for(named, is_read_only=True)
    async with container.store() as store:
        return await run(store)


async def find_conversation(store: Store, settings: Settings, named: str) -> str:
    """The id of a conversation that is named by it or by an address. Raises ConfigError."""
    wanted = named.encode(errors="replace").decode()  # a shell may hand over what is no text
    if await store.conversation(wanted):
        return wanted
    for channel in settings.channels or ("main",):
        known = await store.find(channel, wanted.lstrip("+"))
        if known:
            return known
    raise ConfigError(f"there is no conversation {wanted!r}; frontdesk conversation list shows the newest")
