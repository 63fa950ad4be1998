"""The store for one container: SQLite, one writing connection, group commit.

All writes that wait are run as one `BEGIN IMMEDIATE … COMMIT`; their futures are resolved after the COMMIT. That turns
one fsync a message into one a batch. The statements run in the event loop's own thread, and only the COMMIT, which
waits for the disk, is handed to another: a statement takes some microseconds, but each one run in a second thread has
to win the interpreter's lock back from a busy loop, which costs up to 5 ms (measured: 1,500 acknowledgements a second
that way, and no aiosqlite, which hops for every statement, could do better).

A write that fails before it has changed anything costs the others nothing; one that fails half-way ends the
transaction, and the batch is run again one by one.

`synchronous=FULL`: accepted means on disk. Only this process writes (versions of SQLite below 3.51.3 can corrupt a WAL
that two processes write); a lock file sees to it. Readers have connections of their own, which cannot write.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import IO, Any, Self, TypeVar

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event
from frontdesk.core.message import Message
from frontdesk.core.money import Caps, Hold, Refusal, Total
from frontdesk.core.plan import Decision
from frontdesk.core.usage import Spent
from frontdesk.plugin import ConfigError
from frontdesk.ports import (
    Backlog,
    Claim,
    Clock,
    ConversationSummary,
    Decide,
    JournalEntry,
    Notice,
    Standing,
    StoreUnavailable,
)
from frontdesk_plugins.sqlite.archive import SqliteArchive
from frontdesk_plugins.sqlite.file import WRITING, opening, place, read_mark, take_lock, unavailable
from frontdesk_plugins.sqlite.ledger import read_spent, read_totals
from frontdesk_plugins.sqlite.moment import to_number, to_time
from frontdesk_plugins.sqlite.queries import SQL, migrate, migrations
from frontdesk_plugins.sqlite.transaction import (
    Transaction,
    decode_effects,
    decode_event,
    read_conversation,
    read_message,
    read_sources,
    read_standing,
)

BATCH_MAX = 128
"""Writes in one transaction: some 10 ms in which the event loop does nothing else."""

STANDING_AT_ONCE = 500
"""Conversations in memory while those in a flow are read."""

_Result = TypeVar("_Result")
_Write = tuple[Callable[[Transaction], Any], "asyncio.Future[Any]"]


_READING = "PRAGMA query_only = ON; PRAGMA busy_timeout = 5000; PRAGMA wal_autocheckpoint = 0;"


class HalfDone(Exception):
    """A write failed after it had changed something."""


class SqliteStore:
    """See the module. `is_read_only`: look at a database that another process may be writing."""

    def __init__(self, path: Path, clock: Clock, *, is_read_only: bool = False) -> None:
        self._path = path
        self._clock = clock
        self._is_read_only = is_read_only
        self._lock: IO[str] | None = None
        self._waiting: list[_Write] = []
        self._has_work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._is_closing = False
        self._commit_thread = ThreadPoolExecutor(1, "sqlite-commit")
        self._read_thread = ThreadPoolExecutor(1, "sqlite-read")
        self._connection: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        try:
            if not self._is_read_only:
                self._lock = take_lock(self._path)
                await self._in(self._commit_thread, self._open)
                self._writer = asyncio.create_task(self._write_batches(), name="sqlite-writer")
            await self._in(self._read_thread, self._open_reader)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def _close(self) -> None:
        if self._writer:
            self._is_closing = True
            self._has_work.set()
            await self._writer
        for thread, connection in ((self._read_thread, self._reader), (self._commit_thread, self._connection)):
            if connection:
                await self._in(thread, connection.close)
            thread.shutdown()
        self._connection = self._reader = None
        if self._lock:
            self._lock.close()

    async def _in(self, thread: ThreadPoolExecutor, run: Callable[[], _Result]) -> _Result:
        return await asyncio.get_running_loop().run_in_executor(thread, run)

    def _open(self) -> None:
        with opening(self._path):
            connection = self._connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False, cached_statements=256
            )
            connection.executescript(WRITING)
            self._bring_up_to_date(connection)
            self._transaction = Transaction(connection)
            connection.execute("BEGIN IMMEDIATE")
            self._transaction.end_leases(self._clock.now())
            connection.execute("COMMIT")

    def _bring_up_to_date(self, connection: sqlite3.Connection) -> None:
        version, newest = connection.execute("PRAGMA user_version").fetchone()[0], len(migrations())
        if version > newest:
            raise ConfigError(
                f"{self._path} has schema {version}, this frontdesk knows {newest}; install the newer release again"
            )
        if 0 < version < newest:
            backup = self._path.with_suffix(f".schema-{version}.backup")
            backup.unlink(missing_ok=True)
            connection.execute("VACUUM INTO ?", (str(backup),))
        migrate(connection, version)
        mark = read_mark(connection)
        if mark:
            raise ConfigError(mark.sentence(place(self._path)))

    def _open_reader(self) -> None:
        if self._is_read_only and not self._path.exists():
            raise ConfigError(f"there is no database at {self._path}; is `data_dir` the one that the service uses?")
        mode = "ro" if self._is_read_only else "rw"
        with opening(self._path):
            reader = self._reader = sqlite3.connect(
                f"{self._path.resolve().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False
            )
            reader.executescript(_READING)
            version, newest = reader.execute("PRAGMA user_version").fetchone()[0], len(migrations())
        if version != newest:
            raise ConfigError(
                f"{self._path} has schema {version}, this frontdesk reads {newest}; "
                f"{'start the service once' if version < newest else 'install the newer release again'}"
            )

    def archive(self, *, is_target: bool) -> SqliteArchive:
        """See `Movable`."""
        return SqliteArchive(self._path, is_target=is_target)

    # Writing

    async def _write(self, run: Callable[[Transaction], _Result]) -> _Result:
        if self._connection is None or self._is_closing:
            raise StoreUnavailable("the store is not open for writing")
        future: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((run, future))
        self._has_work.set()
        return await future

    async def _write_batches(self) -> None:
        while not self._is_closing:
            await self._has_work.wait()
            self._has_work.clear()
            while self._waiting:
                await self._commit_waiting()

    async def _commit_waiting(self) -> None:
        batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
        if not batch:
            return
        results = await self._run(batch)
        for (_, future), result in zip(batch, results, strict=True):
            if future.done():
                continue
            if isinstance(result, BaseException):
                future.set_exception(result)
            else:
                future.set_result(result)

    async def _run(self, batch: Sequence[_Write]) -> list[Any]:
        """All of the batch in one transaction, or else each in one of its own."""
        connection, transaction = self._connection, self._transaction
        assert connection is not None  # noqa: S101 -- opened before the first write is taken
        try:
            connection.execute("BEGIN IMMEDIATE")
            results = [_outcome(run, transaction, connection) for run, _ in batch]
            await self._in(self._commit_thread, connection.commit)
        except (sqlite3.Error, HalfDone) as error:
            transaction.forget()
            if connection.in_transaction:
                connection.rollback()
            if isinstance(error, sqlite3.OperationalError):
                return [unavailable(self._path, error)] * len(batch)
            if len(batch) == 1:
                return [error.__cause__ or error]
            return [result for one in batch for result in await self._run([one])]
        transaction.remember()
        return results

    async def apply(self, event: Event, decide: Decide) -> Decision | None:
        """See the port."""
        return await self._write(lambda transaction: transaction.apply(event, decide, self._clock.now()))

    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        """See the port."""
        return await self._write(lambda transaction: transaction.claim(self._clock.now(), lease, limit))

    async def renew(self, claims: Sequence[Claim], lease: timedelta) -> frozenset[str]:
        """See the port."""
        return await self._write(lambda transaction: transaction.renew(self._clock.now(), claims, lease))

    async def keep(self, notices: Sequence[Notice]) -> None:
        """See the port."""
        await self._write(lambda transaction: transaction.keep(notices))

    async def prune(self, before: datetime) -> None:
        """See the port."""
        while await self._write(lambda transaction: transaction.prune(before)):
            pass

    async def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        """See the port."""
        await self._write(lambda transaction: transaction.keep_book(version, sources))

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        """See the port."""
        return await self._write(lambda transaction: transaction.reserve(hold, caps))

    async def write_off(self, before: datetime) -> int:
        """See the port."""
        return await self._write(lambda transaction: transaction.write_off(before))

    async def check(self) -> None:
        """See the port."""
        await self._write(lambda transaction: transaction.probe())

    # Reading

    async def _read(self, query: str, *values: object) -> list[Any]:
        def run() -> list[Any]:
            assert self._reader is not None  # noqa: S101 -- opened in __aenter__
            return self._reader.execute(SQL[query], values).fetchall()

        try:
            return await self._in(self._read_thread, run)
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error

    async def notices(self, limit: int) -> Sequence[Notice]:
        """See the port."""
        return [
            Notice(
                id=row[0],
                at=to_time(row[1]),
                channel=row[2],
                kind=row[3],
                text=row[4],
                raw=row[5],
                is_alarm=bool(row[6]),
            )
            for row in await self._read("notices", limit)
        ]

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """See the port."""
        rows = await self._read("conversation", conversation_id)
        return read_conversation(rows[0][0]) if rows else None

    async def conversations(self, limit: int) -> Sequence[ConversationSummary]:
        """See the port."""
        return [
            ConversationSummary(id=row[0], channel=row[1], name=row[2], handler=row[3], updated_at=to_time(row[4]))
            for row in await self._read("conversations", limit)
        ]

    async def find(self, channel: str, address: str) -> str | None:
        """See the port."""
        rows = await self._read("owner_of_any_address", channel, address)
        return str(rows[0][0]) if rows else None

    async def messages(self, conversation_id: str) -> Sequence[Message]:
        """See the port."""
        return [read_message(row) for row in await self._read("messages", conversation_id)]

    async def journal(self, conversation_id: str) -> AsyncIterator[JournalEntry]:
        """See the port."""
        for seq, row in enumerate(await self._read("journal", conversation_id), start=1):
            yield JournalEntry(seq=seq, event=decode_event(row[0]), effects=decode_effects(row[1]))

    async def book(self, version: str) -> Mapping[str, str] | None:
        """See the port."""
        rows = await self._read("book", version)
        return read_sources(rows[0][0]) if rows else None

    async def conversations_on(self, channel: str) -> AsyncIterator[Conversation]:
        """See the port."""
        after = ""
        while rows := await self._read("conversations_on", channel, after, STANDING_AT_ONCE):
            for after, state in rows:  # noqa: B007 -- the last one is where the next piece begins
                yield read_conversation(state)

    async def standing(self) -> AsyncIterator[Standing]:
        """See the port."""
        after = ""
        while rows := await self._read("standing", after, STANDING_AT_ONCE):
            for after, state in rows:  # noqa: B007 -- the last one is where the next piece begins
                for one in read_standing(state):
                    yield one

    async def totals(self, keys: Collection[str]) -> Mapping[str, Total]:
        """See the port."""
        return read_totals([(key, await self._read("total", key)) for key in keys])

    async def spent(self, since: datetime) -> Sequence[Spent]:
        """See the port."""
        return [read_spent(row) for row in await self._read("spent", to_number(since))]

    async def backlog(self) -> Backlog:
        """See the port."""
        states = await self._read("backlog_states")
        oldest = (await self._read("backlog_oldest", to_number(self._clock.now())))[0][0]
        queued = (await self._read("backlog_queue"))[0][0]
        due_at = None if oldest is None else to_time(oldest)
        return Backlog(states=dict(states), oldest_due_at=due_at, waiting_for_people=queued)


def _outcome(run: Callable[[Transaction], Any], transaction: Transaction, connection: sqlite3.Connection) -> Any:
    """One write's result. A bug in one must not cost the others, but a broken disk is everybody's."""
    changes = connection.total_changes
    try:
        return run(transaction)
    except sqlite3.OperationalError:
        raise
    except Exception as error:
        if connection.total_changes != changes:
            raise HalfDone from error
        return error
