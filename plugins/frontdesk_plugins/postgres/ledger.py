"""The ledger's verbs on one connection. Whoever calls them has begun a transaction and will end it.

Reservations are one round trip, a function of the schema; what an event costs is written by the statement that writes
the events. The rows of the day and the month are everybody's: they are locked last, and all lock in the same order, so
that nobody deadlocks, and nobody waits longer than for the end of another batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from msgspec.structs import astuple

from frontdesk.core.money import Caps, Charge, Hold, Refusal, Total, scopes, written_off
from frontdesk.core.usage import Spent
from frontdesk_plugins.postgres.batch import plain
from frontdesk_plugins.postgres.queries import SQL

COLUMNS = 18
"""Of a line of the ledger with its hold."""

Connection = Any
"""An asyncpg connection, from the pool or not."""


def columns(lines: Iterable[tuple[str, Charge]]) -> list[list[Any]]:
    """Lines of the ledger, each with the id of its hold, as the columns that `frontdesk_pay` takes."""
    rows = [(known, hold, *rest) for hold, one in lines for known, *rest in (charge_row(one),)]
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(COLUMNS)]


def charge_row(charge: Charge) -> tuple[Any, ...]:
    """A line of the ledger as its table has it."""
    return tuple(plain(value) if isinstance(value, str) else value for value in astuple(charge))


def hold_row(hold: Hold) -> tuple[Any, ...]:
    """A hold as its table has it."""
    return tuple(plain(value) if isinstance(value, str) else value for value in (hold.id, *astuple(hold)))


def read_spent(row: Sequence[Any]) -> Spent:
    """A row of the query `spent`."""
    return Spent(**dict(zip(Spent.__struct_fields__, row, strict=True)))


def read_total(row: Sequence[Any]) -> tuple[str, Total]:
    """A row of the query `totals`."""
    return row[0], Total(row[1], row[2])


async def reserve(connection: Connection, holds: Sequence[Hold], caps: Caps) -> list[Refusal | None]:
    """See `Ledger.reserve`; one after the other, in one statement."""
    names = [scope.cap for scope in scopes("", holds[0].at)]
    columns = [list(column) for column in zip(*map(hold_row, holds), strict=True)]
    rows = await connection.fetch(SQL["reserve"], *columns, [caps.limit(name) for name in names])
    return [Refusal(names[place - 1], left, is_passing) if place else None for place, left, is_passing in rows]


async def write_off(connection: Connection, before: datetime) -> int:
    """See `Ledger.write_off`. The conversations are locked first, as by whoever writes an outcome: one that waited for
    a hold only would go on with what it saw before, find neither the hold nor the charge, and count once more."""
    await connection.execute(SQL["lock_of_old_holds"], before)
    old = [Hold(**dict(row)) for row in await connection.fetch(SQL["old_holds"], before)]
    if old:
        lines = columns((hold.id, written_off(hold)) for hold in old)
        await connection.execute(SQL["pay"], [hold.id for hold in old], *lines)
    return len(old)
