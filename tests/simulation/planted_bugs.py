"""Bugs put in on purpose, one promise broken by each: a simulator that does not find them is too weak.

Each is what somebody could write in good faith; some were really there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.decide import decide
from frontdesk.core.effect import CallHttp, Effect, EffectKind, SendMessage, kind_of
from frontdesk.core.event import (
    EffectPostponed,
    Event,
    MessageReceived,
    Outcome,
    Perceived,
    ReplyDrafted,
    SendSucceeded,
    StatusChanged,
)
from frontdesk.core.flow import Book
from frontdesk.core.message import Choice, Text
from frontdesk.core.offering import tap_id
from frontdesk.core.plan import Decision
from frontdesk.core.position import TapAwaited
from frontdesk.engine.budget import Budget
from frontdesk.engine.engine import Engine
from frontdesk.engine.performer import Performer
from frontdesk.ports import Claim, Decide, OutcomeUnknown, ProviderFailure, StoreUnavailable
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.simulated_process import MemoryStorage, Storage, System
from simulation import planted_money_bugs as money


class NothingIsSeen(set[str]):
    def __contains__(self, _event_id: object) -> bool:
        return False


class NoFencing(MemoryStorage):
    def _apply(self, event: Event, decide: Decide) -> Decision | None:
        row = self._outbox.get(event.effect_id) if isinstance(event, Outcome) else None
        if row is None or not isinstance(event, Outcome):
            return super()._apply(event, decide)
        newest, row.attempt = row.attempt, event.attempt
        try:
            return super()._apply(event, decide)
        finally:
            row.attempt = newest


class NoDuplicateDrop(MemoryStorage):
    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self._seen = NothingIsSeen()


class NoLanes(MemoryStorage):
    def _add(self, row: Any) -> None:
        super()._add(row)
        row.open(row.effect.due_at)


class LanesIgnoreUnknown(MemoryStorage):
    """The next send does not wait for one of unknown outcome, and then that one is looked at again."""

    def _rows(self, conversation: str) -> list[Any]:
        return [row for row in super()._rows(conversation) if row.state not in ("unknown", "started")]


class NothingIsWithdrawn(MemoryStorage):
    def _withdraw(self, conversation: str, kinds: tuple[EffectKind, ...]) -> None:
        return None


class BegunDraftsStay(MemoryStorage):
    """Real: see `test_a_withdrawn_draft_is_not_asked_for_again`."""

    def _withdraw(self, conversation: str, kinds: tuple[EffectKind, ...]) -> None:
        begun = {known: row for known, row in self._outbox.items() if row.state == "started"}
        super()._withdraw(conversation, kinds)
        self._outbox.update(begun)


class StatusesGoBack(MemoryStorage):
    def _change_message(self, event: Event) -> None:
        super()._change_message(event)
        if isinstance(event, StatusChanged):
            message = self._message(event.channel, event.reference, event.provider_message_id)
            if message:
                self._messages[message.id] = msgspec.structs.replace(message, status=event.status)


class EarlyStatusesAreThrownAway(MemoryStorage):
    def _apply_unmatched(self, event: SendSucceeded | StatusChanged, decide: Decide) -> None:
        self._unmatched.clear()


class PostponedForEver(MemoryStorage):
    def _settle(self, event: Event, decision: Decision) -> None:
        super()._settle(event, decision)
        if isinstance(event, EffectPostponed) and event.effect_id in self._outbox:
            self._outbox[event.effect_id].ready_at = None


class ClaimsOfTheDeadAreLost(MemoryStorage):
    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        return await super().claim(timedelta(days=9), limit)


class InterruptionIsForgotten(MemoryStorage):
    def _claimed(self, row: Any, until: Any) -> Claim:
        return msgspec.structs.replace(super()._claimed(row, until), is_interrupted=False)


class OrderIsLost(MemoryStorage):
    """The last decision first."""

    def _rows(self, conversation: str) -> list[Any]:
        return super()._rows(conversation)[::-1]


class UnknownIsRetried(Performer):
    def _send_failed(self, claim: Claim, failure: ProviderFailure) -> Event:
        if isinstance(failure, OutcomeUnknown):
            now = self._clock.now()
            return self._outcome(EffectPostponed, claim, until=now + timedelta(seconds=2), reason=str(failure))
        return super()._send_failed(claim, failure)


class InterruptedIsRepeated(Performer):
    async def _send(self, claim: Claim, effect: SendMessage) -> Event:
        return await super()._send(msgspec.structs.replace(claim, is_interrupted=False), effect)


class OutcomeIsLost(Performer):
    async def report(self, outcome: Event) -> None:
        try:
            await self._engine.handle(outcome)
        except StoreUnavailable:
            return


class HandBackForgetsTheInterruption(Performer):
    """Real: see `test_an_interrupted_send_that_is_handed_back_is_unknown_and_not_tried_again`."""

    def _handed_back(self, claim: Claim) -> Event:
        return super()._handed_back(msgspec.structs.replace(claim, is_interrupted=False))


class WindowIsNotChecked(Performer):
    async def _send(self, claim: Claim, effect: SendMessage) -> Event:
        return await super()._send(claim, msgspec.structs.replace(effect, not_after=None))


class DeadLetterIsRaised(Engine):
    def rules(self, conversation: Conversation, event: Event) -> Decision:
        return decide(conversation, event, self._policy, self.library)


class StaleDraftIsUsed(Engine):
    def rules(self, conversation: Conversation, event: Event) -> Decision:
        if isinstance(event, ReplyDrafted):
            conversation = msgspec.structs.replace(conversation, draft_id=event.effect_id)
        return super().rules(conversation, event)


class Edited(Engine):
    """Where a bug takes something away from what is decided."""

    def keeps(self, event: Event, effect: Effect) -> bool:
        return True

    def rules(self, conversation: Conversation, event: Event) -> Decision:
        decision = super().rules(conversation, event)
        kept = tuple(effect for effect in decision.effects if self.keeps(event, effect))
        return msgspec.structs.replace(decision, effects=kept)


class BurstsNeverEnd(Edited):
    def keeps(self, event: Event, effect: Effect) -> bool:
        return kind_of(effect) != "wake_at.burst"


class UnknownWaitsForEver(Edited):
    def keeps(self, event: Event, effect: Effect) -> bool:
        return kind_of(effect) != "wake_at.unknown"


class AnswersAreDropped(Edited):
    def keeps(self, event: Event, effect: Effect) -> bool:
        return not (isinstance(event, ReplyDrafted) and isinstance(effect, SendMessage))


class CallsAreLost(Edited):
    def keeps(self, event: Event, effect: Effect) -> bool:
        return not isinstance(effect, CallHttp)


class FlowsAreNotWoken(Edited):
    def keeps(self, event: Event, effect: Effect) -> bool:
        return kind_of(effect) != "wake_at.flow"


class FlowsOutlivePeople(Engine):
    def rules(self, conversation: Conversation, event: Event) -> Decision:
        decision = super().rules(conversation, event)
        if decision.conversation.handler is Handler.BOT or conversation.run is None:
            return decision
        kept = msgspec.structs.replace(decision.conversation, run=conversation.run)
        return msgspec.structs.replace(decision, conversation=kept)


class Newest:
    """Whatever version is asked for, the one in force is given."""

    def __init__(self, flows: Any) -> None:
        self._flows = flows

    def book(self, _version: str) -> Book:
        found: Book = self._flows.book(self._flows.current)
        return found

    def shows_buttons(self, channel: str) -> bool:
        return bool(self._flows.shows_buttons(channel))


class FlowsChangeUnderTheContact(Engine):
    def rules(self, conversation: Conversation, event: Event) -> Decision:
        return decide(conversation, event, self._policy, Newest(self.library))


class InterruptedCallsAreRepeated(Performer):
    async def _call(self, claim: Claim, effect: CallHttp) -> Event:
        return await super()._call(msgspec.structs.replace(claim, is_interrupted=False), effect)


class YesIsATap(Engine):
    """Words are taken for the button that they name."""

    def rules(self, conversation: Conversation, event: Event) -> Decision:
        run = conversation.run
        if run and isinstance(run.waits, TapAwaited) and isinstance(event, MessageReceived):
            frame, offer = run.frames[-1], run.waits.offer_id
            button = Choice(id=tap_id(frame.flow, frame.step, "yes", offer), title="Yes")
            if isinstance(event.content, Text) and event.content.body != "agent please":
                event = msgspec.structs.replace(event, content=button)
        return super().rules(conversation, event)


class OffersStay(Engine):
    """What a tap let happen may be let once more by the same button."""

    def rules(self, conversation: Conversation, event: Event) -> Decision:
        decision = super().rules(conversation, event)
        before, after = conversation.run, decision.conversation.run
        if (
            not before
            or not after
            or not isinstance(before.waits, TapAwaited)
            or not isinstance(event, MessageReceived)
        ):
            return decision
        kept = msgspec.structs.replace(decision.conversation, run=before, taps=())
        return msgspec.structs.replace(decision, conversation=kept)


class ToolsFollowTheNewestFlows(Engine):
    """Real: see `test_what_is_tapped_is_what_was_shown_also_after_the_flows_changed`."""

    def rules(self, conversation: Conversation, event: Event) -> Decision:
        run = conversation.run
        if run and isinstance(run.waits, TapAwaited) and event.flows:
            moved = msgspec.structs.replace(run, book=event.flows)
            conversation = msgspec.structs.replace(conversation, run=moved)
        return super().rules(conversation, event)


class FilesAreForgotten(Engine):
    """Where nothing is made out, nobody is told."""

    def rules(self, conversation: Conversation, event: Event) -> Decision:
        if isinstance(event, Perceived) and event.failure:
            return Decision(conversation=msgspec.structs.replace(conversation, unheard=()))
        return super().rules(conversation, event)


class ResendsForEver(Engine):
    """Real: see `test_an_unknown_send_is_repeated_only_once`."""

    def rules(self, conversation: Conversation, event: Event) -> Decision:
        return super().rules(msgspec.structs.replace(conversation, repeated_sends=()), event)


class PostponedBotSendsGoOn(Engine):
    """Real: see `test_a_send_that_was_begun_before_a_hand_off_is_not_tried_again_after_it`."""

    def rules(self, conversation: Conversation, event: Event) -> Decision:
        decision = super().rules(conversation, event)
        return msgspec.structs.replace(decision, withdrawn=()) if isinstance(event, EffectPostponed) else decision


class AnswersBeforeTheCommit(System):
    async def take(self, engine: Engine, events: Sequence[Event], answer: Callable[[], None]) -> None:
        answer()
        await super().take(engine, events, answer)


class With(System):
    """One part replaced."""

    def __init__(
        self,
        *,
        store: type[MemoryStorage] = MemoryStorage,
        engine: type[Engine] = Engine,
        performer: type[Performer] = Performer,
        budget: type[Budget] = Budget,
    ) -> None:
        self._store, self._engine, self._performer, self._budget = store, engine, performer, budget

    def store(self, clock: ManualClock) -> Storage:
        return self._store(clock)

    def engine(self, *parts: Any, **named: Any) -> Engine:
        return self._engine(*parts, **named)

    def performer(self, **parts: Any) -> Performer:
        return self._performer(**parts)

    def budget(self, *parts: Any) -> Budget:
        return self._budget(*parts)


PLANTED: dict[str, Callable[[], System]] = {
    "no fencing": lambda: With(store=NoFencing),
    "unknown sends are retried": lambda: With(performer=UnknownIsRetried),
    "interrupted sends are repeated": lambda: With(performer=InterruptedIsRepeated),
    "an interruption is forgotten": lambda: With(store=InterruptionIsForgotten),
    "an interruption is forgotten when handed back": lambda: With(performer=HandBackForgetsTheInterruption),
    "answered before the commit": AnswersBeforeTheCommit,
    "duplicates are not dropped": lambda: With(store=NoDuplicateDrop),
    "messages do not wait for one another": lambda: With(store=NoLanes),
    "messages do not wait for unknown ones": lambda: With(store=LanesIgnoreUnknown),
    "messages leave in another order": lambda: With(store=OrderIsLost),
    "a hand-off withdraws nothing": lambda: With(store=NothingIsWithdrawn),
    "begun drafts survive their withdrawal": lambda: With(store=BegunDraftsStay),
    "postponed bot sends go on after a hand-off": lambda: With(engine=PostponedBotSendsGoOn),
    "statuses go back": lambda: With(store=StatusesGoBack),
    "early statuses are thrown away": lambda: With(store=EarlyStatusesAreThrownAway),
    "stale drafts are used": lambda: With(store=BegunDraftsStay, engine=StaleDraftIsUsed),
    "the window is not checked": lambda: With(performer=WindowIsNotChecked),
    "postponed without a due time": lambda: With(store=PostponedForEver),
    "claims of the dead are lost": lambda: With(store=ClaimsOfTheDeadAreLost),
    "no dead letters": lambda: With(engine=DeadLetterIsRaised),
    "outcomes are lost with the store": lambda: With(performer=OutcomeIsLost),
    "bursts never end": lambda: With(engine=BurstsNeverEnd),
    "unknown waits for ever": lambda: With(engine=UnknownWaitsForEver),
    "answers are dropped": lambda: With(engine=AnswersAreDropped),
    "calls are lost": lambda: With(engine=CallsAreLost),
    "flows are not woken": lambda: With(engine=FlowsAreNotWoken),
    "flows outlive the bot": lambda: With(engine=FlowsOutlivePeople),
    "flows change under the contact": lambda: With(engine=FlowsChangeUnderTheContact),
    "interrupted calls are repeated": lambda: With(performer=InterruptedCallsAreRepeated),
    "words are taken for a tap": lambda: With(engine=YesIsATap),
    "a tap counts twice": lambda: With(engine=OffersStay),
    "a tap is for what the tool does by now": lambda: With(engine=ToolsFollowTheNewestFlows),
    "files that are not made out are forgotten": lambda: With(engine=FilesAreForgotten),
    "resent for ever": lambda: With(engine=ResendsForEver),
    "money is not held": lambda: With(store=money.NothingIsHeld),
    "holds are handed on": lambda: With(store=money.HoldsAreHandedOn),
    "holds die with the process": lambda: With(store=money.HoldsDieWithTheProcess),
    "late answers are not paid for": lambda: With(store=money.LateAnswersAreNotPaidFor),
    "old holds are thrown away": lambda: With(store=money.OldHoldsAreThrownAway),
    "charges are not added up": lambda: With(store=money.ChargesAreNotAddedUp),
    "calls that failed are forgotten": lambda: With(performer=money.CallsAreForgotten),
    "unknown outcomes are free": lambda: With(budget=money.PaysNothingUnknown),
    "untold prices are free": lambda: With(budget=money.PaysNothingUntold),
    "without the store the budget is open": lambda: With(budget=money.FailsOpen),
}
