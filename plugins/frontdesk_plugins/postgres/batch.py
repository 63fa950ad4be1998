"""What a batch of events does, worked out in the process on rows that the transaction has read and locked. No I/O.

Everything that is changed is changed in dictionaries of immutable values by way of `_Table`, which remembers what was
there before: an event on which the rules fail is undone and costs the others nothing, and what is to be written in the
end is the difference to what was read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import Effect, EffectKind, kind_of
from frontdesk.core.event import Address, AddressesLost, Event, InConversation, SendSucceeded, StatusChanged
from frontdesk.core.message import Message
from frontdesk.core.money import Charge, charges, hold_of
from frontdesk.core.plan import Decision
from frontdesk.core.record import (
    addresses_gained,
    addresses_left,
    addresses_lost,
    addresses_of,
    changed,
    channel_of,
    concerned,
    conversation_id,
    gained_on,
    is_in_lane,
    is_overtaken,
    is_stranger,
    message_channel,
    new_messages,
    settlement,
    withdrawn,
)
from frontdesk.ports import Decide

Owned = tuple[str, str, str]
"""A channel, a kind of address and its value."""

Told = tuple[str, str]
"""A channel and a vendor's message id."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_Undo = list[Callable[[], None]]


def plain(text: str) -> str:
    """A word from outside as PostgreSQL's text can hold it; only for what is searched for, the payloads are whole."""
    return text.replace("\0", "�")


def told(channel: str, provider_message_id: str) -> Told:
    """By what a message of the vendor's is found."""
    return plain(channel), plain(provider_message_id)


def owned(channel: str, address: Address) -> Owned:
    """By what the owner of an address is found."""
    return plain(channel), address.kind, plain(address.value)


class Row(Struct, frozen=True, kw_only=True):
    """An effect in the outbox. `effect` and `ready_at` only where this batch has set them."""

    id: str
    conversation_id: str
    kind: EffectKind
    state: str
    due_at: datetime
    attempt: int
    failures: int
    seq: int
    place: int
    channel: str = ""
    ready_at: datetime | None = None
    effect: Effect | None = None


class Entry(Struct, frozen=True, kw_only=True):
    """A decision for the journal."""

    conversation_id: str
    seq: int
    event: Event
    effects: tuple[Effect, ...]


class Line(Struct, frozen=True, kw_only=True):
    """A message, and its place where this batch has added it."""

    channel: str
    message: Message
    seq: int = 0
    place: int = 0


class _Table(Generic[_Key, _Value]):
    """Rows by key: as they were read, and as they are now. None: there is none."""

    def __init__(self, undo: _Undo) -> None:
        self._undo = undo
        self.read: dict[_Key, _Value] = {}
        self.now: dict[_Key, _Value | None] = {}

    def load(self, key: _Key, value: _Value) -> None:
        self.read[key] = self.now[key] = value

    def get(self, key: _Key) -> _Value | None:
        return self.now.get(key)

    def set(self, key: _Key, value: _Value | None) -> None:
        if key in self.now:
            before = self.now[key]
            self._undo.append(lambda: self.now.__setitem__(key, before))
        else:
            self._undo.append(lambda: self.now.__delitem__(key))
        self.now[key] = value

    def added(self) -> list[tuple[_Key, _Value]]:
        return [(key, value) for key, value in self.now.items() if value is not None and key not in self.read]

    def changed(self) -> list[tuple[_Key, _Value]]:
        return [
            (key, value)
            for key, value in self.now.items()
            if value is not None and key in self.read and self.read[key] is not value
        ]

    def removed(self) -> list[_Key]:
        return [key for key in self.read if self.now[key] is None]


class Wanted:
    """What has to be read and locked before these events can be decided. All in order, for all that wait for one
    another wait in the same order then."""

    def __init__(self, events: Iterable[Event]) -> None:
        conversations: set[str] = set()
        addresses: set[Owned] = set()
        messages: set[str] = set()
        news: set[Told] = set()
        statuses: set[Told] = set()
        seen: set[str] = set()
        for event in events:
            seen.add(event.id)
            if isinstance(event, InConversation):
                conversations.add(plain(event.conversation_id))
            addresses.update(owned(gained_on(event), address) for address in addresses_gained(event))
            addresses.update(owned(event.channel, address) for address in addresses_left(event))
            keys = concerned(event)
            if keys and keys.id:
                messages.add(plain(keys.id))
            if keys and keys.provider_message_id:
                news.add(told(event.channel, keys.provider_message_id))
            if isinstance(event, SendSucceeded | StatusChanged):
                statuses.add(told(event.channel, event.provider_message_id))
        self.conversations = sorted(conversations)
        self.addresses = sorted(addresses)
        self.messages = sorted(messages)
        self.told = sorted(news | statuses)
        self.seen = sorted(seen)
        self.status_locks = sorted(
            int.from_bytes(blake2b("\x1f".join(one).encode(), digest_size=8).digest(), signed=True)
            for one in sorted(statuses)
        )


class Batch:
    """The verb `apply` on what was loaded."""

    def __init__(self) -> None:
        self._undo: _Undo = []
        self.conversations: _Table[str, Conversation] = _Table(self._undo)
        self.steps: _Table[str, int] = _Table(self._undo)
        self.owners: _Table[Owned, str] = _Table(self._undo)
        self.outbox: _Table[str, Row] = _Table(self._undo)
        self.messages: _Table[str, Line] = _Table(self._undo)
        self.journal: _Table[str, Entry] = _Table(self._undo)
        self.unmatched: _Table[str, StatusChanged] = _Table(self._undo)
        self._told: _Table[Told, str] = _Table(self._undo)
        self.seen: set[str] = set()
        self.ended_holds: list[str] = []
        self.charges: list[tuple[str, Charge]] = []

    def load_message(self, channel: str, message: Message) -> None:
        """A message that was read."""
        self.messages.load(message.id, Line(channel=channel, message=message))
        if message.provider_message_id:
            self._told.load(told(channel, message.provider_message_id), message.id)

    def apply(self, event: Event, decide: Decide) -> Decision | None:
        """See `Store.apply`. Where it raises, nothing is changed."""
        self._undo.clear()
        try:
            decision = self._apply(event, decide)
            if decision is not None and isinstance(event, SendSucceeded | StatusChanged):
                self._apply_unmatched(event, decide)
        except BaseException:
            for step in reversed(self._undo):
                step()
            raise
        return decision

    def _apply_unmatched(self, event: SendSucceeded | StatusChanged, decide: Decide) -> None:
        key = told(event.channel, event.provider_message_id)
        for status in [one for one in self.unmatched.now.values() if one]:
            if told(status.channel, status.provider_message_id) == key:
                self.unmatched.set(status.id, None)
                self._apply(status, decide)

    def _apply(self, event: Event, decide: Decide) -> Decision | None:
        if event.id in self.seen or self.journal.get(event.id) or self.unmatched.get(event.id):
            return None
        conversation = self._find(event)
        if conversation is None:
            if isinstance(event, StatusChanged):
                self.unmatched.set(event.id, event)
            return None
        settled = settlement(event)
        row = self.outbox.get(settled.effect_id) if settled else None
        if is_overtaken(event, row.attempt if row else None):
            self._pay(event, conversation)
            return None
        decision = decide(conversation, event)
        self._pay(event, conversation)
        for lost in self._write(event, decision):
            self._apply(lost, decide)
        return decision

    def _pay(self, event: Event, conversation: Conversation) -> None:
        """What the event costs, each line with the hold that it is paid from (the database knows whether there is
        one)."""
        hold, lines, ended = hold_of(event), len(self.charges), len(self.ended_holds)
        self._undo.append(lambda: self.charges.__delitem__(slice(lines, None)))
        self._undo.append(lambda: self.ended_holds.__delitem__(slice(ended, None)))
        self.charges += ((hold, one) for one in charges(event, conversation))
        self.ended_holds += [hold] if hold else []

    def _find(self, event: Event) -> Conversation | None:
        if isinstance(event, InConversation):
            return self.conversations.get(event.conversation_id)
        if isinstance(event, StatusChanged):
            line = self._message(event.channel, event.reference, event.provider_message_id)
            return self.conversations.get(line.message.conversation_id) if line else None
        for address in addresses_of(event):
            owner = self.owners.get(owned(event.channel, address))
            found = self.conversations.get(owner) if owner else None
            if found and not is_stranger(found, event, address):
                return found
        return Conversation(id=conversation_id(event.channel, event.id), channel=event.channel)

    def _message(self, channel: str, message_id: str | None, provider_message_id: str | None) -> Line | None:
        line = self.messages.get(message_id) if message_id else None
        if line is None and provider_message_id:
            known = self._told.get(told(channel, provider_message_id))
            line = self.messages.get(known) if known else None
        return line

    def _write(self, event: Event, decision: Decision) -> tuple[AddressesLost, ...]:
        known = decision.conversation.id
        seq = (self.steps.get(known) or 0) + 1
        self.steps.set(known, seq)
        self.conversations.set(known, decision.conversation)
        self.journal.set(event.id, Entry(conversation_id=known, seq=seq, event=event, effects=decision.effects))
        taken = self._own(event, known)
        self._settle(event, decision)
        self._withdraw(known, decision.withdrawn)
        self._change_message(event)
        for place, message in enumerate(new_messages(known, event, decision)):
            channel = message_channel(message, event, decision.conversation)
            self._set_message(Line(channel=channel, message=message, seq=seq, place=place))
        for place, effect in enumerate(decision.effects):
            channel = channel_of(kind_of(effect), event, decision.conversation)
            self._add(effect, known, channel, seq, place)
        self._open_lane(known)
        return addresses_lost(event, taken)

    def _own(self, event: Event, conversation: str) -> dict[Address, str]:
        """Give the conversation the event's addresses; those that others had, with whose they were."""
        taken: dict[Address, str] = {}
        for address in addresses_gained(event):
            key = owned(gained_on(event), address)
            owner = self.owners.get(key)
            if owner != conversation:
                self.owners.set(key, conversation)
                if owner:
                    taken[address] = owner
        for address in addresses_left(event):
            key = owned(event.channel, address)
            if self.owners.get(key) == conversation:
                self.owners.set(key, "")
        return taken

    def _settle(self, event: Event, decision: Decision) -> None:
        settled = settlement(event)
        row = self.outbox.get(settled.effect_id) if settled else None
        if settled and row:
            match settled.verdict:
                case "close":
                    self.outbox.set(row.id, None)
                case "park":
                    self.outbox.set(row.id, msgspec.structs.replace(row, state="unknown", ready_at=None))
                case "postpone":
                    counted = msgspec.structs.replace(row, failures=row.failures + settled.counts)
                    self._open(counted, settled.until or event.at)
        for effect_id in decision.closed:
            if self.outbox.get(effect_id):
                self.outbox.set(effect_id, None)
        for effect_id in decision.repeated:
            repeated = self.outbox.get(effect_id)
            if repeated:
                self._open(repeated, event.at)

    def _withdraw(self, conversation: str, kinds: tuple[EffectKind, ...]) -> None:
        for row in list(self._rows(conversation)) if kinds else ():
            if row.kind in kinds and (row.state in ("pending", "waiting") or not is_in_lane(row.kind)):
                self.outbox.set(row.id, None)
                line = self.messages.get(row.id)
                if line:
                    self._set_message(msgspec.structs.replace(line, message=withdrawn(line.message)))

    def _change_message(self, event: Event) -> None:
        keys = concerned(event)
        line = self._message(event.channel, keys.id, keys.provider_message_id) if keys else None
        if line:
            after = changed(line.message, event)
            if after is not line.message:
                self._set_message(msgspec.structs.replace(line, message=after))

    def _set_message(self, line: Line) -> None:
        self.messages.set(line.message.id, line)
        if line.message.provider_message_id:
            self._told.set(told(line.channel, line.message.provider_message_id), line.message.id)

    def _add(self, effect: Effect, conversation: str, channel: str, seq: int, place: int) -> None:
        kind = kind_of(effect)
        row = Row(
            id=effect.id,
            conversation_id=conversation,
            kind=kind,
            state="waiting",
            due_at=effect.due_at,
            attempt=0,
            failures=0,
            seq=seq,
            place=place,
            channel=channel,
            effect=effect,
        )
        self.outbox.set(row.id, row)
        if not is_in_lane(kind):
            self._open(row, effect.due_at)

    def _open(self, row: Row, at: datetime) -> None:
        self.outbox.set(row.id, msgspec.structs.replace(row, state="pending", ready_at=at))

    def _open_lane(self, conversation: str) -> None:
        lane = [row for row in self._rows(conversation) if is_in_lane(row.kind)]
        head = min(lane, key=lambda row: (row.seq, row.place), default=None)
        if head and head.state == "waiting":
            self._open(head, head.due_at)

    def _rows(self, conversation: str) -> Iterator[Row]:
        return (row for row in self.outbox.now.values() if row and row.conversation_id == conversation)
