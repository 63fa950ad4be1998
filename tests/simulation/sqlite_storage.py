"""The real SQL on a connection in memory, called inline: each verb one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event
from frontdesk.core.message import Message
from frontdesk.core.money import Caps, Hold, Refusal, Total
from frontdesk.core.plan import Decision
from frontdesk.core.usage import Spent
from frontdesk.ports import Backlog, Claim, Clock, ConversationSummary, Decide, JournalEntry, Notice, Standing
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.simulated_process import Storage, System
from frontdesk_plugins.sqlite import ledger
from frontdesk_plugins.sqlite.moment import to_number, to_time
from frontdesk_plugins.sqlite.queries import SQL, migrate
from frontdesk_plugins.sqlite.transaction import (
    Transaction,
    decode_effects,
    decode_event,
    read_conversation,
    read_message,
    read_sources,
    read_standing,
)

_Result = TypeVar("_Result")


class SqliteStorage:
    """What `SqliteStore` does on its writing thread, without the thread."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._connection = sqlite3.connect(":memory:", isolation_level=None)
        migrate(self._connection, 0)
        self._transaction = Transaction(self._connection)

    def restart(self) -> None:
        self._transaction = Transaction(self._connection)
        self._write(lambda transaction: transaction.end_leases(self._clock.now()))

    def earliest(self) -> datetime | None:
        (number,) = self._connection.execute("SELECT min(ready_at) FROM outbox").fetchone()
        return None if number is None else to_time(number)

    def _write(self, run: Callable[[Transaction], _Result]) -> _Result:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = run(self._transaction)
        except BaseException:
            self._transaction.forget()
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        self._transaction.remember()
        return result

    async def apply(self, event: Event, decide: Decide) -> Decision | None:
        return self._write(lambda transaction: transaction.apply(event, decide, self._clock.now()))

    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        return self._write(lambda transaction: transaction.claim(self._clock.now(), lease, limit))

    async def renew(self, claims: Sequence[Claim], lease: timedelta) -> frozenset[str]:
        return self._write(lambda transaction: transaction.renew(self._clock.now(), claims, lease))

    async def keep(self, notices: Sequence[Notice]) -> None:
        self._write(lambda transaction: transaction.keep(notices))

    async def prune(self, before: datetime) -> None:
        self._write(lambda transaction: transaction.prune(before))

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        return self._write(lambda transaction: transaction.reserve(hold, caps))

    async def write_off(self, before: datetime) -> int:
        return self._write(lambda transaction: transaction.write_off(before))

    async def totals(self, keys: Collection[str]) -> Mapping[str, Total]:
        return ledger.totals(self._connection, keys)

    async def spent(self, since: datetime) -> Sequence[Spent]:
        return [ledger.read_spent(row) for row in self._read("spent", to_number(since))]

    async def check(self) -> None:
        self._write(lambda transaction: transaction.probe())

    def _read(self, query: str, *values: object) -> list[Any]:
        return self._connection.execute(SQL[query], values).fetchall()

    async def notices(self, limit: int) -> Sequence[Notice]:
        rows = self._read("notices", limit)
        return [Notice(id=row[0], at=to_time(row[1]), channel=row[2], kind=row[3], text=row[4]) for row in rows]

    async def conversation(self, conversation_id: str) -> Conversation | None:
        rows = self._read("conversation", conversation_id)
        return read_conversation(rows[0][0]) if rows else None

    async def conversations(self, limit: int) -> Sequence[ConversationSummary]:
        return [
            ConversationSummary(id=row[0], channel=row[1], name=row[2], handler=row[3], updated_at=to_time(row[4]))
            for row in self._read("conversations", limit)
        ]

    async def find(self, channel: str, address: str) -> str | None:
        rows = self._read("owner_of_any_address", channel, address)
        return str(rows[0][0]) if rows else None

    async def messages(self, conversation_id: str) -> Sequence[Message]:
        return [read_message(row) for row in self._read("messages", conversation_id)]

    async def journal(self, conversation_id: str) -> AsyncIterator[JournalEntry]:
        for seq, row in enumerate(self._read("journal", conversation_id), start=1):
            yield JournalEntry(seq=seq, event=decode_event(row[0]), effects=decode_effects(row[1]))

    async def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        self._write(lambda transaction: transaction.keep_book(version, sources))

    async def book(self, version: str) -> Mapping[str, str] | None:
        rows = self._read("book", version)
        return read_sources(rows[0][0]) if rows else None

    async def conversations_on(self, channel: str) -> AsyncIterator[Conversation]:
        for _, state in self._read("conversations_on", channel, "", 1_000_000):
            yield read_conversation(state)

    async def standing(self) -> AsyncIterator[Standing]:
        for _, state in self._read("standing", "", 1_000_000):
            for one in read_standing(state):
                yield one

    async def backlog(self) -> Backlog:
        return Backlog(states=dict(self._read("backlog_states")))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._connection.close()


class SqliteSystem(System):
    """One process only: at its start it takes over every lease."""

    is_sole = True

    def store(self, clock: ManualClock) -> Storage:
        return SqliteStorage(clock)
