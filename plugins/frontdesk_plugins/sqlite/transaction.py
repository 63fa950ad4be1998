"""The store's verbs on one connection, synchronous; whoever calls them has begun a transaction and will end it.

Decoded conversations are remembered between transactions (this is the only process that writes), so that a turn does
not pay for reading back what the turn before has written. What a transaction changed is remembered only once it is
committed.
"""

from __future__ import annotations

import sqlite3
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import msgspec

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import Effect, kind_of
from frontdesk.core.event import (
    Address,
    AddressesLost,
    ChannelChanged,
    Event,
    InConversation,
    SendSucceeded,
    StatusChanged,
)
from frontdesk.core.message import Content, Message, MessageStatus
from frontdesk.core.money import Caps, Hold, Refusal
from frontdesk.core.plan import Decision
from frontdesk.core.record import (
    addresses_gained,
    addresses_left,
    addresses_lost,
    addresses_of,
    book_of,
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
from frontdesk.ports import Claim, Decide, Notice, Standing
from frontdesk_plugins.sqlite import ledger
from frontdesk_plugins.sqlite.moment import to_number, to_time
from frontdesk_plugins.sqlite.queries import SQL

REMEMBERED_MAX = 4_096
"""Conversations kept decoded: some 10 MB."""

PRUNED_AT_ONCE = 1_000
"""Rows: a few milliseconds in which nothing else is written."""

encode = msgspec.json.Encoder().encode
encode_sources = msgspec.json.Encoder(order="deterministic").encode
decode_event = msgspec.json.Decoder(Event).decode
decode_effect = msgspec.json.Decoder(Effect).decode
decode_effects = msgspec.json.Decoder(tuple[Effect, ...]).decode
_decode_state = msgspec.json.Decoder(Conversation).decode
_decode_content = msgspec.json.Decoder(Content).decode
_decode_sources = msgspec.json.Decoder(dict[str, str]).decode


def read_message(row: Sequence[object]) -> Message:
    """A row of the message queries."""
    number, content = row[2], row[4]
    return Message(
        id=str(row[0]),
        conversation_id=str(row[1]),
        at=to_time(number if isinstance(number, int) else 0),
        author=row[3],  # type: ignore[arg-type]  # written from a Message
        content=_decode_content(content if isinstance(content, bytes) else b""),
        status=MessageStatus(str(row[5])),
        provider_message_id=row[6],  # type: ignore[arg-type]
        in_reply_to=row[7],  # type: ignore[arg-type]
        detail=str(row[8]),
    )


def message_row(channel: str, message: Message, seq: int, place: int) -> tuple[object, ...]:
    """What the query `add_message` takes."""
    return (
        message.id,
        message.conversation_id,
        seq,
        place,
        channel,
        to_number(message.at),
        message.author,
        encode(message.content),
        message.status.value,
        message.provider_message_id,
        message.in_reply_to,
        message.detail,
    )


def read_conversation(state: bytes) -> Conversation:
    """A conversation's snapshot."""
    return _decode_state(state)


def read_sources(sources: bytes) -> Mapping[str, str]:
    """The files of a version of the flows."""
    return _decode_sources(sources)


def read_standing(state: bytes) -> Sequence[Standing]:
    """Who stands in a flow, of one row; nobody where an older release ended the flow without telling the index."""
    found = _decode_state(state)
    return [Standing(conversation_id=found.id, name=found.name, run=found.run)] if found.run else []


class Transaction:
    """The verbs. `remember` after the commit, `forget` after a rollback."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._remembered: OrderedDict[str, Conversation] = OrderedDict()
        self._fresh: dict[str, Conversation] = {}
        self._step: dict[str, Conversation] = {}
        self._owners: dict[tuple[str, Address], str] = {}
        self._steps: dict[str, int] = {}

    def remember(self) -> None:
        """What was written is on disk."""
        for known, state in self._fresh.items():
            self._remembered[known] = state
            self._remembered.move_to_end(known)
        self._fresh.clear()
        while len(self._remembered) > REMEMBERED_MAX:
            self._remembered.popitem(last=False)
        if len(self._owners) > 4 * REMEMBERED_MAX:
            self._owners.clear()
        if len(self._steps) > REMEMBERED_MAX:
            self._steps.clear()

    def forget(self) -> None:
        """What was written is not on disk."""
        self._fresh.clear()
        self._owners.clear()
        self._steps.clear()

    def apply(self, event: Event, decide: Decide, now: datetime) -> Decision | None:
        """See `Store.apply`. Reads and decides before it writes, so that what fails has mostly written nothing."""
        self._step.clear()
        decision = self._apply(event, decide, now)
        if decision is not None and isinstance(event, SendSucceeded | StatusChanged):
            self._apply_unmatched(event, decide, now)
        self._fresh.update(self._step)
        return decision

    def _apply_unmatched(self, event: SendSucceeded | StatusChanged, decide: Decide, now: datetime) -> None:
        early = self._execute(SQL["take_unmatched"], (event.channel, event.provider_message_id)).fetchall()
        for _, status in sorted(early):
            self._apply(decode_event(status), decide, now)

    def _apply(self, event: Event, decide: Decide, now: datetime) -> Decision | None:
        if self._is_seen(event):
            return None
        conversation = self._find(event)
        if conversation is None:
            if isinstance(event, StatusChanged):
                self._keep_unmatched(event, now)
            return None
        settled = settlement(event)
        if settled:
            row = self._execute(SQL["attempt"], (settled.effect_id,)).fetchone()
            if is_overtaken(event, row[0] if row else None):
                ledger.pay(self._connection, event, conversation)
                return None
        decision = decide(conversation, event)
        for lost in self._write(conversation, event, decision, now):
            self._apply(lost, decide, now)
        return decision

    def _is_seen(self, event: Event) -> bool:
        if self._execute(SQL["is_seen"], (event.id,)).fetchone():
            return True
        return isinstance(event, StatusChanged) and bool(self._execute(SQL["is_unmatched"], (event.id,)).fetchone())

    def _keep_unmatched(self, event: StatusChanged, now: datetime) -> None:
        values = (event.id, event.channel, event.provider_message_id, to_number(now), encode(event))
        self._execute(SQL["add_unmatched"], values)

    def _find(self, event: Event) -> Conversation | None:
        if isinstance(event, InConversation):
            return self._conversation(event.conversation_id)
        if isinstance(event, StatusChanged):
            message = self._message(event.channel, event.reference, event.provider_message_id)
            return self._conversation(message.conversation_id) if message else None
        for address in addresses_of(event):
            owner = self._owner(event.channel, address)
            found = self._conversation(owner) if owner else None
            if found and not is_stranger(found, event, address):
                return found
        return Conversation(id=conversation_id(event.channel, event.id), channel=event.channel)

    def _owner(self, channel: str, address: Address) -> str | None:
        owner = self._owners.get((channel, address))
        if owner is None:
            row = self._execute(SQL["owner_of_address"], (channel, address.kind, address.value)).fetchone()
            owner = row[0] if row else None
            if owner:
                self._owners[channel, address] = owner
        return owner

    def _own(self, event: Event, conversation: str) -> dict[Address, str]:
        """Give the conversation the event's addresses; those that others had, with whose they were."""
        taken: dict[Address, str] = {}
        channel = gained_on(event)
        for address in addresses_gained(event):
            owner = self._owner(channel, address)
            if owner == conversation:
                continue
            if owner:
                taken[address] = owner
            self._execute(SQL["write_address"], (channel, address.kind, address.value, conversation))
            self._owners[channel, address] = conversation
        for address in addresses_left(event):
            self._execute(SQL["leave_address"], (event.channel, address.kind, address.value, conversation))
            self._owners.pop((event.channel, address), None)
        return taken

    def _conversation(self, known: str) -> Conversation | None:
        state = self._step.get(known) or self._fresh.get(known) or self._remembered.get(known)
        if state is None:
            row = self._execute(SQL["conversation"], (known,)).fetchone()
            state = read_conversation(row[0]) if row else None
        return state

    def _message(self, channel: str, message_id: str | None, provider_message_id: str | None) -> Message | None:
        row = self._execute(SQL["message_by_id"], (message_id,)).fetchone() if message_id else None
        if row is None and provider_message_id:
            row = self._execute(SQL["message_by_provider_message_id"], (provider_message_id, channel)).fetchone()
        return read_message(row) if row else None

    def _write(
        self, before: Conversation, event: Event, decision: Decision, now: datetime
    ) -> tuple[AddressesLost, ...]:
        state = decision.conversation
        seq = self._next_seq(state.id)
        self._execute(SQL["add_journal"], (state.id, seq, event.id, encode(event), encode(decision.effects)))
        self._steps[state.id] = seq
        if state is not before or seq == 1:
            about = (state.id, state.channel, state.name, state.handler.value, to_number(now), book_of(state))
            self._execute(SQL["write_conversation"], (*about, encode(state)))
            self._step[state.id] = state
        ledger.pay(self._connection, event, before)
        taken = self._own(event, state.id)
        may_open = self._settle(event, decision)
        if decision.withdrawn:
            may_open = self._withdraw(state.id, decision) or may_open
        self._change_message(event)
        for place, message in enumerate(new_messages(state.id, event, decision)):
            self._add_message(message_channel(message, event, state), message, seq, place)
        sends = self._add_effects(state, event, seq, decision.effects)
        if isinstance(event, ChannelChanged):
            self._execute(SQL["move_unsent_messages"], (event.target, state.id))
            self._execute(SQL["move_sends"], (event.target, state.id))
        if may_open or sends:
            self._open_lane(state.id)
        return addresses_lost(event, taken)

    def _next_seq(self, conversation: str) -> int:
        steps = self._steps.get(conversation)
        if steps is None:
            (steps,) = self._execute(SQL["steps"], (conversation,)).fetchone()
        return int(steps) + 1

    def _settle(self, event: Event, decision: Decision) -> bool:
        settled = settlement(event)
        if settled:
            match settled.verdict:
                case "close":
                    self._execute(SQL["close"], (settled.effect_id,))
                case "park":
                    self._execute(SQL["park"], (settled.effect_id,))
                case "postpone":
                    until = to_number(settled.until or event.at)
                    self._execute(SQL["postpone"], (until, settled.counts, settled.effect_id))
        for effect_id in decision.closed:
            self._execute(SQL["close"], (effect_id,))
        for effect_id in decision.repeated:
            self._execute(SQL["open"], (to_number(event.at), effect_id))
        return bool(settled or decision.closed)

    def _withdraw(self, conversation: str, decision: Decision) -> bool:
        has_sends = False
        for effect_id, kind in self._execute(SQL["withdrawable"], (conversation,)).fetchall():
            if kind in decision.withdrawn:
                has_sends = has_sends or is_in_lane(kind)
                self._execute(SQL["close"], (effect_id,))
                row = self._execute(SQL["message_by_id"], (effect_id,)).fetchone()
                if row:
                    self._update(withdrawn(read_message(row)))
        return has_sends

    def _change_message(self, event: Event) -> None:
        keys = concerned(event)
        message = self._message(event.channel, keys.id, keys.provider_message_id) if keys else None
        if message:
            after = changed(message, event)
            if after is not message:
                self._update(after)

    def _update(self, message: Message) -> None:
        values = (
            encode(message.content),
            message.status.value,
            message.provider_message_id,
            message.detail,
            message.id,
        )
        self._execute(SQL["change_message"], values)

    def _add_message(self, channel: str, message: Message, seq: int, place: int) -> None:
        self._execute(SQL["add_message"], message_row(channel, message, seq, place))

    def _add_effects(self, about: Conversation, event: Event, seq: int, effects: Iterable[Effect]) -> bool:
        has_sends = False
        for place, effect in enumerate(effects):
            kind, due_at = kind_of(effect), to_number(effect.due_at)
            waits = is_in_lane(kind)
            has_sends = has_sends or waits
            state, ready_at = ("waiting", None) if waits else ("pending", due_at)
            channel = channel_of(kind, event, about)
            values = (effect.id, about.id, seq, place, channel, kind, state, due_at, ready_at, encode(effect))
            self._execute(SQL["add_effect"], values)
        return has_sends

    def _open_lane(self, conversation: str) -> None:
        head = self._execute(SQL["lane"], (conversation,)).fetchone()
        if head and head[1] == "waiting":
            self._execute(SQL["open"], (head[2], head[0]))

    def claim(self, now: datetime, lease: timedelta, limit: int) -> Sequence[Claim]:
        """See `Store.claim`."""
        rows = self._execute(SQL["ready"], (to_number(now), limit)).fetchall()
        until = to_number(now + lease)
        self._connection.executemany(SQL["start"], [(until, row[0]) for row in rows])
        return [
            Claim(
                effect=decode_effect(effect),
                conversation_id=conversation,
                channel=channel,
                attempt=attempt + 1,
                failures=failures,
                is_interrupted=state == "started",
            )
            for _, conversation, channel, state, attempt, failures, effect in rows
        ]

    def renew(self, now: datetime, claims: Sequence[Claim], lease: timedelta) -> frozenset[str]:
        """See `Store.renew`."""
        until = to_number(now + lease)
        run = partial(self._execute, SQL["renew"])
        return frozenset(
            claim.effect.id for claim in claims if run((until, claim.effect.id, claim.attempt)).rowcount == 1
        )

    def end_leases(self, now: datetime) -> None:
        """Whoever held a lease is dead: at the start there is no other process."""
        self._execute(SQL["end_leases"], (to_number(now),))

    def keep(self, notices: Sequence[Notice]) -> None:
        """See `Store.keep`."""
        values = [
            (one.id, to_number(one.at), one.channel, one.kind, one.text, one.raw, one.is_alarm) for one in notices
        ]
        self._connection.executemany(SQL["add_notice"], values)

    def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        """See `Store.keep_book`."""
        self._execute(SQL["add_book"], (version, encode_sources(sources)))

    def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        """See `Ledger.reserve`."""
        return ledger.reserve(self._connection, hold, caps)

    def write_off(self, before: datetime) -> int:
        """See `Ledger.write_off`."""
        return ledger.write_off(self._connection, before)

    def prune(self, before: datetime) -> bool:
        """Some of what `Store.prune` asks for; whether there is more."""
        limits = (to_number(before), PRUNED_AT_ONCE)
        gone = [self._execute(SQL[query], limits).rowcount for query in ("prune_unmatched", "prune_notices")]
        gone.append(self._execute(SQL["prune_totals"], (f"{before:%Y-%m-%d}", PRUNED_AT_ONCE)).rowcount)
        return PRUNED_AT_ONCE in gone

    def probe(self) -> None:
        """Write something, so that a full or read-only disk shows."""
        self._execute(SQL["probe"])
