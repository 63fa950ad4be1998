"""The database as a whole, to be copied or to be filled.

Two connections: one works, the other holds an advisory lock in a transaction that lasts as long as the move, so that
nobody else moves the same database; it has no snapshot, and so keeps nothing from being vacuumed. With the mark come
triggers that refuse every write but ours. Creating them waits for whoever is writing, and they are what a process
meets that was asleep since before: nobody pays for them while nothing is moved.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Self

import asyncpg
import msgspec

from frontdesk.core.archive import (
    PARTS,
    Key,
    Mark,
    Part,
    Record,
    StoredAddress,
    StoredBook,
    StoredCharge,
    StoredConversation,
    StoredEffect,
    StoredEntry,
    StoredHold,
    StoredMessage,
    StoredNotice,
    StoredStatus,
    StoredTotal,
)
from frontdesk.core.money import Charge, Hold
from frontdesk.core.record import book_of
from frontdesk.plugin import ConfigError
from frontdesk.ports import Notice, StoreUnavailable
from frontdesk_plugins.postgres.batch import plain
from frontdesk_plugins.postgres.ledger import charge_row, hold_row
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.presence import refuse_served
from frontdesk_plugins.postgres.queries import SQL
from frontdesk_plugins.postgres.schema import bring_up_to_date, connect, read_mark, refuse_other
from frontdesk_plugins.postgres.transaction import decode_event, decode_message, decode_notice, decode_state, encode
from frontdesk_plugins.postgres.trouble import TROUBLE, refused

_ADDRESS_WORDS = 3
_GOODBYE_SECONDS = 2.0


class PostgresArchive:
    """See the port."""

    def __init__(self, options: StoreOptions, *, is_target: bool) -> None:
        self._options = options
        self._is_target = is_target
        self._guard: Any = None
        self._opened: Any = None

    @property
    def place(self) -> str:
        """See the port."""
        return place(self._options.url.reveal())

    async def __aenter__(self) -> Self:
        try:
            self._guard, self._opened = await connect(self._options), await connect(self._options)
            await self._guard.execute(SQL["begin_alone"])
            if not await self._guard.fetchval(SQL["is_alone"]):
                raise ConfigError(f"another frontdesk migrate-storage is at work on {self.place}; wait for its end")
            async with self._opened.transaction():
                await self._open()
        except (*TROUBLE, asyncpg.PostgresError) as error:
            await self._end()
            raise refused(error) from error
        except BaseException:
            await self._end()
            raise
        return self

    async def _open(self) -> None:
        if self._is_target:
            await bring_up_to_date(self._opened)
        else:
            await refuse_other(self._opened, is_read_only=True)

    async def __aexit__(self, *exc: object) -> None:
        await self._end()

    async def _end(self) -> None:
        """Say goodbye, so that the server frees the guard before the next mover looks; one that does not answer is
        left."""
        for connection in (self._opened, self._guard):
            if connection:
                try:
                    await connection.close(timeout=_GOODBYE_SECONDS)
                except (*TROUBLE, asyncpg.PostgresError):
                    connection.terminate()
        self._opened = self._guard = None

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        """The connection, in a transaction. Raises StoreUnavailable."""
        try:
            async with self._opened.transaction():
                yield self._opened
        except (*TROUBLE, asyncpg.PostgresError) as error:
            raise refused(error) from error

    async def mark(self) -> Mark | None:
        """See the port."""
        async with self._connection() as connection:
            return await read_mark(connection)

    async def set_mark(self, mark: Mark | None) -> None:
        """See the port."""
        async with self._connection() as connection:
            await connection.execute(SQL["lock_schema"])
            await refuse_served(connection, self.place)
            await connection.execute(SQL["wait_briefly"])
            if mark:
                await connection.execute(SQL["forbid_writing"])
                await connection.execute(SQL["set_mark"], encode(mark))
            else:
                await connection.execute(SQL["allow_writing"])
                await connection.execute(SQL["remove_mark"])

    async def is_empty(self) -> bool:
        """See the port."""
        async with self._connection() as connection:
            return not any([await _dump(connection, part, None, 1) for part in PARTS])

    async def count(self, part: Part) -> int:
        """See the port."""
        async with self._connection() as connection:
            return int(await connection.fetchval(SQL[f"count_{part}"]))

    async def dump(self, part: Part, after: Key | None, limit: int) -> Sequence[Record]:
        """See the port."""
        async with self._connection() as connection:
            return [_READ[part](row) for row in await _dump(connection, part, after, limit)]

    async def restore(self, part: Part, records: Sequence[Record], mark: Mark) -> None:
        """See the port."""
        async with self._connection() as connection:
            await connection.execute(SQL["may_write"])
            if not await connection.fetchval(SQL["change_mark"], encode(mark)):
                raise StoreUnavailable(f"{self.place} is not marked as a move's target any more; run the move again")
            if records:
                await connection.execute(SQL[f"restore_{part}"], *zip(*map(_row, records), strict=True))


def place(url: str) -> str:
    """Where a database is, as `migrate-storage` takes it, without role, password and options; and without anything
    where the address is not of the usual form, for then nobody knows what in it is the password."""
    found = re.fullmatch(r"postgres(?:ql)?://(?:[^/?#]*@)?([\w.\-:,\[\]]*)(/[\w.\-]*)?(?:\?[^@]*)?", url)
    return f"postgresql://{found[1]}{found[2] or ''}" if found else "postgresql://…"


async def _dump(connection: Any, part: Part, after: Key | None, limit: int) -> list[Any]:
    first = ("",) * (_ADDRESS_WORDS if part == "addresses" else 1)
    words = map(plain, after or first)
    return list(await connection.fetch(SQL[f"dump_{part}"], *words, limit))


def _message(row: Any) -> Record:
    channel, seq, place, message = row
    return StoredMessage(channel=channel, seq=seq, place=place, message=decode_message(message))


def _status(row: Any) -> Record:
    event: Any = decode_event(row[0])
    return StoredStatus(
        event_id=event.id,
        channel=event.channel,
        provider_message_id=event.provider_message_id,
        at=row[1],
        event=row[0],
    )


def _notice(row: Any) -> Record:
    return StoredNotice(**msgspec.structs.asdict(decode_notice(row[0])))


_READ: dict[Part, Callable[[Any], Record]] = {
    "conversations": lambda row: StoredConversation(**dict(row)),
    "addresses": lambda row: StoredAddress(**dict(row)),
    "messages": _message,
    "journal": lambda row: StoredEntry(**dict(row)),
    "outbox": lambda row: StoredEffect(**dict(row)),
    "early_statuses": _status,
    "notices": _notice,
    "books": lambda row: StoredBook(**dict(row)),
    "charges": lambda row: StoredCharge(charge=Charge(**dict(row))),
    "holds": lambda row: StoredHold(hold=Hold(**dict(row))),
    "totals": lambda row: StoredTotal(**dict(row)),
}


def _row(record: Record) -> tuple[Any, ...]:
    """A record as its `restore_…` query takes it."""
    match record:
        case StoredMessage(message=one):
            vendors = plain(one.provider_message_id) if one.provider_message_id else None
            return (
                one.id, one.conversation_id, record.seq, record.place, plain(record.channel), vendors, encode(one)
            )  # fmt: skip
        case StoredNotice():
            return plain(record.id), record.at, encode(Notice(**msgspec.structs.asdict(record)))
        case StoredConversation():
            return *_plain(record), book_of(decode_state(record.state))
        case StoredCharge():
            return charge_row(record.charge)
        case StoredHold():
            return hold_row(record.hold)
        case _:
            return _plain(record)


def _plain(record: Record) -> tuple[Any, ...]:
    return tuple(plain(value) if isinstance(value, str) else value for value in msgspec.structs.astuple(record))
