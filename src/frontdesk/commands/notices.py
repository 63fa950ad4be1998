"""`frontdesk notices`: what the account's people should know and belongs to no conversation."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import click
import msgspec

from frontdesk.commands.options import config_option, json_option, limit_option
from frontdesk.commands.reading_store import reading_store
from frontdesk.commands.showing import show_line
from frontdesk.config import load
from frontdesk.ports import Store


@click.command()
@config_option
@json_option
@limit_option
def notices(config_file: Path | None, limit: int, *, as_json: bool) -> None:
    """What belongs to no conversation: the account's news, alarms, what could not be read; the newest first. Times
    are of UTC."""
    settings = load(config_file, os.environ, is_development=True)

    async def run(store: Store) -> None:
        found = await store.notices(limit)
        if as_json:
            click.echo(msgspec.json.encode(found))
            return
        if not found:
            click.echo("there are no notices", err=True)
        for one in found:
            mark = "ALARM" if one.is_alarm else ""
            show_line(f"{one.at:%Y-%m-%d %H:%M}  {mark:5}  {one.channel}  {one.kind}: {one.text}")

    asyncio.run(reading_store(settings, run))
