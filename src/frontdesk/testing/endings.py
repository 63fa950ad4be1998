"""What must hold when nothing moves any more: promises as named functions over the ledger and what the store holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta

from msgspec import Struct

from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.effect import CallHttp, NotifyDesk, SendMessage
from frontdesk.core.event import Event, MessageReceived, MessageRevoked, Resolved, StatusChanged
from frontdesk.core.hearing import SAME_TAP_SECONDS
from frontdesk.core.message import Choice, Message, MessageStatus, Reaction, advance
from frontdesk.core.money import Total
from frontdesk.core.plan import Decision
from frontdesk.ports import JournalEntry
from frontdesk.testing.invariants import Ledger, Step, encode


class Ending(Struct, frozen=True):
    """How everything stands when nothing moves any more."""

    journals: dict[str, list[JournalEntry]]
    states: dict[str, Conversation]
    messages: dict[str, list[Message]]
    backlog: dict[str, int]
    totals: Mapping[str, Total] = {}


def everything_settles(_ledger: Ledger, ending: Ending) -> str:
    """Once faults stop, nothing waits for ever: no effect, no draft, no question of the contact's."""
    if ending.backlog:
        return f"left in the outbox: {ending.backlog}"
    for state in ending.states.values():
        if state.burst or state.draft_id or state.unknown_sends:
            return f"{state.id} waits for what will not come: {state.burst} {state.draft_id} {state.unknown_sends}"
        if state.unheard:
            return f"{state.id} waits for files that nobody makes out: {[one.event.id for one in state.unheard]}"
        if any(turn.is_open for turn in state.turns):
            return f"{state.id} has questions that nobody answers"
    return ""


def no_flow_is_asleep(_ledger: Ledger, ending: Ending) -> str:
    """A flow waits for a call, a draft or a date only as long as that is under way; questions are closed by silence."""
    asleep = [state.id for state in ending.states.values() if state.run is not None]
    return f"the flows of {', '.join(asleep)} wait for what will not come" if asleep else ""


def calls_are_not_repeated_blindly(ledger: Ledger, ending: Ending) -> str:
    """What may not be done twice is done once at most."""
    for journal in ending.journals.values():
        for effect in (effect for entry in journal for effect in entry.effects):
            if isinstance(effect, CallHttp) and not effect.is_repeatable and ledger.done[effect.id] > 1:
                return f"{effect.id} was done {ledger.done[effect.id]} times"
    return ""


def acknowledged_events_are_kept_once(ledger: Ledger, ending: Ending) -> str:
    """Answered with 200 is on disk: once, in one journal. Only statuses without reference of messages whose answer was
    lost belong to nobody."""
    times = Counter(entry.event.id for journal in ending.journals.values() for entry in journal)
    known = {message.provider_message_id for messages in ending.messages.values() for message in messages}
    for event in ledger.acknowledged.values():
        is_nobodys = isinstance(event, StatusChanged) and not event.reference and event.provider_message_id not in known
        if times[event.id] != (0 if is_nobodys else 1):
            return f"{event.id} was answered with 200 and stands in the journals {times[event.id]} times"
    return ""


def messages_are_answered_or_shown(ledger: Ledger, _ending: Ending) -> str:
    """Each message that was acknowledged is followed by a message that the vendor took, decided at it or later, or
    people had the conversation at its decision or later."""
    revoked = {e.provider_message_id for e in ledger.acknowledged.values() if isinstance(e, MessageRevoked)}
    for step in ledger.steps:
        event = step.event
        if not isinstance(event, MessageReceived) or isinstance(event.content, Reaction):
            continue
        if event.provider_message_id in revoked or _is_same_tap(ledger, step):
            continue
        if not _was_answered(ledger, step) and not _was_shown(ledger, step):
            return f"{event.id} ({event.content}) was neither answered nor shown"
    return ""


def _is_same_tap(ledger: Ledger, step: Step) -> bool:
    """Whether it says what another tap of the same button, a moment before, said already."""
    event = step.event
    return isinstance(event, MessageReceived) and any(
        isinstance(other.event, MessageReceived)
        and isinstance(other.event.content, Choice)
        and other.event.content == event.content
        and other.decision.conversation.id == step.decision.conversation.id
        and event.at - other.event.at <= timedelta(seconds=SAME_TAP_SECONDS)
        for other in ledger.steps[: step.number]
    )


def _was_shown(ledger: Ledger, step: Step) -> bool:
    known = step.decision.conversation.id
    return any(
        later.decision.conversation.handler is not Handler.BOT or _tells_of_a_question(later)
        for later in ledger.steps[step.number :]
        if later.decision.conversation.id == known
    )


def _tells_of_a_question(step: Step) -> bool:
    """A person resolved the conversation, and was told that the contact was waiting."""
    told = any(isinstance(effect, NotifyDesk) for effect in step.decision.effects)
    return isinstance(step.event, Resolved) and told


def _was_answered(ledger: Ledger, step: Step) -> bool:
    asked = {
        effect.id
        for later in ledger.steps[step.number :]
        if later.decision.conversation.id == step.decision.conversation.id
        for effect in later.decision.effects
        if isinstance(effect, SendMessage)
    }
    return any(taken.reference in asked for taken in ledger.accepted)


def reported_statuses_are_kept(ledger: Ledger, ending: Ending) -> str:
    """A message stands at least where the vendor said that it is."""
    for messages in ending.messages.values():
        for message in messages:
            said = _reported(ledger, message)
            if said and advance(message.status, said) is not message.status:
                return f"{message.id} is {message.status}, the vendor said {said}"
    return ""


def _reported(ledger: Ledger, message: Message) -> MessageStatus | None:
    """The furthest that the vendor reported of a message, in deliveries that were acknowledged and name it."""
    furthest: MessageStatus | None = None
    for event in ledger.acknowledged.values():
        if not isinstance(event, StatusChanged):
            continue
        if event.reference == message.id or event.provider_message_id == message.provider_message_id:
            furthest = advance(furthest, event.status) if furthest else event.status
    return furthest


def a_replay_decides_the_same(rules: Callable[[Conversation, Event], Decision], ending: Ending) -> str:
    """Folding a journal again gives the same effects and the same state, byte for byte."""
    for known, journal in ending.journals.items():
        state = Conversation(id=known, channel=journal[0].event.channel)
        for entry in journal:
            try:
                decision = rules(state, entry.event)
            except Exception as error:  # noqa: BLE001 -- whatever it is, it was not what the record says
                return f"entry {entry.seq} of {known} cannot be decided again: {error!r}"
            if encode(decision.effects) != encode(entry.effects):
                return f"entry {entry.seq} of {known} asked for other effects"
            state = decision.conversation
        if encode(state) != encode(ending.states[known]):
            return f"{known} ends in another state"
    return ""


def what_was_billed_is_in_the_books(ledger: Ledger, ending: Ending) -> str:
    """As spent, or as held where a process died before it could tell; without caps nothing is held."""
    return ledger.purses.missing(ending.totals) if ledger.purses.caps.are_set else ""


AT_END = (
    what_was_billed_is_in_the_books,
    no_flow_is_asleep,
    calls_are_not_repeated_blindly,
    everything_settles,
    acknowledged_events_are_kept_once,
    messages_are_answered_or_shown,
    reported_statuses_are_kept,
)
