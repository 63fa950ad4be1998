"""The store's verbs on one connection. Whoever calls them has begun a transaction and will end it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

import msgspec

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import Effect
from frontdesk.core.event import ChannelChanged, Event, StatusChanged
from frontdesk.core.message import Message
from frontdesk.core.plan import Decision
from frontdesk.core.record import book_of
from frontdesk.ports import Claim, Decide, Notice, Standing
from frontdesk_plugins.postgres import ledger
from frontdesk_plugins.postgres.batch import Batch, Entry, Line, Row, Wanted, plain, told
from frontdesk_plugins.postgres.queries import SQL

encode = msgspec.json.Encoder().encode
_encode_sources = msgspec.json.Encoder(order="deterministic").encode
decode_event = msgspec.json.Decoder(Event).decode
decode_effect = msgspec.json.Decoder(Effect).decode
decode_effects = msgspec.json.Decoder(tuple[Effect, ...]).decode
decode_state = msgspec.json.Decoder(Conversation).decode
decode_message = msgspec.json.Decoder(Message).decode
decode_notice = msgspec.json.Decoder(Notice).decode
decode_sources = msgspec.json.Decoder(dict[str, str]).decode
_decode_status = msgspec.json.Decoder(StatusChanged).decode

Connection = Any
"""An asyncpg connection, from the pool or not."""


class Moved(Exception):
    """Between the search for the conversations and their lock another process gave an address to one more."""


async def apply(
    connection: Connection, asked: Sequence[tuple[Event, Decide]], now: datetime | None
) -> list[Decision | Exception | None]:
    """The results in order; an exception where `decide` raised it. The statements and their order are told in
    `store`."""
    batch = await _read(connection, Wanted(event for event, _ in asked))
    results = [_outcome(batch, event, decide) for event, decide in asked]
    if any(_differences(batch)):
        await connection.execute(SQL["write"], *_values(batch, now))
    for (event, _), result in zip(asked, results, strict=True):
        if isinstance(event, ChannelChanged) and isinstance(result, Decision):
            for query in ("move_unsent_messages", "move_sends"):
                await connection.execute(SQL[query], plain(event.target), event.conversation_id)
    return results


def _outcome(batch: Batch, event: Event, decide: Decide) -> Decision | Exception | None:
    try:
        return batch.apply(event, decide)
    except Exception as error:  # noqa: BLE001 -- handed to the caller; a bug in one must not cost the others
        return error


async def _read(connection: Connection, wanted: Wanted) -> Batch:
    """Lock and load what the batch may touch."""
    batch = Batch()
    keys = (*_columns(wanted.addresses, 3), wanted.messages, *_columns(wanted.told, 2), wanted.seen)
    for row in await connection.fetch(SQL["open_batch"], wanted.status_locks, wanted.conversations, *keys):
        _load(batch, *row)
    owners = {owner for owner in batch.owners.read.values() if owner}
    authors = {line.message.conversation_id for line in batch.messages.read.values()}
    if not (owners | authors) <= batch.conversations.read.keys():
        raise Moved
    return batch


def _load(batch: Batch, part: str, words: list[str], at: datetime, numbers: list[int], body: bytes) -> None:
    match part:
        case "conversation":
            batch.steps.load(words[0], numbers[0])
            batch.conversations.load(words[0], decode_state(body))
        case "effect":
            attempt, failures, seq, place = numbers
            known, conversation, kind, state = words
            row = Row(
                id=known,
                conversation_id=conversation,
                kind=kind,  # type: ignore[arg-type]  # written from an effect
                state=state,
                due_at=at,
                attempt=attempt,
                failures=failures,
                seq=seq,
                place=place,
            )
            batch.outbox.load(known, row)
        case "reserved":
            channel, kind, value = words
            batch.owners.load((channel, kind, value), "")
        case "address":
            channel, kind, value, owner = words
            batch.owners.load((channel, kind, value), owner)
        case "seen":
            batch.seen.add(words[0])
        case "message":
            batch.load_message(words[0], decode_message(body))
        case _:
            status = _decode_status(body)
            batch.unmatched.load(status.id, status)


def _columns(rows: Iterable[Sequence[Any]], width: int) -> list[list[Any]]:
    """Rows as the columns that `unnest` takes."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(width)]


def _differences(batch: Batch) -> Iterable[object]:
    """Whether anything is to be written. An address that was reserved is: it is given to somebody or given back."""
    tables = (batch.conversations, batch.messages, batch.outbox, batch.unmatched, batch.owners)
    yield from (table.added() or table.changed() or table.removed() for table in tables)
    yield any(not owner for owner in batch.owners.read.values())
    yield batch.journal.now
    yield batch.ended_holds or batch.charges


def _values(batch: Batch, now: datetime | None) -> list[Any]:
    """What the query `write` takes."""
    owners = [(*key, owner, batch.owners.read[key] or None) for key, owner in batch.owners.changed() if owner]
    unused = [key for key, owner in batch.owners.now.items() if not owner]
    entries = sorted((entry for _, entry in batch.journal.added()), key=lambda entry: entry.event.id)
    return [
        now,
        *_columns(sorted(_conversations(batch), key=itemgetter(0)), 6),
        *_columns(sorted(owners), 5),
        *_columns(sorted(unused), 3),
        *_columns(map(_entry, entries), 5),
        *_columns((_message(line) for _, line in batch.messages.added()), 7),
        *_columns(sorted(_changed_message(line) for _, line in batch.messages.changed()), 3),
        *_columns((_effect(row) for _, row in batch.outbox.added()), 11),
        *_columns(sorted(_changed_effect(row) for _, row in batch.outbox.changed()), 6),
        *_columns(sorted(_place(batch.outbox.read[known]) for known in batch.outbox.removed()), 3),
        *_columns((_status(event) for _, event in batch.unmatched.added()), 4),
        sorted(batch.unmatched.removed()),
        sorted(batch.ended_holds),
        *ledger.columns(batch.charges),
    ]


def _conversations(batch: Batch) -> Iterable[tuple[Any, ...]]:
    for known, steps in (*batch.steps.added(), *batch.steps.changed()):
        state = batch.conversations.now[known]
        if state:
            yield known, plain(state.channel), state.handler.value, steps, book_of(state), encode(state)


def _entry(entry: Entry) -> tuple[Any, ...]:
    return entry.conversation_id, entry.seq, entry.event.id, encode(entry.event), encode(entry.effects)


def _vendors(message: Message) -> str | None:
    return plain(message.provider_message_id) if message.provider_message_id else None


def _message(line: Line) -> tuple[Any, ...]:
    one = line.message
    return one.id, one.conversation_id, line.seq, line.place, plain(line.channel), _vendors(one), encode(one)


def _changed_message(line: Line) -> tuple[Any, ...]:
    return line.message.id, _vendors(line.message), encode(line.message)


def _effect(row: Row) -> tuple[Any, ...]:
    return (
        row.id,
        row.conversation_id,
        row.seq,
        row.place,
        plain(row.channel),
        row.kind,
        row.state,
        row.due_at,
        row.ready_at,
        row.failures,
        encode(row.effect),
    )


def _changed_effect(row: Row) -> tuple[Any, ...]:
    return *_place(row), row.state, row.ready_at, row.failures


def _place(row: Row) -> tuple[str, int, int]:
    """By what an effect is found."""
    return row.conversation_id, row.seq, row.place


def _status(event: StatusChanged) -> tuple[Any, ...]:
    return event.id, *told(event.channel, event.provider_message_id), encode(event)


async def claim(connection: Connection, now: datetime | None, lease: timedelta, limit: int) -> Sequence[Claim]:
    """See `Store.claim`."""
    rows = await connection.fetch(SQL["claim"], now, lease, limit)
    return [
        Claim(
            effect=decode_effect(effect),
            conversation_id=conversation,
            channel=channel,
            attempt=attempt,
            failures=failures,
            is_interrupted=state == "started",
        )
        for _, conversation, channel, state, attempt, failures, effect, _, _ in sorted(rows, key=_readiness)
    ]


def _readiness(row: Any) -> tuple[Any, ...]:
    return row[0], row[1], row["seq"], row["place"]


async def renew(
    connection: Connection, now: datetime | None, claims: Sequence[Claim], lease: timedelta
) -> frozenset[str]:
    """See `Store.renew`."""
    held = _columns(((claim.conversation_id, claim.effect.id, claim.attempt) for claim in claims), 3)
    return frozenset(row[0] for row in await connection.fetch(SQL["renew"], *held, now, lease))


async def keep(connection: Connection, notices: Sequence[Notice]) -> None:
    """See `Store.keep`."""
    values = sorted((plain(one.id), one.at, encode(one)) for one in notices)
    await connection.execute(SQL["add_notices"], *_columns(values, 3))


async def keep_book(connection: Connection, version: str, sources: Mapping[str, str]) -> None:
    """See `Store.keep_book`."""
    await connection.execute(SQL["add_book"], plain(version), _encode_sources(sources))


def read_standing(state: bytes) -> Sequence[Standing]:
    """Who stands in a flow, of one row; nobody where an older release ended the flow without telling the index."""
    found = decode_state(state)
    return [Standing(conversation_id=found.id, name=found.name, run=found.run)] if found.run else []


async def prune(connection: Connection, before: datetime) -> None:
    """See `Store.prune`. Processes that were killed left their rows."""
    for query in ("prune_unmatched", "prune_notices", "prune_processes"):
        await connection.execute(SQL[query], before)
    await connection.execute(SQL["prune_totals"], f"{before:%Y-%m-%d}")


async def probe(connection: Connection) -> None:
    """Write something, so that a full or read-only server shows."""
    await connection.execute(SQL["probe"])
