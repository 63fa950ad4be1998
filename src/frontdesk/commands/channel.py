"""`frontdesk channel …`: what operators need when a number changes hands."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path

import click
import msgspec
from msgspec import Struct

from frontdesk.commands.options import config_option, json_option
from frontdesk.commands.reading_store import container_for, reading_store
from frontdesk.config import Settings, load
from frontdesk.core.capabilities import Capabilities
from frontdesk.core.conversation import Conversation
from frontdesk.core.decide import decide
from frontdesk.core.event import ChannelChanged, identify
from frontdesk.core.policy import Policy
from frontdesk.engine.carrying import uncarried
from frontdesk.plugin import ConfigError
from frontdesk.ports import Store

LEFT_SHOWN = 20


class Moved(Struct, frozen=True, kw_only=True):
    """What came of a move. `left`: conversations that stay, for their contact has another one on the target.
    `astray`: those that are not where they should be. `failing`: those with something still to be sent that the target
    cannot carry, so that it fails and people see it."""

    source: str
    target: str
    moved: int
    left: tuple[str, ...]
    astray: tuple[str, ...]
    failing: tuple[str, ...] = ()


@click.group()
def channel() -> None:
    """Look after channels."""


@channel.command()
@config_option
@json_option
@click.option("--anyway", is_flag=True, help="Even where TO cannot carry what is still to be sent; people then see it.")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
def move(config_file: Path | None, source: str, target: str, *, as_json: bool, anyway: bool) -> None:
    """Let the conversations of channel FROM go on by channel TO: history, service window, flows under way and what is
    still to be sent. Each goes whole or not at all; run it again where it was interrupted.

    A contact who has a conversation on TO already keeps both; the one on FROM stays there and is named. Exit status 1
    if any stays. Nothing is moved where TO cannot carry what is still to be sent (a sticker, say), unless --anyway: it
    fails then, and people see it. SQLite must not be served meanwhile.
    """
    settings = load(config_file, os.environ, is_development=True)
    if source == target:
        raise ConfigError(f"FROM and TO are both {source!r}; name two channels")
    if target not in settings.channels:
        known = ", ".join(settings.channels) or "none"
        raise ConfigError(f"there is no [channels.{target}] in {settings.where}; add it (there are: {known})")
    found = asyncio.run(_run(settings, source, target, anyway=anyway))
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        _tell(found)
    if found.left or found.astray:
        sys.exit(1)


async def _run(settings: Settings, source: str, target: str, *, anyway: bool) -> Moved:
    can = container_for(settings).capabilities().get(target, Capabilities())
    await reading_store(settings, lambda store: _any(store, source))  # no database is made by looking for one
    container = container_for(msgspec.structs.replace(settings, channels={}))
    async with container.store() as store:
        failing = await _failing(store, source, target, can)
        if failing and not anyway:
            raise ConfigError(_refusal(source, target, failing))
        found = await move_channel(store, source, target, settings.policy, container.clock().now)
        return msgspec.structs.replace(found, failing=tuple(failing))


async def _failing(store: Store, source: str, target: str, can: Capabilities) -> dict[str, str]:
    """The conversations with something still to be sent that the target cannot carry, and why."""
    found: dict[str, str] = {}
    async for state in store.conversations_on(source):
        why = await uncarried(store, state, can)
        if why and not await _is_known(store, target, state):
            found[state.id] = why
    return found


def _refusal(source: str, target: str, failing: Mapping[str, str]) -> str:
    named = ", ".join(f"{known} ({why})" for known, why in list(failing.items())[:LEFT_SHOWN])
    more = f" and {len(failing) - LEFT_SHOWN} more" if len(failing) > LEFT_SHOWN else ""
    return (
        f"nothing was moved, for {target} cannot carry what is still to be sent in {len(failing)} conversations: "
        f"{named}{more}; let {source} send it first, or add --anyway: then it fails, and people see it"
    )


async def _any(store: Store, channel_name: str) -> bool:
    async for _ in store.conversations_on(channel_name):
        return True
    return False


async def move_channel(store: Store, source: str, target: str, policy: Policy, now: Callable[[], datetime]) -> Moved:
    """Move every conversation that can be moved, and look whether it is where it should be. Raises StoreUnavailable;
    what was moved by then stays moved."""
    moved: list[str] = []
    left: list[str] = []
    async for state in store.conversations_on(source):
        if await _is_known(store, target, state):
            left.append(state.id)
        else:
            await store.apply(_event(state, target, now()), partial(decide, policy=policy))
            moved.append(state.id)
    astray = [known for known in moved if not await _is_there(store, target, known)]
    return Moved(source=source, target=target, moved=len(moved), left=tuple(left), astray=tuple(astray))


def _event(state: Conversation, target: str, at: datetime) -> ChannelChanged:
    return ChannelChanged(
        id=identify("channel_changed", state.id, state.channel, target, at.isoformat()),
        at=at,
        channel=state.channel,
        conversation_id=state.id,
        target=target,
        addresses=state.addresses,
        leaves=True,
    )


async def _is_known(store: Store, target: str, state: Conversation) -> bool:
    owners = [await store.find(target, address.value) for address in state.addresses]
    return any(owner not in (None, state.id) for owner in owners)


async def _is_there(store: Store, target: str, known: str) -> bool:
    state = await store.conversation(known)
    if state is None or state.channel != target:
        return False
    return all([await store.find(target, address.value) == known for address in state.addresses])


def _tell(found: Moved) -> None:
    if found.moved:
        click.echo(f"{found.moved} conversations go on by {found.target}, and are found there")
    elif not found.left:
        click.echo(f"no conversation is on {found.source}: all have been moved, or its name is another one")
    for known, why in (
        (found.left, f"stay on {found.source}, for their contact has another one on {found.target}"),
        (found.astray, "are not where they should be; run the command again"),
        (found.failing, f"hold what {found.target} cannot carry; it fails when it is sent, and people see it"),
    ):
        if known:
            more = f" and {len(known) - LEFT_SHOWN} more" if len(known) > LEFT_SHOWN else ""
            click.echo(f"{len(known)} {why}: {', '.join(known[:LEFT_SHOWN])}{more}")
