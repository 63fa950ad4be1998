"""The database as a whole, to be copied or to be filled. Its lock is held all the time, as while it is served; the
statements run in the event loop's own thread, for a move has nothing else to do."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self

from msgspec.structs import astuple

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
from frontdesk.core.record import book_of
from frontdesk.plugin import ConfigError
from frontdesk_plugins.sqlite.file import WRITING, opening, place, read_mark, take_lock, unavailable
from frontdesk_plugins.sqlite.ledger import charge_row, read_charge, read_hold
from frontdesk_plugins.sqlite.moment import to_number, to_time
from frontdesk_plugins.sqlite.queries import SQL, migrate, migrations
from frontdesk_plugins.sqlite.transaction import (
    encode,
    message_row,
    read_conversation,
    read_message,
)

_ADDRESS_WORDS = 3


class SqliteArchive:
    """See the port."""

    def __init__(self, path: Path, *, is_target: bool) -> None:
        self._path = path
        self._is_target = is_target
        self._lock: IO[str] | None = None
        self._opened: sqlite3.Connection | None = None

    @property
    def place(self) -> str:
        """See the port."""
        return place(self._path)

    async def __aenter__(self) -> Self:
        if not self._is_target and not self._path.exists():
            raise ConfigError(f"there is no database at {self._path}; name the one that the service uses")
        self._lock = take_lock(self._path)
        try:
            with opening(self._path):
                self._open()
        except BaseException:
            self._close()
            raise
        return self

    def _open(self) -> None:
        connection = self._opened = sqlite3.connect(self._path, isolation_level=None)
        connection.executescript(WRITING)
        version, newest = connection.execute("PRAGMA user_version").fetchone()[0], len(migrations())
        if self._is_target and version == 0:
            migrate(connection, version)
        elif version != newest:
            cure = "start the service on it once" if version < newest else "install the newer release again"
            raise ConfigError(f"{self._path} has schema {version}, this frontdesk moves {newest}; {cure}")

    async def __aexit__(self, *exc: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._opened:
            self._opened.close()
        if self._lock:
            self._lock.close()
        self._opened = self._lock = None

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """The connection, in a transaction."""
        connection = self._opened
        assert connection is not None  # noqa: S101 -- an archive is used while it is open
        try:
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                yield connection
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error

    async def mark(self) -> Mark | None:
        """See the port."""
        with self._connection() as connection:
            return read_mark(connection)

    async def set_mark(self, mark: Mark | None) -> None:
        """See the port."""
        with self._connection() as connection:
            if mark:
                connection.execute(SQL["set_mark"], (encode(mark),))
            else:
                connection.execute(SQL["remove_mark"])

    async def is_empty(self) -> bool:
        """See the port."""
        with self._connection() as connection:
            return not any(_dump(connection, part, None, 1) for part in PARTS)

    async def count(self, part: Part) -> int:
        """See the port."""
        with self._connection() as connection:
            return int(connection.execute(SQL[f"count_{part}"]).fetchone()[0])

    async def dump(self, part: Part, after: Key | None, limit: int) -> Sequence[Record]:
        """See the port."""
        with self._connection() as connection:
            return [_READ[part](row) for row in _dump(connection, part, after, limit)]

    async def restore(self, part: Part, records: Sequence[Record], mark: Mark) -> None:
        """See the port."""
        with self._connection() as connection:
            connection.executemany(SQL[f"restore_{part}"], map(_row, records))
            connection.execute(SQL["set_mark"], (encode(mark),))


def _dump(connection: sqlite3.Connection, part: Part, after: Key | None, limit: int) -> list[Any]:
    first = ("",) * (_ADDRESS_WORDS if part == "addresses" else 1)
    return connection.execute(SQL[f"dump_{part}"], (*(after or first), limit)).fetchall()


def _time(number: int | None) -> datetime | None:
    return None if number is None else to_time(number)


def _number(at: datetime | None) -> int | None:
    return None if at is None else to_number(at)


def _conversation(row: Sequence[Any]) -> Record:
    known, channel, handler, updated_at, steps, state = row
    return StoredConversation(
        id=known, channel=channel, handler=handler, updated_at=to_time(updated_at), steps=steps, state=state
    )


def _address(row: Sequence[Any]) -> Record:
    channel, kind, value, owner, previous = row
    return StoredAddress(
        channel=channel, kind=kind, value=value, conversation_id=owner, previous_conversation_id=previous
    )


def _message(row: Sequence[Any]) -> Record:
    channel, seq, place, *message = row
    return StoredMessage(channel=channel, seq=seq, place=place, message=read_message(message))


def _entry(row: Sequence[Any]) -> Record:
    event_id, conversation, seq, event, effects = row
    return StoredEntry(event_id=event_id, conversation_id=conversation, seq=seq, event=event, effects=effects)


def _effect(row: Sequence[Any]) -> Record:
    values = dict(zip(StoredEffect.__struct_fields__, row, strict=True))
    times = {name: _time(values[name]) for name in ("due_at", "ready_at")}
    return StoredEffect(**(values | times))


def _status(row: Sequence[Any]) -> Record:
    event_id, channel, provider_message_id, at, event = row
    return StoredStatus(
        event_id=event_id, channel=channel, provider_message_id=provider_message_id, at=to_time(at), event=event
    )


def _notice(row: Sequence[Any]) -> Record:
    known, at, channel, kind, text, raw, is_alarm = row
    return StoredNotice(
        id=known, at=to_time(at), channel=channel, kind=kind, text=text, raw=raw, is_alarm=bool(is_alarm)
    )


def _book(row: Sequence[Any]) -> Record:
    version, sources = row
    return StoredBook(version=version, sources=sources)


def _charge(row: Sequence[Any]) -> Record:
    return StoredCharge(charge=read_charge(row))


def _hold(row: Sequence[Any]) -> Record:
    return StoredHold(hold=read_hold(row[1:]))


def _total(row: Sequence[Any]) -> Record:
    scope, until, spent, held = row
    return StoredTotal(scope=scope, until=until, spent=spent, held=held)


_READ: dict[Part, Callable[[Sequence[Any]], Record]] = {
    "conversations": _conversation,
    "addresses": _address,
    "messages": _message,
    "journal": _entry,
    "outbox": _effect,
    "early_statuses": _status,
    "notices": _notice,
    "books": _book,
    "charges": _charge,
    "holds": _hold,
    "totals": _total,
}


def _row(record: Record) -> tuple[Any, ...]:
    """A record as its `restore_…` query takes it."""
    match record:
        case StoredConversation():
            state = read_conversation(record.state)
            about = (record.id, record.channel, state.name, record.handler, to_number(record.updated_at))
            return *about, book_of(state), record.state
        case StoredMessage():
            return message_row(record.channel, record.message, record.seq, record.place)
        case StoredCharge():
            return charge_row(record.charge)
        case StoredHold(hold=hold):
            return hold.id, *(_number(value) if isinstance(value, datetime) else value for value in astuple(hold))
        case _:
            return tuple(_number(value) if isinstance(value, datetime) else value for value in astuple(record))
