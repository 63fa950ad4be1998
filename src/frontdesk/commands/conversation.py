"""`frontdesk conversation list|show`: who wrote, what was said, and who has it now."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import msgspec

from frontdesk.commands.options import config_option, json_option, limit_option
from frontdesk.commands.reading_store import find_conversation, reading_store
from frontdesk.commands.replay import tell_why
from frontdesk.commands.showing import show_line
from frontdesk.config import load
from frontdesk.core.effect import NotifyDesk
from frontdesk.core.transcript import transcript
from frontdesk.ports import Store

TOLD_MAX = 8
LOOKED_AT = 100_000
"""Conversations among which those who wait are looked for."""


@click.group()
def conversation() -> None:
    """Look at conversations."""


@conversation.command("list")
@config_option
@json_option
@limit_option
@click.option("--waiting", "is_waiting", is_flag=True, help="Only those that wait for a person.")
def list_conversations(config_file: Path | None, limit: int, *, as_json: bool, is_waiting: bool) -> None:
    """The conversations that changed last, the newest first. Times are of UTC."""
    settings = load(config_file, os.environ, is_development=True)

    async def run(store: Store) -> None:
        found = await store.conversations(LOOKED_AT if is_waiting else limit)
        if is_waiting:
            found = [one for one in found if one.handler == "queue"][:limit]
        if as_json:
            click.echo(msgspec.json.encode(found))
            return
        if not found:
            click.echo("nobody waits for a person" if is_waiting else "there is no conversation yet", err=True)
        for one in found:
            show_line(f"{one.id}  {one.updated_at:%Y-%m-%d %H:%M}  {one.handler:5}  {one.channel}  {one.name}")

    asyncio.run(reading_store(settings, run))


@conversation.command()
@config_option
@json_option
@click.option("--why", "says_why", is_flag=True, help="Why each answer was said: passages, model, calls, cost, flow.")
@click.argument("conversation")
def show(config_file: Path | None, conversation: str, *, as_json: bool, says_why: bool) -> None:
    """Print a conversation: who has it, every message with how far it came, and what people were told last. Times are
    of UTC.

    CONVERSATION is an id, or an address (a phone number in digits).
    """
    settings = load(config_file, os.environ, is_development=True)
    if says_why:
        tell_why(settings, conversation, as_json=as_json)
        return

    async def run(store: Store) -> None:
        known = await find_conversation(store, settings, conversation)
        state, messages = await store.conversation(known), await store.messages(known)
        told = [
            (entry.event.at, effect.reason)
            async for entry in store.journal(known)
            for effect in entry.effects
            if isinstance(effect, NotifyDesk)
        ][-TOLD_MAX:]
        if as_json:
            click.echo(msgspec.json.encode({"conversation": state, "messages": messages, "told": told}))
            return
        if state:
            addresses = ", ".join(f"{address.kind} {address.value}" for address in state.addresses)
            show_line(f"{state.name or '(no name)'} on {state.channel} ({addresses}), with: {state.handler}")
        for line in transcript(messages):
            show_line(line)
        for at, reason in told:
            show_line(f"{at:%Y-%m-%d %H:%M:%S}  people were told: {reason}")

    asyncio.run(reading_store(settings, run))
