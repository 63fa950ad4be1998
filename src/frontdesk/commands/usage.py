"""`frontdesk usage`: what answers and messages cost, from the ledger."""

from __future__ import annotations

import asyncio
import csv
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast, get_args

import click
import msgspec
from rich.console import Console
from rich.table import Table

from frontdesk.commands.options import config_option, json_option
from frontdesk.commands.reading_store import reading_store
from frontdesk.config import load
from frontdesk.core.money import message_price
from frontdesk.core.usage import By, Spent, Sum, sum_up
from frontdesk.ports import Store

SHOWN_FOR = timedelta(days=30)
PIPED_CHARACTERS = 200
"""Where nobody looks, lines are not folded."""

COLUMNS = ("calls", "messages", "unanswered", "tokens_in", "tokens_out", "tokens_cached", "usd", "usd_estimated")


def _day(_context: click.Context, _parameter: click.Parameter, value: str | None) -> datetime | None:
    try:
        return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC) if value else None
    except ValueError as error:
        raise click.BadParameter(f"{value!r} is no day; write it as 2026-11-30") from error


@click.command("usage")
@config_option
@click.option(
    "--by", type=click.Choice(get_args(By)), default="day", show_default=True, help="A line for each of them."
)
@click.option("--since", callback=_day, metavar="YYYY-MM-DD", help="The first day, in UTC (default: 30 days ago).")
@click.option("--csv", "as_csv", is_flag=True, help="For a spreadsheet.")
@json_option
def usage(config_file: Path | None, by: str, since: datetime | None, *, as_csv: bool, as_json: bool) -> None:
    """What language models and messages cost, in USD.

    "unanswered" counts calls that cost something and brought nothing; "usd_estimated" is the part of the amount that no
    vendor has told. A call is of the day (UTC) on which it began.
    """
    if as_csv and as_json:
        raise click.UsageError("Give --csv or --json, not both.")
    settings = load(config_file, os.environ, is_development=True)
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)  # noqa: TID251 -- a person's today
    first = since or today - SHOWN_FOR

    async def read(store: Store) -> Sequence[Spent]:
        return await store.spent(first)

    spent = asyncio.run(reading_store(settings, read))
    found = sum_up(spent, cast("By", by))
    if as_json:
        click.echo(msgspec.json.encode({"by": by, "since": f"{first:%Y-%m-%d}", "lines": found}))
    elif as_csv:
        lines = csv.writer(sys.stdout)
        lines.writerow([by, *COLUMNS])
        lines.writerows(_cells(one) for one in found)
    else:
        Console(width=None if sys.stdout.isatty() else PIPED_CHARACTERS).print(
            _table(by, [*found, *sum_up(spent, None)])
        )
        _tell_unpriced(spent, settings.money.message_prices)


def _tell_unpriced(spent: Sequence[Spent], prices: Mapping[str, str]) -> None:
    """An amount without the messages' is no amount to plan with. What a vendor says is free is free."""
    sent = {one.model for one in spent if one.task == "message" and one.unpriced}
    missing = [kind for kind in sorted(sent) if not message_price(prices, *kind.partition("/")[::2])]
    if missing:
        names = ", ".join(missing)
        click.echo(f"Messages count nothing here whose price is missing in [money.message_prices]: {names}", err=True)


def _cells(line: Sum) -> list[str]:
    return [line.name, *(str(getattr(line, column)) for column in COLUMNS)]


def _table(by: str, lines: Sequence[Sum]) -> Table:
    """With all of them together on the last line."""
    table = Table(box=None, pad_edge=False)
    table.add_column(by)
    for column in COLUMNS:
        table.add_column(column.replace("_", " "), justify="right", overflow="fold")
    for line in lines:
        table.add_row(*_cells(line))
    return table
