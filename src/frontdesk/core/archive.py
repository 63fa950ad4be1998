"""What a store holds, as records that every store understands, and the mark that a move leaves. Pure.

Payloads (`state`, `event`, `effects`, `effect`, `sources`) are the JSON that the core's Structs encode to, kept as
bytes: what was evidence in one store is the same evidence in the next. Times are aware UTC, to the microsecond.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Literal, TypeAlias

import msgspec
from msgspec import Struct

from frontdesk.core.message import Message
from frontdesk.core.money import Charge, Hold

Part = Literal[
    "conversations", "addresses", "messages", "journal", "outbox", "early_statuses", "notices", "books", "charges",
    "holds", "totals",
]  # fmt: skip
PARTS: tuple[Part, ...] = (
    "conversations",
    "addresses",
    "messages",
    "journal",
    "outbox",
    "early_statuses",
    "notices",
    "books",
    "charges",
    "holds",
    "totals",
)
"""In the order in which they are copied."""

Key: TypeAlias = tuple[str, ...]
"""By what a record is found in its part: one word, or those of an address."""


class StoredConversation(Struct, frozen=True, kw_only=True):
    """A conversation's snapshot. `steps` is the number of its last journal entry."""

    id: str
    channel: str
    handler: str
    updated_at: datetime
    steps: int
    state: bytes

    @property
    def key(self) -> Key:
        """Its id."""
        return (self.id,)


class StoredAddress(Struct, frozen=True, kw_only=True):
    """Who owns an address, and who did before."""

    channel: str
    kind: str
    value: str
    conversation_id: str
    previous_conversation_id: str | None

    @property
    def key(self) -> Key:
        """The address."""
        return self.channel, self.kind, self.value


class StoredMessage(Struct, frozen=True, kw_only=True):
    """A message, and where it stands: the journal entry that added it and its place among that entry's messages."""

    channel: str
    seq: int
    place: int
    message: Message

    @property
    def key(self) -> Key:
        """Its id."""
        return (self.message.id,)


class StoredEntry(Struct, frozen=True, kw_only=True):
    """A decision in the journal of its conversation."""

    event_id: str
    conversation_id: str
    seq: int
    event: bytes
    effects: bytes

    @property
    def key(self) -> Key:
        """Its event's id."""
        return (self.event_id,)


class StoredEffect(Struct, frozen=True, kw_only=True):
    """An effect that is not settled. `attempt` is the fencing number of its last claim; while `state` is `started`,
    `ready_at` is the end of the lease."""

    id: str
    conversation_id: str
    seq: int
    place: int
    channel: str
    kind: str
    state: str
    due_at: datetime
    ready_at: datetime | None
    attempt: int
    failures: int
    effect: bytes

    @property
    def key(self) -> Key:
        """Its id."""
        return (self.id,)


class StoredStatus(Struct, frozen=True, kw_only=True):
    """A status that came, at `at`, before the message it speaks of was known."""

    event_id: str
    channel: str
    provider_message_id: str
    at: datetime
    event: bytes

    @property
    def key(self) -> Key:
        """Its event's id."""
        return (self.event_id,)


class StoredNotice(Struct, frozen=True, kw_only=True):
    """A notice, as the port has it."""

    id: str
    at: datetime
    channel: str
    kind: str
    text: str
    raw: str
    is_alarm: bool

    @property
    def key(self) -> Key:
        """Its id."""
        return (self.id,)


class StoredBook(Struct, frozen=True, kw_only=True):
    """The files of a version of the flows: JSON, names and texts."""

    version: str
    sources: bytes

    @property
    def key(self) -> Key:
        """Its version."""
        return (self.version,)


class StoredCharge(Struct, frozen=True, kw_only=True):
    """A line of the ledger."""

    charge: Charge

    @property
    def key(self) -> Key:
        """Its id."""
        return (self.charge.id,)


class StoredHold(Struct, frozen=True, kw_only=True):
    """Money that is set aside; a call under way when the move began is paid for by what tells of it afterwards."""

    hold: Hold

    @property
    def key(self) -> Key:
        """Its id."""
        return (self.hold.id,)


class StoredTotal(Struct, frozen=True, kw_only=True):
    """What was spent and what is held in a scope, in billionths of a dollar."""

    scope: str
    until: str
    spent: int
    held: int

    @property
    def key(self) -> Key:
        """Its scope."""
        return (self.scope,)


Record: TypeAlias = (
    StoredConversation
    | StoredAddress
    | StoredMessage
    | StoredEntry
    | StoredEffect
    | StoredStatus
    | StoredNotice
    | StoredBook
    | StoredCharge
    | StoredHold
    | StoredTotal
)


class Mark(Struct, frozen=True, kw_only=True):
    """Why a store must not be served. `move` names the move, the same in both stores; `other` is the other store's
    place, without a password.

    `leaving`: it is being copied to `other`. `left`: it was. `arriving`: it is being filled from `other`, `after` is
    the last key of `part` that it holds. `differs`: it was filled, and is not what it was filled from.
    """

    state: Literal["leaving", "left", "arriving", "differs"]
    move: str
    other: str
    at: datetime
    part: Part = PARTS[0]
    after: Key | None = None

    def sentence(self, place: str) -> str:
        """Why the store at `place` cannot be used, and the cure."""
        again = "run frontdesk migrate-storage again with the same two places"
        reopen = f"frontdesk migrate-storage --reopen {place}"
        match self.state:
            case "leaving":
                return f"the move of {place} to {self.other} is not finished; {again}, or give it up with {reopen}"
            case "left":
                return (
                    f"{place} was moved to {self.other} at {self.at:%Y-%m-%d %H:%M} UTC; serve that one, "
                    f"or go back to what is here with {reopen}"
                )
            case "arriving":
                return f"the move of {self.other} to {place} is not finished; {again}, or name an empty store"
            case "differs":
                return f"{place} is not the same as {self.other}, which was moved there; name an empty store instead"


_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Tally:
    """Counts records and sums them up: the sum of the BLAKE2b digests of their canonical encodings. A sum, so that it
    does not depend on the order, which is each database's own (its collation)."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def add(self, records: Iterable[Record]) -> None:
        """Count these too."""
        for record in records:
            digest = blake2b(_encode(canonical(record)), digest_size=32).digest()
            self._sum = (self._sum + int.from_bytes(digest, "big")) % (1 << 256)
            self.count += 1

    @property
    def checksum(self) -> str:
        """64 hexadecimal digits."""
        return f"{self._sum:064x}"


def canonical(record: Record) -> Record:
    """A record as every store can hold it: where an address is searched by, PostgreSQL keeps � for NUL."""
    if isinstance(record, StoredAddress) and "\0" in record.value + record.channel:
        return msgspec.structs.replace(
            record, channel=record.channel.replace("\0", "�"), value=record.value.replace("\0", "�")
        )
    return record
