"""Doubles that keep the ports' promises: a store in memory, a clock set by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Self

import msgspec

from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.effect import Effect, EffectKind, kind_of
from frontdesk.core.event import (
    Address,
    AddressesLost,
    ChannelChanged,
    Event,
    InConversation,
    SendSucceeded,
    StatusChanged,
    Usage,
)
from frontdesk.core.letters import clean_lines
from frontdesk.core.message import Message
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
from frontdesk.core.usage import Spent, added_up
from frontdesk.perception import WORDS_CHARACTERS_MAX, ContactFile, MadeOut
from frontdesk.ports import (
    Backlog,
    Claim,
    Clock,
    ConversationSummary,
    Decide,
    JournalEntry,
    Notice,
    PermanentFailure,
    Standing,
)


class ManualClock:
    """Stands still until it is told."""

    def __init__(self, now: datetime = datetime(2026, 11, 1, 9, tzinfo=UTC)) -> None:
        self._now = now

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += timedelta(seconds=seconds)


class ReadingPerception:
    """Makes out of a file what stands in it, as if it were text: enough for tests, and as strict as the port."""

    async def perceive(self, file: ContactFile, *, within_seconds: float) -> MadeOut:
        """See the port."""
        if within_seconds <= 0:
            raise PermanentFailure("there was no time left to make out the file", code="deadline")
        words = clean_lines(file.body.decode("utf-8", "replace")).strip()[:WORDS_CHARACTERS_MAX].strip()
        return MadeOut(words=words, model="reading", usage=Usage(tokens_in=len(file.body), cost_usd="0"))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class _Row:
    """An effect in the outbox; see the port's docstring for what `ready_at` means."""

    def __init__(self, effect: Effect, conversation: str, channel: str) -> None:
        self.effect = effect
        self.kind: EffectKind = kind_of(effect)
        self.conversation = conversation
        self.channel = channel
        self.state = "waiting"
        self.ready_at: datetime | None = None
        self.attempt = 0
        self.failures = 0

    def open(self, at: datetime) -> None:
        self.state, self.ready_at = "pending", at


class MemoryStore:
    """The store's promises in dictionaries, for the simulator and for tests of what stands above a store. Survives
    a simulated crash of everything else, as a disk would."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._conversations: dict[str, Conversation] = {}
        self._updated: dict[str, datetime] = {}
        self._addresses: dict[tuple[str, Address], str] = {}
        self._messages: dict[str, Message] = {}
        self._by_provider_id: dict[tuple[str, str], str] = {}
        self._journal: dict[str, list[JournalEntry]] = {}
        self._seen: set[str] = set()
        self._outbox: dict[str, _Row] = {}
        self._unmatched: dict[str, StatusChanged] = {}
        self._notices: dict[str, Notice] = {}
        self._books: dict[str, Mapping[str, str]] = {}
        self._charges: dict[str, Charge] = {}
        self._holds: dict[str, Hold] = {}
        self._totals: dict[str, Total] = {}
        self._until: dict[str, str] = {}

    async def apply(self, event: Event, decide: Decide) -> Decision | None:
        """See the port."""
        decision = self._apply(event, decide)
        if isinstance(event, SendSucceeded | StatusChanged) and decision is not None:
            self._apply_unmatched(event, decide)
        return decision

    def _apply_unmatched(self, event: SendSucceeded | StatusChanged, decide: Decide) -> None:
        early = [
            status
            for status in self._unmatched.values()
            if (status.channel, status.provider_message_id) == (event.channel, event.provider_message_id)
        ]
        for status in early:
            del self._unmatched[status.id]
            self._apply(status, decide)

    def _apply(self, event: Event, decide: Decide) -> Decision | None:
        if event.id in self._seen or event.id in self._unmatched:
            return None
        conversation = self._find(event)
        if conversation is None:
            if isinstance(event, StatusChanged):
                self._unmatched[event.id] = event
            return None
        settled = settlement(event)
        row = self._outbox.get(settled.effect_id) if settled else None
        if is_overtaken(event, row.attempt if row else None):
            self._pay(event, conversation)
            return None
        decision = decide(conversation, event)
        self._seen.add(event.id)
        self._pay(event, conversation)
        for lost in self._write(conversation.id, event, decision):
            self._apply(lost, decide)
        return decision

    def _find(self, event: Event) -> Conversation | None:
        if isinstance(event, InConversation):
            return self._conversations.get(event.conversation_id)
        if isinstance(event, StatusChanged):
            message = self._message(event.channel, event.reference, event.provider_message_id)
            return self._conversations[message.conversation_id] if message else None
        for address in addresses_of(event):
            owner = self._addresses.get((event.channel, address))
            if owner and not is_stranger(self._conversations[owner], event, address):
                return self._conversations[owner]
        return Conversation(id=conversation_id(event.channel, event.id), channel=event.channel)

    def _message(self, channel: str, message_id: str | None, provider_message_id: str | None) -> Message | None:
        if message_id in self._messages:
            return self._messages[message_id]
        known = self._by_provider_id.get((channel, provider_message_id or ""))
        return self._messages[known] if known else None

    def _write(self, conversation: str, event: Event, decision: Decision) -> tuple[AddressesLost, ...]:
        self._conversations[conversation] = decision.conversation
        self._updated[conversation] = event.at
        taken: dict[Address, str] = {}
        for address in addresses_gained(event):
            owner = self._addresses.get((gained_on(event), address))
            if owner and owner != conversation:
                taken[address] = owner
            self._addresses[gained_on(event), address] = conversation
        for address in addresses_left(event):
            if self._addresses.get((event.channel, address)) == conversation:
                del self._addresses[event.channel, address]
        entries = self._journal.setdefault(conversation, [])
        entries.append(JournalEntry(seq=len(entries) + 1, event=event, effects=decision.effects))
        self._settle(event, decision)
        self._withdraw(conversation, decision.withdrawn)
        self._change_message(event)
        for message in new_messages(conversation, event, decision):
            self._keep_message(message_channel(message, event, decision.conversation), message)
        for effect in decision.effects:
            self._add(_Row(effect, conversation, channel_of(kind_of(effect), event, decision.conversation)))
        if isinstance(event, ChannelChanged):
            for row in self._rows(conversation):
                row.channel = event.target if is_in_lane(row.kind) else row.channel
        self._open_lane(conversation)
        return addresses_lost(event, taken)

    def _settle(self, event: Event, decision: Decision) -> None:
        settled = settlement(event)
        row = self._outbox.get(settled.effect_id) if settled else None
        if settled and row:
            match settled.verdict:
                case "close":
                    del self._outbox[settled.effect_id]
                case "park":
                    row.state, row.ready_at = "unknown", None
                case "postpone":
                    row.open(settled.until or event.at)
                    row.failures += settled.counts
        for effect_id in decision.closed:
            self._outbox.pop(effect_id, None)
        for effect_id in decision.repeated:
            if effect_id in self._outbox:
                self._outbox[effect_id].open(event.at)

    def _withdraw(self, conversation: str, kinds: tuple[EffectKind, ...]) -> None:
        for row in self._rows(conversation):
            if row.kind in kinds and (row.state in ("pending", "waiting") or not is_in_lane(row.kind)):
                del self._outbox[row.effect.id]
                message = self._messages.get(row.effect.id)
                if message:
                    self._messages[message.id] = withdrawn(message)

    def _change_message(self, event: Event) -> None:
        keys = concerned(event)
        message = self._message(event.channel, keys.id, keys.provider_message_id) if keys else None
        if message:
            self._keep_message(event.channel, changed(message, event))

    def _keep_message(self, channel: str, message: Message) -> None:
        self._messages[message.id] = message
        if message.provider_message_id:
            self._by_provider_id[channel, message.provider_message_id] = message.id

    def _add(self, row: _Row) -> None:
        self._outbox[row.effect.id] = row
        if not is_in_lane(row.kind):
            row.open(row.effect.due_at)

    def _open_lane(self, conversation: str) -> None:
        head = next((row for row in self._rows(conversation) if is_in_lane(row.kind)), None)
        if head and head.state == "waiting":
            head.open(head.effect.due_at)

    def _rows(self, conversation: str) -> list[_Row]:
        return [row for row in self._outbox.values() if row.conversation == conversation]

    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        """See the port."""
        now = self._clock.now()
        ready = [row for row in self._outbox.values() if row.ready_at and row.ready_at <= now]
        ready.sort(key=lambda row: row.ready_at or now)
        return [self._claimed(row, now + lease) for row in ready[:limit]]

    def _claimed(self, row: _Row, until: datetime) -> Claim:
        is_interrupted = row.state == "started"
        row.state, row.ready_at, row.attempt = "started", until, row.attempt + 1
        return Claim(
            effect=row.effect,
            conversation_id=row.conversation,
            channel=row.channel,
            attempt=row.attempt,
            failures=row.failures,
            is_interrupted=is_interrupted,
        )

    def _held(self, claims: Sequence[Claim]) -> Iterator[_Row]:
        for claim in claims:
            row = self._outbox.get(claim.effect.id)
            if row and row.state == "started" and row.attempt == claim.attempt:
                yield row

    async def renew(self, claims: Sequence[Claim], lease: timedelta) -> frozenset[str]:
        """See the port."""
        held = list(self._held(claims))
        for row in held:
            row.ready_at = self._clock.now() + lease
        return frozenset(row.effect.id for row in held)

    async def keep(self, notices: Sequence[Notice]) -> None:
        """See the port."""
        for notice in notices:
            self._notices.setdefault(notice.id, notice)

    async def prune(self, before: datetime) -> None:
        """See the port."""
        self._notices = {known: notice for known, notice in self._notices.items() if notice.at >= before}
        self._unmatched = {known: status for known, status in self._unmatched.items() if status.at >= before}
        day = f"{before:%Y-%m-%d}"
        self._totals = {key: one for key, one in self._totals.items() if not "" < self._until[key] < day}

    async def notices(self, limit: int) -> Sequence[Notice]:
        """See the port."""
        return sorted(self._notices.values(), key=lambda notice: notice.at, reverse=True)[:limit]

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """See the port."""
        return self._conversations.get(conversation_id)

    async def conversations(self, limit: int) -> Sequence[ConversationSummary]:
        """See the port."""
        newest = sorted(self._updated, key=lambda known: self._updated[known], reverse=True)
        return [self._summary(self._conversations[known]) for known in islice(newest, limit)]

    def _summary(self, state: Conversation) -> ConversationSummary:
        return ConversationSummary(
            id=state.id,
            channel=state.channel,
            name=state.name,
            handler=state.handler,
            updated_at=self._updated[state.id],
        )

    async def find(self, channel: str, address: str) -> str | None:
        """See the port."""
        owned = ((known[0], known[1].value, owner) for known, owner in self._addresses.items())
        return next((owner for name, value, owner in owned if (name, value) == (channel, address)), None)

    async def messages(self, conversation_id: str) -> Sequence[Message]:
        """See the port."""
        return [message for message in self._messages.values() if message.conversation_id == conversation_id]

    async def journal(self, conversation_id: str) -> AsyncIterator[JournalEntry]:
        """See the port."""
        for entry in self._journal.get(conversation_id, ()):
            yield entry

    async def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        """See the port."""
        self._books.setdefault(version, dict(sources))

    async def book(self, version: str) -> Mapping[str, str] | None:
        """See the port."""
        return self._books.get(version)

    async def conversations_on(self, channel: str) -> AsyncIterator[Conversation]:
        """See the port."""
        for state in list(self._conversations.values()):
            if state.channel == channel:
                yield state

    async def standing(self) -> AsyncIterator[Standing]:
        """See the port."""
        for state in list(self._conversations.values()):
            if state.run:
                yield Standing(conversation_id=state.id, name=state.name, run=state.run)

    def _pay(self, event: Event, conversation: Conversation) -> None:
        self._write_charges(charges(event, conversation), self._ended(hold_of(event)))

    def _ended(self, known: str) -> Hold | Charge | None:
        """The hold, or what was written where it was given up as lost; once money was set aside again, both."""
        hold, lost = self._holds.pop(known, None), self._charges.pop(lost_id(known), None)
        if hold and lost:
            self._write_charges((), lost)
        return hold or lost

    def _write_charges(self, found: Sequence[Charge], ended: Hold | Charge | None) -> None:
        written = [one for one in begun_at(found, ended) if one.id not in self._charges]
        self._charges.update((one.id, one) for one in written)
        for change in movements(written, ended):
            self._move(change.scope, change.spent, change.held)

    def _move(self, scope: Scope, spent: int, held: int) -> None:
        before = self._totals.get(scope.key, Total())
        self._totals[scope.key] = Total(before.spent + spent, before.held + held)
        self._until[scope.key] = scope.until

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        """See the port."""
        known = self._holds.get(hold.id)
        hold, before = msgspec.structs.replace(hold, at=known.at if known else hold.at), known.nano_usd if known else 0
        where = scopes(hold.conversation_id, hold.at)
        refusal = judge(self._totals, where, caps, amount=hold.nano_usd, known=before)
        if refusal is None:
            self._holds[hold.id] = hold
            for scope in where:
                self._move(scope, 0, hold.nano_usd - before)
        return refusal

    async def write_off(self, before: datetime) -> int:
        """See the port."""
        old = [hold for hold in self._holds.values() if hold.at < before]
        for hold in old:
            self._write_charges([written_off(hold)], self._ended(hold.id))
        return len(old)

    async def totals(self, keys: Collection[str]) -> Mapping[str, Total]:
        """See the port."""
        return {key: self._totals[key] for key in keys if key in self._totals}

    async def spent(self, since: datetime) -> Sequence[Spent]:
        """See the port."""
        return added_up(one for one in self._charges.values() if one.at >= since)

    async def backlog(self) -> Backlog:
        """See the port."""
        states: dict[str, int] = {}
        for row in self._outbox.values():
            states[row.state] = states.get(row.state, 0) + 1
        due = [row.ready_at for row in self._outbox.values() if row.ready_at and row.ready_at <= self._clock.now()]
        queued = sum(state.handler is Handler.QUEUE for state in self._conversations.values())
        return Backlog(states=states, oldest_due_at=min(due, default=None), waiting_for_people=queued)

    async def check(self) -> None:
        """Memory takes every write."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None
