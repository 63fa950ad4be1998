"""The ledger's verbs on one connection, synchronous; whoever calls them has begun a transaction and will end it."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event
from frontdesk.core.money import (
    Caps,
    Charge,
    Hold,
    Refusal,
    Scope,
    Total,
    begun_at,
    charges,
    hold_of,
    judge,
    lost_id,
    movements,
    scopes,
    written_off,
)
from frontdesk.core.usage import Spent
from frontdesk_plugins.sqlite.moment import to_number, to_time
from frontdesk_plugins.sqlite.queries import SQL


def pay(connection: sqlite3.Connection, event: Event, conversation: Conversation) -> None:
    """Write what an event costs, and take its hold away."""
    known, found = hold_of(event), charges(event, conversation)
    row = connection.execute(SQL["take_hold"], (known,)).fetchone() if known else None
    hold = read_hold(row) if row else None
    ended = _given_up(connection, known, hold) if known else None
    if ended or found:
        _write(connection, found, ended)


def _given_up(connection: sqlite3.Connection, known: str, hold: Hold | None) -> Hold | Charge | None:
    """What ends with a hold: itself, or the charge that was written where it was given up as lost; and where money was
    set aside once more after that, both."""
    row = connection.execute(SQL["take_lost"], (lost_id(known),)).fetchone()
    lost = read_charge(row) if row else None
    if hold and lost:
        _write(connection, (), lost)
    return hold or lost


def _write(connection: sqlite3.Connection, found: Iterable[Charge], ended: Hold | Charge | None) -> None:
    written = [one for one in begun_at(found, ended) if _is_new(connection, one)]
    for change in movements(written, ended):
        _move(connection, change.scope, change.spent, change.held)


def _is_new(connection: sqlite3.Connection, charge: Charge) -> bool:
    return connection.execute(SQL["add_charge"], charge_row(charge)).rowcount == 1


def _move(connection: sqlite3.Connection, scope: Scope, spent: int, held: int) -> None:
    connection.execute(SQL["move_total"], (scope.key, scope.until, spent, held))


def charge_row(charge: Charge) -> tuple[Any, ...]:
    """What the query `add_charge` takes."""
    values = msgspec.structs.asdict(charge)
    return tuple(to_number(value) if name == "at" else value for name, value in values.items())


def read_hold(row: Sequence[Any]) -> Hold:
    """A row of the hold queries."""
    effect_id, attempt, conversation_id, channel, at, amount, task = row
    return Hold(
        effect_id=effect_id,
        attempt=attempt,
        conversation_id=conversation_id,
        channel=channel,
        at=to_time(at),
        nano_usd=amount,
        task=task,
    )


def read_charge(row: Sequence[Any]) -> Charge:
    """A row with all columns of a charge."""
    values = dict(zip(Charge.__struct_fields__, row, strict=True))
    flags = {name: bool(values[name]) for name in ("is_estimated", "is_unanswered")}
    return Charge(**(values | flags | {"at": to_time(values["at"])}))


def read_totals(rows: Iterable[tuple[str, Sequence[Sequence[int]]]]) -> Mapping[str, Total]:
    """What was found under each key."""
    return {key: Total(*found[0]) for key, found in rows if found}


def read_spent(row: Sequence[Any]) -> Spent:
    """A row of the query `spent`."""
    return Spent(**dict(zip(Spent.__struct_fields__, row, strict=True)))


def totals(connection: sqlite3.Connection, keys: Collection[str]) -> Mapping[str, Total]:
    """See `Ledger.totals`."""
    return read_totals((key, connection.execute(SQL["total"], (key,)).fetchall()) for key in keys)


def reserve(connection: sqlite3.Connection, hold: Hold, caps: Caps) -> Refusal | None:
    """See `Ledger.reserve`."""
    row = connection.execute(SQL["hold"], (hold.id,)).fetchone()
    known = read_hold(row) if row else None
    hold, before = msgspec.structs.replace(hold, at=known.at if known else hold.at), known.nano_usd if known else 0
    where = scopes(hold.conversation_id, hold.at)
    found = totals(connection, [scope.key for scope in where])
    refusal = judge(found, where, caps, amount=hold.nano_usd, known=before)
    if refusal is None:
        about = (hold.effect_id, hold.attempt, hold.conversation_id, hold.channel, to_number(hold.at))
        connection.execute(SQL["write_hold"], (hold.id, *about, hold.nano_usd, hold.task))
        for scope in where:
            _move(connection, scope, 0, hold.nano_usd - before)
    return refusal


def write_off(connection: sqlite3.Connection, before: datetime) -> int:
    """See `Ledger.write_off`."""
    rows = connection.execute(SQL["take_old_holds"], (to_number(before),)).fetchall()
    for hold in map(read_hold, rows):
        _write(connection, [written_off(hold)], _given_up(connection, hold.id, hold))
    return len(rows)
