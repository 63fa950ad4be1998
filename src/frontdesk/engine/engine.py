"""Take an event in: apply it, wake whoever has work from it. That is all that stands between HTTP and the rules."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from typing import Literal

import msgspec
import structlog
from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.decide import decide, give_up
from frontdesk.core.event import Event, MessageReceived, StatusChanged
from frontdesk.core.flow import Flows, UnknownBook
from frontdesk.core.message import MessageStatus
from frontdesk.core.money import with_price
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.engine.gate import Gate
from frontdesk.engine.library import NO_LIBRARY, BookLost, Borrowed, Shelf
from frontdesk.engine.metrics import Metrics
from frontdesk.ports import Clock, Notice, OutgoingMessage, Received, Signal, Store

log = structlog.get_logger("frontdesk.engine")

STATUS_IS_NEWS_FOR = timedelta(minutes=10)
"""A status that comes later says nothing of the account as it is now."""

TOPIC = "gates"
"""Under which the processes tell one another what statuses say of a channel."""

BOOKS_MAX = 16
"""Versions of flows that one event may need: its own, and those of the conversations that it touches."""

LEFT_THE_VENDOR = {MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ}


class News(Struct, frozen=True, array_like=True):
    """Of a channel, for the other processes: `barred` by a status with the error code `ids`; a message with these `ids`
    has `left` the vendor; it is `open` again."""

    what: Literal["barred", "left", "open"]
    channel: str
    ids: tuple[str, ...] = ()


_decode_news = msgspec.json.Decoder(News).decode


class Engine:
    """The rules, bound to a policy, to the versions of the flows and to a store."""

    def __init__(  # noqa: PLR0913 -- one name a part; those that may be missing by keyword only
        self,
        store: Store,
        policy: Policy,
        signal: Signal,
        clock: Clock,
        metrics: Metrics,
        channels: Iterable[str] = (),
        *,
        library: Shelf = NO_LIBRARY,
        message_prices: Mapping[str, str] | None = None,
    ) -> None:
        self._store = store
        self._policy = policy
        self._signal = signal
        self._clock = clock
        self._metrics = metrics
        self._message_prices = message_prices or {}
        self.library = library
        self._dead: dict[str, Notice] = {}
        self.gates = {name: Gate() for name in channels}
        self._troubles: dict[str, dict[str, str]] = {}

    def gate(self, channel: str) -> Gate:
        """What is known of how a channel may send."""
        return self.gates.setdefault(channel, Gate())

    async def take(self, received: Received, *, is_former: bool = False) -> None:
        """Keep and decide all that a request held. `is_former`: the channel's former vendor made it. Raises
        StoreUnavailable when any of it may not be on disk."""
        if received.notices:
            await self.note(received.notices)
        if len(received.events) == 1:
            await self.handle(received.events[0], is_former=is_former)
        elif received.events:
            await asyncio.gather(*(self.handle(event, is_former=is_former) for event in received.events))

    def told(self, channel: str, troubles: Mapping[str, str]) -> None:
        """What is wrong with a channel's way in, by its parts; "" where one works."""
        self._troubles.setdefault(channel, {}).update(troubles)

    def troubles(self) -> list[str]:
        """What is wrong with the ways in, as sentences with their cures."""
        known = ((name, sentence) for name, parts in self._troubles.items() for sentence in parts.values())
        return [f"channel {name}: {sentence}" for name, sentence in known if sentence]

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """The state as it stands. Raises StoreUnavailable."""
        return await self._store.conversation(conversation_id)

    async def is_known_elsewhere(self, state: Conversation, channel: str) -> bool:
        """Whether the contact has another conversation on that channel. Raises StoreUnavailable."""
        owners = [await self._store.find(channel, address.value) for address in state.addresses]
        return any(owner not in (None, state.id) for owner in owners)

    async def sent_message(self, conversation_id: str, effect_id: str) -> tuple[OutgoingMessage, datetime] | None:
        """A message that was to be sent, as it was handed to the channel, and when it was decided. Raises
        StoreUnavailable."""
        state = await self._store.conversation(conversation_id)
        messages = await self._store.messages(conversation_id)
        found = next((one for one in messages if one.id == effect_id), None)
        if state is None or found is None:
            return None
        return OutgoingMessage(reference=effect_id, to=state.addresses, content=found.content), found.at

    async def take_found(self, conversation_id: str, found: Received, *, is_former: bool = False) -> None:
        """What a vendor's log tells of a message whose fate is unknown. What it tells of a message that another one is
        known to be is left out: two may say the same. Raises StoreUnavailable."""
        known = {one.provider_message_id: one.id for one in await self._store.messages(conversation_id)}
        events = (
            event
            for event in found.events
            if not isinstance(event, StatusChanged)
            or known.get(event.provider_message_id, event.reference) == event.reference
        )
        await self.take(msgspec.structs.replace(found, events=tuple(events)), is_former=is_former)

    async def handle(self, event: Event, *, is_former: bool = False) -> Decision | None:
        """Apply one event, under the flows in force where it does not say which. What a former vendor (`is_former`)
        tells of its account is not learned from: the channel does not send by it. None: the event was known, or came
        too late to count. Raises StoreUnavailable."""
        if not event.flows and (current := self.library.current):
            event = msgspec.structs.replace(event, flows=current)
        if isinstance(event, StatusChanged) and event.pricing:
            event = with_price(event, self._message_prices)
        try:
            decision = await self._store.apply(event, self.rules)
        except UnknownBook as unknown:
            decision = await self._apply_with_more(event, unknown.version)
        await self._note_dead()
        if decision is None:
            self._metrics.duplicates.inc()
            return None
        self._metrics.events.labels(event.__struct_config__.tag).inc()
        if isinstance(event, MessageReceived):
            self._metrics.turns.inc()
        if isinstance(event, StatusChanged) and not is_former:
            self._learn(event)
        self._wake(decision)
        return decision

    async def _apply_with_more(self, event: Event, version: str) -> Decision | None:
        """Apply an event for which the rules want a version of the flows that is not at hand."""
        borrowed = Borrowed(self.library)
        for _ in range(BOOKS_MAX):
            await borrowed.fetch(version)
            try:
                return await self._store.apply(event, partial(self._decide, borrowed))
            except UnknownBook as unknown:
                version = unknown.version
        endless = BookLost(f"the rules ask for one version of the flows after the other, {version} in the end")
        return await self._store.apply(event, lambda state, one: self._dead_letter(state, one, endless))

    def _learn(self, event: StatusChanged) -> None:
        """What a status tells of the account: some vendors take messages and refuse them afterwards. The process that
        takes statuses need not be the one that sends, so the others are told."""
        now, channel = self._clock.now(), event.channel
        barring = next((error for error in event.errors if error.bars_account), None)
        if barring is None:
            if event.status in LEFT_THE_VENDOR:
                self._confirm(channel, tuple(filter(None, (event.reference, event.provider_message_id))), is_told=False)
        elif now - event.changed_at < STATUS_IS_NEWS_FOR:
            reason = f"{barring.title} (error {barring.code}): {barring.details}"
            self.gate(channel).barred(now, reason, by_status=True)
            self._tell(News("barred", channel, (barring.code,)))

    def _confirm(self, channel: str, ids: tuple[str, ...], *, is_told: bool) -> None:
        gate = self.gate(channel)
        if not gate.pause_reason:
            return
        gate.confirmed(*ids)
        if not gate.pause_reason:
            self._tell(News("open", channel))
        elif not is_told:
            self._tell(News("left", channel, ids))

    def _tell(self, news: News) -> None:
        self._signal.publish(TOPIC, msgspec.json.encode(news).decode())

    async def hear(self) -> None:
        """Learn from the other processes, for ever. What is lost on the way is learned later, by the next status."""
        async for word in self._signal.listen(TOPIC):
            with suppress(msgspec.DecodeError):  # words were lost, or another release told them
                self._heard(_decode_news(word))

    def _heard(self, news: News) -> None:
        gate = self.gate(news.channel)
        match news.what:
            case "barred" if not gate.pause_reason:
                reason = f"the vendor refuses what it took (error {', '.join(news.ids)}), as another process was told"
                gate.barred(self._clock.now(), reason, by_status=True)
            case "left":
                self._confirm(news.channel, news.ids, is_told=True)
            case "open":
                gate.reopen()
            case _:
                pass

    async def _note_dead(self) -> None:
        """Dead letters, and those of early statuses that this event has brought home."""
        for event_id, notice in list(self._dead.items()):
            await self.note([notice])
            self._dead.pop(event_id, None)

    async def note(self, notices: Sequence[Notice]) -> None:
        """Keep what belongs to no conversation, and say aloud what a person has to act on. The words of the others may
        be about a contact, and stay in the store."""
        await self._store.keep(notices)
        for notice in notices:
            if notice.is_alarm:
                log.warning("notice", channel=notice.channel, kind=notice.kind, text=notice.text)
            else:
                log.info("notice", channel=notice.channel, kind=notice.kind, id=notice.id)

    def _wake(self, decision: Decision) -> None:
        now = self._clock.now()
        if any(effect.due_at <= now for effect in decision.effects) or decision.closed or not decision.effects:
            self._signal.wake()
        for effect in decision.effects:
            if effect.due_at > now:
                self._signal.wake((effect.due_at - now).total_seconds())

    def rules(self, conversation: Conversation, event: Event) -> Decision:
        """`decide` under this policy; where it fails, the decision of a dead letter. What a replay compares with.
        Raises UnknownBook."""
        return self._decide(self.library, conversation, event)

    def _decide(self, flows: Flows, conversation: Conversation, event: Event) -> Decision:
        try:
            return decide(conversation, event, self._policy, flows)
        except UnknownBook:
            raise
        except Exception as error:  # noqa: BLE001 -- a bug in the rules must not stop the conversations behind it
            return self._dead_letter(conversation, event, error)

    def _dead_letter(self, conversation: Conversation, event: Event, error: Exception) -> Decision:
        """People get the conversation, with the cause; the event stays in the journal to be decided again."""
        cause = f"{type(error).__name__}: {error}"
        log.error("dead letter", event_id=event.id, conversation_id=conversation.id, cause=cause, exc_info=error)
        self._metrics.dead_letters.inc()
        self._dead[event.id] = Notice(
            id=event.id,
            at=event.at,
            channel=event.channel,
            kind="dead_letter",
            text=f"the rules failed on an event of conversation {conversation.id}: {cause}",
            raw=msgspec.json.encode(event).decode(),
            is_alarm=True,
        )
        return give_up(conversation, event, self._policy, f"the rules failed: {cause}")
