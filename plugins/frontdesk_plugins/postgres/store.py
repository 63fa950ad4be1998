"""The store for several processes: PostgreSQL, a pool of connections, group commit.

All calls of `apply` that wait are one transaction; their futures are resolved after its COMMIT. A batch of any size
takes four statements:

    BEGIN         READ COMMITTED: what a statement sees is what was committed when it began
    open_batch    wait for, lock and read all that the batch may touch (a function of the schema: see there)
    write         all changes, arrays in one statement
    COMMIT

Between `open_batch` and `write` the rules decide in the process, in the order of the calls. Where the addresses lead to
one more conversation than was locked, because another process moved one, the batch begins again; so it does after a
deadlock (40P01), a failed serialisation (40001) or an event id that another process has just written (23505). A claim
is one statement and a transaction by itself. Each of these is one round trip with prepared statements. A pooler in
transaction mode deals a connection's transactions to many of the server's, which do not know one another's prepared
statements, or know others by the same names: so there are none where a pooler is met, and a statement with parameters
costs two round trips. It is recognised by the process number that it cannot tell its clients truly.

Every statement of these touches a few rows by their keys, however large the tables are. The planner is told so
(`enable_seqscan` and its like are off in the transaction): what it knows of a queue's table is out of date most of the
time, and a batch would then read 200,000 conversations to lock 128 (measured: 30 ms instead of 4). Nor may it use
bitmaps on the outbox, where they visit every dead row that a plain index scan learns to pass.

Nothing is remembered between transactions, for other processes write too. Leases are compared with the database's own
clock. Nobody's leases end at a start: other processes may hold them.

Where the connection is lost while COMMIT is under way, StoreUnavailable is raised though the batch may have been
written. Whoever repeats the event is safe: what was written is dropped as seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Self, TypeVar

import asyncpg

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event
from frontdesk.core.message import Message
from frontdesk.core.money import Caps, Hold, Refusal, Total
from frontdesk.core.plan import Decision
from frontdesk.core.usage import Spent
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
from frontdesk_plugins.postgres import ledger, transaction
from frontdesk_plugins.postgres.archive import PostgresArchive, place
from frontdesk_plugins.postgres.batch import plain
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.presence import Presence
from frontdesk_plugins.postgres.queries import SQL
from frontdesk_plugins.postgres.reserving import Reserving
from frontdesk_plugins.postgres.schema import is_reached_directly, open_schema
from frontdesk_plugins.postgres.trouble import RACES, TROUBLE, is_closed, refused, unavailable

BATCH_MAX = 128
"""Events in one transaction."""

TRIES_MAX = 8
"""How often a transaction that lost a race is run."""

STATEMENTS_KEPT = 64
"""Prepared statements of a connection to the server itself; there are about twenty."""

STANDING_AT_ONCE = 500
"""Conversations in memory while those in a flow are read."""

CLOSING_SECONDS = 5.0
"""How long the end waits for connections that are still in use."""

_Result = TypeVar("_Result")
_Write = tuple[Event, Decide, "asyncio.Future[Decision | None]"]


class PostgresStore:
    """See the module. `clock` None: the database's time, which is what several processes need."""

    def __init__(self, options: StoreOptions, *, clock: Clock | None = None, is_read_only: bool = False) -> None:
        self._options = options
        self._clock = clock
        self._is_read_only = is_read_only
        milliseconds = str(int(options.statement_timeout_seconds * 1_000))
        self._begin = SQL["begin"].replace(":milliseconds", milliseconds)
        self._begin_reading = SQL["begin_reading"].replace(":milliseconds", milliseconds)
        self._pool: Any = None
        self._statement_cache = options.statement_cache or 0
        self._waiting: list[_Write] = []
        self._has_work = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None
        self._is_closing = False
        self._presence = Presence()
        self._reserving = Reserving(partial(self._run, is_one=True))

    def archive(self, *, is_target: bool) -> PostgresArchive:
        """See `Movable`."""
        return PostgresArchive(self._options, is_target=is_target)

    def _now(self) -> datetime | None:
        return self._clock.now() if self._clock else None

    async def __aenter__(self) -> Self:
        options = self._options
        try:
            await open_schema(options, place(options.url.reveal()), None if self._is_read_only else self._presence)
            if options.statement_cache is None and await is_reached_directly(options):
                self._statement_cache = STATEMENTS_KEPT
            self._pool = await asyncpg.create_pool(
                options.url.reveal(),
                min_size=0,
                max_size=options.pool_max,
                statement_cache_size=self._statement_cache,
                timeout=options.connect_timeout_seconds,
                command_timeout=options.statement_timeout_seconds + 5,
                reset=_leave_as_it_is,
            )
        except (*TROUBLE, asyncpg.PostgresError) as error:
            raise refused(error) from error
        if not self._is_read_only:
            self._writer = asyncio.create_task(self._write_batches(), name="postgres-writer")
            self._presence.begin(self._run)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._writer:
            self._is_closing = True
            self._has_work.set()
            await self._writer
        await self._presence.end(self._run)
        if self._pool:
            pool, self._pool = self._pool, None
            try:
                await asyncio.wait_for(pool.close(), CLOSING_SECONDS)
            except TimeoutError:
                pool.terminate()

    # Writing

    async def _run(self, work: Callable[[Any], Awaitable[_Result]], *, is_one: bool = False) -> _Result:
        """One transaction; again where another process was in the way. `is_one`: the work is a single statement and
        needs no BEGIN and COMMIT around it. Raises StoreUnavailable."""
        if self._pool is None or self._is_read_only:
            raise StoreUnavailable("the store is not open for writing")
        for number in range(TRIES_MAX):
            try:
                return await self._try("" if is_one else self._begin, work)
            except (*RACES, transaction.Moved) as error:
                if number == TRIES_MAX - 1:
                    if isinstance(error, asyncpg.UniqueViolationError):
                        raise
                    raise unavailable(error) from error
                await asyncio.sleep(0.005 * 2**number)
            except TROUBLE as error:
                if isinstance(error, asyncpg.ReadOnlySQLTransactionError):  # after a fail-over: look up who is primary
                    await self._pool.expire_connections()
                raise unavailable(error) from error
        raise AssertionError

    async def _try(self, begin: str, work: Callable[[Any], Awaitable[_Result]]) -> _Result:
        """One transaction, also to read: statements of one transaction stay on one connection behind a pooler. No
        `begin`: the work begins and commits by itself."""
        connection = await self._pool.acquire(timeout=self._options.connect_timeout_seconds)
        is_over = False
        try:
            if begin:
                await connection.execute(begin)
            result = await work(connection)
            if begin:
                await connection.execute(SQL["commit"])
            is_over = True
        except Exception as error:
            is_over = await _rolled_back(connection)
            if is_closed(error):
                raise ConnectionResetError(str(error)) from error
            raise
        finally:
            if not is_over:
                with suppress(asyncpg.InterfaceError):  # the pool may have found out before us
                    connection.terminate()
            await self._pool.release(connection)
        return result

    async def apply(self, event: Event, decide: Decide) -> Decision | None:
        """See the port."""
        if self._pool is None or self._is_closing or self._is_read_only:
            raise StoreUnavailable("the store is not open for writing")
        future: asyncio.Future[Decision | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((event, decide, future))
        self._has_work.set()
        return await future

    async def _write_batches(self) -> None:
        while True:
            await self._has_work.wait()
            self._has_work.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH_MAX], self._waiting[BATCH_MAX:]
                for (_, _, future), result in zip(batch, await self._apply(batch), strict=True):
                    if future.done():
                        continue
                    if isinstance(result, Exception):
                        future.set_exception(result)
                    else:
                        future.set_result(result)
            if self._is_closing:
                return

    async def _apply(self, batch: Sequence[_Write]) -> Sequence[Decision | Exception | None]:
        """All of the batch in one transaction; where the server refuses what one of them holds, or cannot read it, each
        in its own."""
        asked = [(event, decide) for event, decide, _ in batch]
        try:
            return await self._run(lambda connection: transaction.apply(connection, asked, self._now()))
        except StoreUnavailable as error:
            if len(batch) == 1 or not isinstance(error.__cause__, asyncpg.InternalServerError):
                return [error] * len(batch)
        except Exception as error:  # noqa: BLE001 -- handed to the caller; the writer has to live on
            if len(batch) == 1:
                return [error]
        return [result for one in batch for result in await self._apply([one])]

    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        """See the port."""
        return await self._run(lambda connection: transaction.claim(connection, self._now(), lease, limit), is_one=True)

    async def renew(self, claims: Sequence[Claim], lease: timedelta) -> frozenset[str]:
        """See the port."""
        return await self._run(lambda connection: transaction.renew(connection, self._now(), claims, lease))

    async def keep(self, notices: Sequence[Notice]) -> None:
        """See the port."""
        await self._run(lambda connection: transaction.keep(connection, notices))

    async def prune(self, before: datetime) -> None:
        """See the port."""
        await self._run(lambda connection: transaction.prune(connection, before))

    async def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        """See the port."""
        await self._run(lambda connection: transaction.keep_book(connection, version, sources))

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        """See the port."""
        return await self._reserving.reserve(hold, caps)

    async def write_off(self, before: datetime) -> int:
        """See the port."""
        return await self._run(lambda connection: ledger.write_off(connection, before))

    async def check(self) -> None:
        """See the port."""
        await self._run(transaction.probe)

    # Reading

    async def _read(self, query: str, *values: object) -> list[Any]:
        if self._pool is None:
            raise StoreUnavailable("the store is not open")
        try:
            return await self._try(self._begin_reading, lambda connection: _rows(connection, query, values))
        except TROUBLE as error:
            raise unavailable(error) from error

    async def notices(self, limit: int) -> Sequence[Notice]:
        """See the port."""
        return [transaction.decode_notice(row[0]) for row in await self._read("notices", limit)]

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """See the port."""
        rows = await self._read("conversation", plain(conversation_id))
        return transaction.decode_state(rows[0][0]) if rows else None

    async def conversations(self, limit: int) -> Sequence[ConversationSummary]:
        """See the port."""
        rows = await self._read("conversations", limit)
        return [_summary(transaction.decode_state(state), updated_at) for state, updated_at in rows]

    async def find(self, channel: str, address: str) -> str | None:
        """See the port."""
        rows = await self._read("owner_of_any_address", plain(channel), plain(address))
        return str(rows[0][0]) if rows else None

    async def messages(self, conversation_id: str) -> Sequence[Message]:
        """See the port."""
        return [transaction.decode_message(row[0]) for row in await self._read("messages", plain(conversation_id))]

    async def journal(self, conversation_id: str) -> AsyncIterator[JournalEntry]:
        """See the port."""
        for seq, event, effects in await self._read("journal", plain(conversation_id)):
            yield JournalEntry(
                seq=seq, event=transaction.decode_event(event), effects=transaction.decode_effects(effects)
            )

    async def book(self, version: str) -> Mapping[str, str] | None:
        """See the port."""
        rows = await self._read("book", plain(version))
        return transaction.decode_sources(rows[0][0]) if rows else None

    async def conversations_on(self, channel: str) -> AsyncIterator[Conversation]:
        """See the port."""
        after = ""
        while rows := await self._read("conversations_on", channel, after, STANDING_AT_ONCE):
            for after, state in rows:  # noqa: B007 -- the last one is where the next piece begins
                yield transaction.decode_state(state)

    async def standing(self) -> AsyncIterator[Standing]:
        """See the port."""
        after = ""
        while rows := await self._read("standing", after, STANDING_AT_ONCE):
            for after, state in rows:  # noqa: B007 -- the last one is where the next piece begins
                for one in transaction.read_standing(state):
                    yield one

    async def totals(self, keys: Collection[str]) -> Mapping[str, Total]:
        """See the port."""
        return dict(map(ledger.read_total, await self._read("totals", [plain(key) for key in keys])))

    async def spent(self, since: datetime) -> Sequence[Spent]:
        """See the port."""
        return [ledger.read_spent(row) for row in await self._read("spent", since)]

    async def backlog(self) -> Backlog:
        """See the port."""
        rows = await self._read("backlog", self._now())
        queued = (await self._read("backlog_queue"))[0][0]
        return Backlog(
            states={state: count for state, count, _ in rows},
            oldest_due_at=min((oldest for _, _, oldest in rows if oldest), default=None),
            waiting_for_people=queued,
        )


def _summary(state: Conversation, updated_at: datetime) -> ConversationSummary:
    return ConversationSummary(
        id=state.id, channel=state.channel, name=state.name, handler=state.handler, updated_at=updated_at
    )


async def _rows(connection: Any, query: str, values: Sequence[object]) -> list[Any]:
    rows: list[Any] = await connection.fetch(SQL[query], *values)
    return rows


async def _rolled_back(connection: Any) -> bool:
    """Whether the connection can be used again."""
    try:
        if connection.is_closed():
            return False
        await connection.execute(SQL["rollback"], timeout=1)
    except Exception:  # noqa: BLE001 -- whatever it is, the connection is thrown away, and the first error is raised
        return False
    return True


async def _leave_as_it_is(_connection: Any) -> None:
    """Nothing is set on a connection but for one transaction, so that giving it back costs no round trip."""
