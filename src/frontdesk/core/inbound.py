"""The rules about what the contact does: writes, taps, edits, deletes, calls, moves."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import msgspec

from frontdesk.core.conversation import RECENT_MAX, Arrival, Handler
from frontdesk.core.drafting import mark_read, take_in_hand, wait_for_more
from frontdesk.core.effect import FetchMedia, NotifyDesk
from frontdesk.core.event import (
    AddressesLost,
    CallEnded,
    ChannelChanged,
    ConsentChanged,
    EffectFinished,
    MediaFetched,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    Perceived,
)
from frontdesk.core.guard import arrival, is_echo, suspicion
from frontdesk.core.handing import give_back, hand_off, have_people_left, not_answered, to_queue
from frontdesk.core.hearing import ask_again, hear, is_awaited, is_interrupt, is_tap
from frontdesk.core.memory import start_afresh
from frontdesk.core.message import CallPermission, Choice, Content, Media, Reaction, Text
from frontdesk.core.perception import media_fetched, put_off, taken_up
from frontdesk.core.plan import TURN_CHARACTERS_MAX, Plan
from frontdesk.core.policy import Policy
from frontdesk.core.scope import AD_CHARACTERS_MAX
from frontdesk.core.transcript import as_text, as_turn, says_nothing

SHORT_ANSWER_CHARACTERS = 20

_WORD = re.compile(r"[^\W_]+")


def message_received(plan: Plan, event: MessageReceived) -> None:
    """The contact wrote: know them, open the window, and answer if the bot may."""
    plan.meet(event.contact)
    if event.origin == "history" or (event.may_be_echo and is_echo(plan.state, event.content)):
        return
    if _is_told_again(plan, event):
        plan.is_known = True
        return
    if not isinstance(event.content, Reaction):
        open_window(plan, min(event.sent_at, event.at))
    if event.origin == "standby":
        note_advertisement(plan, event)
        plan.remember("contact", as_text(event.content), event.provider_message_id)
        return
    start_afresh(plan)
    note_advertisement(plan, event)
    plan.change(
        arrivals=(*plan.state.arrivals, _arrival(plan, event))[-RECENT_MAX:],
        last_inbound_id=event.provider_message_id,
        is_resolved=False,
    )
    fetch_media(plan, event)
    if have_people_left(plan):
        give_back(plan, is_resolved=False)
    if plan.state.handler is not Handler.BOT:
        plan.remember("contact", as_text(event.content), event.provider_message_id)
        plan.add(NotifyDesk, reason="new message")
    elif plan.state.is_group:
        to_queue(plan, "a message in a group")
    elif isinstance(event.content, Reaction):
        return
    elif not plan.is_window_open:
        to_queue(plan, "a message that came too late to be answered freely")
    elif not put_off(plan, event):
        answer(plan, event)


def _is_told_again(plan: Plan, event: MessageReceived) -> bool:
    """Whether another vendor told it: while a number changes hands both may call, and each makes its own event of a
    message. WhatsApp's id of it is the same."""
    state, known = plan.state, event.provider_message_id
    unheard = (one.event.provider_message_id for one in state.unheard)
    return bool(known) and known in {
        state.last_inbound_id,
        *(held.provider_message_id for held in state.turns),
        *unheard,
    }


def file_told(plan: Plan, event: MediaFetched | Perceived | EffectFinished) -> None:
    """What became of a contact's file, if it was one."""
    match event:
        case MediaFetched():
            media_fetched(plan, event)
        case Perceived():
            made_out(plan, event.message_id, event.words)
        case EffectFinished():
            made_out(plan, event.message_id)


def made_out(plan: Plan, message_id: str, words: str = "") -> None:
    """A file was made out, or will not be: whoever waits for that is answered."""
    event = taken_up(plan, message_id, words)
    if event is None:
        return
    if plan.state.handler is not Handler.BOT:
        plan.remember("contact", as_turn(event.content), event.provider_message_id)
    elif not plan.is_window_open:
        to_queue(plan, "a file was made out too late to be answered freely")
    else:
        answer(plan, event)


def note_advertisement(plan: Plan, event: MessageReceived) -> None:
    """What the contact came by, for flows: until the conversation starts afresh."""
    if event.referral is not None and plan.flows_version:
        came_by = event.referral.headline or event.referral.source_id
        plan.change(variables={**plan.state.variables, "ad": came_by[:AD_CHARACTERS_MAX]})


def _arrival(plan: Plan, event: MessageReceived) -> Arrival:
    """An answer to a question may be short, and the same as the one before: `1`, `1`, `yes`."""
    arrived = arrival(event.at, event.content)
    is_short = isinstance(event.content, Text) and len(event.content.body) <= SHORT_ANSWER_CHARACTERS
    return Arrival(at=arrived.at, digest="") if is_short and is_awaited(plan) else arrived


def answer(plan: Plan, event: MessageReceived) -> None:
    """The bot has the conversation, and may speak."""
    text, turn = as_text(event.content), as_turn(event.content)
    why = suspicion(plan.state, event.content, plan.policy)
    if why:
        plan.remember("contact", turn, event.provider_message_id)
        suspect(plan, why)
        return
    is_first = not plan.state.is_greeted
    if not is_interrupt(plan, event.content) and asks_for_person(plan, text, event.content):
        plan.remember("contact", turn, event.provider_message_id)
        plan.change(is_greeted=True)
        hand_off(plan, "the contact asked for a person", plan.policy.hand_off_text)
        return
    plan.change(is_greeted=True)
    if hear(plan, event, is_first=is_first):
        return
    if is_first and plan.policy.greeting:
        plan.say(plan.policy.greeting)
        if is_salutation(text, plan.policy):
            plan.remember("contact", turn, event.provider_message_id)
            mark_read(plan, is_typing=False)
            return
    take_up(plan, event, turn)


def take_up(plan: Plan, event: MessageReceived, text: str) -> None:
    """Lead the message to an answer: a draft, a fixed sentence, or a person."""
    match event.content:
        case content if says_nothing(content):
            plan.remember("contact", text, event.provider_message_id)
            mark_read(plan, is_typing=False)
            not_answered(plan, plan.policy.unreadable_text, f"a message that the bot cannot read: {text}")
        case CallPermission():
            plan.remember("contact", text, event.provider_message_id)
            plan.add(NotifyDesk, reason=text)
        case Choice():
            plan.remember("contact", text, event.provider_message_id, is_open=True)
            plan.stop_drafting()
            take_in_hand(plan)
        case _:
            plan.remember("contact", text, event.provider_message_id, is_open=True)
            wait_for_more(plan)


def suspect(plan: Plan, why: str) -> None:
    """Warn once, then give it to people; the model is not asked either way."""
    plan.stop_drafting()
    plan.close_turns()
    remembered_for = timedelta(seconds=plan.policy.warned_for_seconds)
    if plan.state.warned_at and plan.now - plan.state.warned_at <= remembered_for:
        hand_off(plan, f"a machine seems to write: {why}")
        return
    plan.change(warned_at=plan.now)
    plan.say(plan.policy.loop_text)


def asks_for_person(plan: Plan, text: str, content: Content) -> bool:
    """Whether a short text has one of the words for that. Where a flow waits for an answer, the word must stand alone:
    "2 persons" is one."""
    policy = plan.policy
    if not isinstance(content, Text | Choice) or is_tap(content):
        return False
    words = _WORD.findall(text.casefold())
    if len(words) > policy.hand_off_words_max:
        return False
    spoken = f" {' '.join(words)} "
    phrases = (f" {phrase.casefold()} " for phrase in policy.hand_off_words)
    return any(phrase == spoken if is_awaited(plan) else phrase in spoken for phrase in phrases)


def is_salutation(text: str, policy: Policy) -> bool:
    """Whether the text says nothing but hello."""
    return text.casefold().strip(" \t\n!.,👋") in policy.salutations


def fetch_media(plan: Plan, event: MessageReceived) -> None:
    """Keep the contact's file before the vendor forgets it."""
    if isinstance(event.content, Media) and event.content.media_id:
        not_after = event.sent_at + timedelta(seconds=plan.policy.media_for_seconds)
        plan.add(FetchMedia, message_id=event.id, media=event.content, not_after=not_after)


def open_window(plan: Plan, since: datetime) -> None:
    """The service window lasts from the contact's latest message; a late one does not shorten it."""
    until = since + timedelta(seconds=plan.policy.window_seconds)
    if plan.state.window_until is None or until > plan.state.window_until:
        plan.change(window_until=until)


def message_edited(plan: Plan, event: MessageEdited) -> None:
    """The answer is to be about the new words, if it is not out yet."""
    plan.meet(event.contact)
    text = as_text(event.content)
    turns = tuple(
        msgspec.structs.replace(held, turn=msgspec.structs.replace(held.turn, text=text[:TURN_CHARACTERS_MAX]))
        if held.provider_message_id == event.provider_message_id
        else held
        for held in plan.state.turns
    )
    is_open = any(held.is_open and held.provider_message_id == event.provider_message_id for held in turns)
    plan.change(turns=turns)
    if not is_open or plan.state.handler is not Handler.BOT:
        return
    if asks_for_person(plan, text, event.content):
        hand_off(plan, "the contact asked for a person", plan.policy.hand_off_text)
    elif plan.state.run is None:
        wait_for_more(plan)
    else:
        ask_again(plan, plan.state.run)


def message_revoked(plan: Plan, event: MessageRevoked) -> None:
    """What was taken back is not answered."""
    plan.meet(event.contact)
    waiting = tuple(one for one in plan.state.unheard if one.event.provider_message_id != event.provider_message_id)
    plan.change(unheard=waiting)
    before = plan.state.turns
    turns = tuple(held for held in before if held.provider_message_id != event.provider_message_id)
    was_open = any(held.is_open for held in before)
    plan.change(turns=turns)
    if not was_open or len(turns) == len(before) or plan.state.run is not None:
        return
    if any(held.is_open for held in turns):
        wait_for_more(plan)
    else:
        plan.stop_drafting()


def addresses_lost(plan: Plan, event: AddressesLost) -> None:
    """What was still to be sent must not reach whoever has the address now, nor what may have been sent be repeated;
    people see to the rest."""
    state = plan.state
    plan.change(
        addresses=tuple(known for known in state.addresses if known not in event.addresses),
        repeated_sends=(*state.repeated_sends, *state.unknown_sends)[-RECENT_MAX:],
    )
    plan.withdraw("send_message.bot", "send_message.notice", "send_message.agent")
    hand_off(plan, "the contact is not reached here any more: the address belongs to another conversation")


def channel_changed(plan: Plan, event: ChannelChanged) -> None:
    """What is said from now on goes by another channel. While that only stands in, the way home is remembered."""
    home = plan.state.home or plan.state.channel
    plan.change(channel=event.target, home="" if event.leaves or event.target == home else home)
    if event.reason:
        plan.add(NotifyDesk, reason=event.reason)


def call_ended(plan: Plan, event: CallEnded) -> None:
    """Nobody answers calls here, but people are told of a missed one."""
    plan.meet(event.contact)
    if event.is_inbound:
        open_window(plan, min(event.called_at, event.at))
    if event.is_inbound and event.is_missed:
        plan.add(NotifyDesk, reason="missed call")


def consent_changed(plan: Plan, event: ConsentChanged) -> None:
    """What the contact does not want to be sent."""
    plan.meet(event.contact)
    refused = tuple(category for category in plan.state.refused_consents if category != event.category)
    plan.change(refused_consents=refused if event.is_granted else (*refused, event.category))
