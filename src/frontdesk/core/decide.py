"""The rules: `decide(conversation, event, policy) -> Decision(conversation, effects)`.

Everything that Frontdesk does in a conversation is decided here and nowhere else. Two sentences govern this file:

1. **`decide` is a function.** No clock, no randomness, no I/O. Times and ids are fields of the event; what the model
   said, whether the vendor took a message, that a timer fired: all of that is told by events. So a conversation can be
   replayed exactly, simulated by the million, and every rule tested as a row of a table.
2. **Every rule about a conversation must live here.** The store, the worker and the channels carry out; they
   never choose. Where a rule looks like infrastructure, it is written as state and effects:

   - *Waiting for a burst to end* is `MessageReceived -> WakeAt`, `TimerFired -> DraftReply`. Each further text
     withdraws the timer and sets it anew, but never later than `burst_wait_max_seconds` after the first.
   - *A draft overtaken by a newer message* is one comparison: only the draft whose id stands in `draft_id` is used.
     The newer message empties it, and the next draft is asked about all texts that are still open.
   - *Silence while people have it* is one `if` on `handler`. When they get it, what the bot had not begun to send is
     withdrawn in the same transaction.
   - *Pair pacing* is a due time, computed from one date in the state. *The service window* is another date.
   - *Loops of two machines* are found in the last arrivals, see `guard`.

The life of a conversation, as its `handler`:

    bot   -> queue   the contact asks for a person, the model gives up twice, a send stays unknown or fails,
                     a machine seems to write, something came that only people can judge
    bot, queue -> agent   a person replies, here or on the business's own phone, or takes it
    queue, agent -> bot   released, resolved, or the agent has been silent for `agent_idle_seconds`

What leaves, leaves in order: the store lets one `SendMessage` of a conversation start at a time, in the order of the
decisions. The *notice* ("I am passing you on …") is the one thing said in the bot's voice after a hand-off has
committed: it announces the hand-off and is part of it. It is withdrawn when a person was faster.

A send whose outcome is unknown blocks the conversation's later sends for `unknown_after_seconds`. If a status with our
reference arrives until then, the store settles it. If not, `hold` (the default) closes it and gives the conversation
to people; `resend` repeats it once more, under the same reference, at the risk of saying it twice.

Nothing here depends on the order in which a vendor tells statuses; how far a message has come is kept with the
message (`core.message.advance`), not in the conversation.

For those who change this file: state is bounded (`RECENT_MAX`, `turns_max`); a new event must get a `case` (mypy says
so); a rule that needs a date takes it from the event. An effect's id is `<event id>.<place>`, so the order in
which a rule asks for effects is part of what a replay compares.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Literal, assert_never

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import RECENT_MAX, Burst, Conversation, Handler, HeldTurn
from frontdesk.core.effect import (
    DraftReply,
    Effect,
    EffectKind,
    FetchMedia,
    MarkRead,
    NotifyDesk,
    SendMessage,
    ToDo,
    WakeAt,
    kind_of,
)
from frontdesk.core.event import (
    Address,
    AgentEchoed,
    AgentReplied,
    Assigned,
    CallEnded,
    ConsentChanged,
    Contact,
    DraftFailed,
    EffectFinished,
    EffectPostponed,
    Event,
    FromContact,
    HandedOff,
    IdentityChanged,
    MediaFetched,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    NoteAdded,
    Released,
    ReplyDrafted,
    Resolved,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    StatusChanged,
    TimerFired,
)
from frontdesk.core.guard import arrival, digest, suspicion
from frontdesk.core.markup import split, to_whatsapp
from frontdesk.core.message import (
    CallPermission,
    Choice,
    Content,
    Media,
    MessageStatus,
    Reaction,
    Template,
    Text,
    Unsupported,
)
from frontdesk.core.pacing import pace
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import Prompt, Turn
from frontdesk.core.transcript import as_text

TYPING_FOR = timedelta(seconds=20)
"""A typing mark later than this says something false; Meta shows it for 25 s."""

TURN_CHARACTERS_MAX = 4_000
"""What the model sees of one message; a contact may write 65,536 characters."""


class Decision(Struct, frozen=True, kw_only=True):
    """What an event led to. `withdrawn`: kinds of effects that must not start (again) any more. `closed`: effects whose
    outcome is waited for no longer. `repeated`: effects of unknown outcome that are to be tried again."""

    conversation: Conversation
    effects: tuple[Effect, ...] = ()
    withdrawn: tuple[EffectKind, ...] = ()
    closed: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()


BOT_WORK: tuple[EffectKind, ...] = ("send_message.bot", "draft_reply", "wake_at.burst", "mark_read")
"""What must not start once people have the conversation."""


def decide(conversation: Conversation, event: Event, policy: Policy) -> Decision:  # noqa: C901, PLR0912 -- one case an event
    """What `event` means for `conversation`. Pure; raises nothing for any event that its types allow."""
    plan = _Plan(conversation, event, policy)
    match event:
        case MessageReceived():
            _message_received(plan, event)
        case MessageEdited():
            _message_edited(plan, event)
        case MessageRevoked():
            _message_revoked(plan, event)
        case StatusChanged():
            _status_changed(plan, event)
        case IdentityChanged():
            plan.change(addresses=_merged(event.addresses, conversation.addresses))
        case CallEnded():
            _call_ended(plan, event)
        case ConsentChanged():
            _consent_changed(plan, event)
        case AgentEchoed():
            _agent_echoed(plan, event)
        case AgentReplied():
            _agent_replied(plan, event)
        case HandedOff():
            _hand_off(plan, event.reason, policy.hand_off_text)
        case Assigned():
            _give_to_agent(plan, event.agent)
        case Released() | Resolved():
            _give_back(plan, is_resolved=isinstance(event, Resolved))
        case ReplyDrafted():
            _reply_drafted(plan, event)
        case DraftFailed():
            if event.effect_id == conversation.draft_id:
                _hand_off(plan, f"no answer from the language model: {event.reason}", policy.hand_off_text)
        case SendFailed():
            _send_failed(plan, event)
        case SendUnknown():
            _send_unknown(plan, event)
        case TimerFired():
            _timer_fired(plan, event)
        case SendSucceeded():
            _forget_unknown(plan, event.effect_id)
        case EffectPostponed():
            _stay_silent(plan)
        case NoteAdded() | EffectFinished() | MediaFetched():
            pass
        case _ as unreachable:
            assert_never(unreachable)
    return plan.decision()


def give_up(conversation: Conversation, event: Event, policy: Policy, cause: str) -> Decision:
    """What happens when `decide` itself fails on `event`: people get the conversation and are told the cause."""
    plan = _Plan(conversation, event, policy)
    if isinstance(event, FromContact):
        _meet(plan, event.contact)
    _hand_off(plan, cause)
    return plan.decision()


class _Plan:
    """A decision in the making: lives for one call of `decide` and is seen by nobody else."""

    def __init__(self, conversation: Conversation, event: Event, policy: Policy) -> None:
        self.now = event.at
        self.state = conversation
        self.policy = policy
        self._event_id = event.id
        self._effects: list[Effect] = []
        self._asked = 0
        self._withdrawn: list[EffectKind] = []
        self.closed: tuple[str, ...] = ()
        self.repeated: tuple[str, ...] = ()

    def change(self, **fields: Any) -> None:
        self.state = msgspec.structs.replace(self.state, **fields)

    def add(self, effect: type[ToDo], due_at: datetime | None = None, **fields: Any) -> str:
        made: Any = effect(id=f"{self._event_id}.{self._asked}", due_at=due_at or self.now, **fields)
        self._asked += 1
        self._effects.append(made)
        return str(made.id)

    def withdraw(self, *kinds: EffectKind) -> None:
        """What earlier decisions asked for, and this one so far: the last word counts."""
        self._withdrawn.extend(kind for kind in kinds if kind not in self._withdrawn)
        self._effects = [effect for effect in self._effects if kind_of(effect) not in kinds]

    def decision(self) -> Decision:
        return Decision(
            conversation=self.state,
            effects=tuple(self._effects),
            withdrawn=tuple(self._withdrawn),
            closed=self.closed,
            repeated=self.repeated,
        )

    @property
    def window_closes_at(self) -> datetime | None:
        if self.state.window_until is None:
            return None
        return self.state.window_until - timedelta(seconds=self.policy.window_margin_seconds)

    @property
    def is_window_open(self) -> bool:
        return self.window_closes_at is not None and self.now < self.window_closes_at

    def send(self, content: Content, author: Literal["bot", "notice", "agent"]) -> None:
        """Ask for a message to leave, paced; outside the window the worker will refuse to let it."""
        due_at, ready_at = pace(
            self.state.pair_ready_at,
            self.now,
            burst=self.policy.pair_burst,
            interval_seconds=self.policy.pair_interval_seconds,
        )
        not_after = None if isinstance(content, Template) else (self.window_closes_at or self.now)
        self.add(SendMessage, due_at, to=self.state.addresses, content=content, author=author, not_after=not_after)
        words = as_text(content)
        self.change(pair_ready_at=ready_at, said=(*self.state.said, digest(words))[-RECENT_MAX:])
        self.remember("agent" if author == "agent" else "bot", words)

    def say(self, text: str, author: Literal["bot", "notice"] = "bot") -> None:
        for piece in split(text, self.policy.reply_characters_max):
            self.send(Text(body=piece), author)

    def remember(
        self, role: Literal["contact", "bot", "agent"], text: str, message_id: str = "", *, is_open: bool = False
    ) -> None:
        shown = Turn(role=role, text=text[:TURN_CHARACTERS_MAX])
        turn = HeldTurn(turn=shown, provider_message_id=message_id, is_open=is_open)
        self.change(turns=(*self.state.turns, turn)[-self.policy.turns_max :])

    def close_turns(self) -> None:
        self.change(turns=tuple(msgspec.structs.replace(turn, is_open=False) for turn in self.state.turns))

    def stop_drafting(self) -> None:
        self.withdraw("wake_at.burst", "draft_reply")
        self.change(burst=None, draft_id="")


# The contact does something


def _message_received(plan: _Plan, event: MessageReceived) -> None:
    _meet(plan, event.contact)
    if event.origin == "history":
        return
    if not isinstance(event.content, Reaction):
        _open_window(plan, min(event.sent_at, event.at))
    if event.origin == "standby":
        plan.remember("contact", as_text(event.content), event.provider_message_id)
        return
    plan.change(
        arrivals=(*plan.state.arrivals, arrival(event.at, event.content))[-RECENT_MAX:],
        last_inbound_id=event.provider_message_id,
        is_resolved=False,
    )
    _fetch_media(plan, event)
    if _has_agent_left(plan):
        _give_back(plan, is_resolved=False)
    if plan.state.handler is not Handler.BOT:
        plan.remember("contact", as_text(event.content), event.provider_message_id)
        plan.add(NotifyDesk, reason="new message")
    elif plan.state.is_group:
        _to_queue(plan, "a message in a group")
    elif not plan.is_window_open:
        _to_queue(plan, "a message that came too late to be answered freely")
    elif not isinstance(event.content, Reaction):
        _answer(plan, event)


def _answer(plan: _Plan, event: MessageReceived) -> None:
    """The bot has the conversation, and may speak."""
    text = as_text(event.content)
    why = suspicion(plan.state, event.content, plan.policy)
    if why:
        plan.remember("contact", text, event.provider_message_id)
        _suspect(plan, why)
        return
    is_first = not plan.state.is_greeted
    if _asks_for_person(text, event.content, plan.policy):
        plan.remember("contact", text, event.provider_message_id)
        plan.change(is_greeted=True)
        _hand_off(plan, "the contact asked for a person", plan.policy.hand_off_text)
        return
    if is_first:
        plan.change(is_greeted=True)
        if plan.policy.greeting:
            plan.say(plan.policy.greeting)
            if _is_salutation(text, plan.policy):
                plan.remember("contact", text, event.provider_message_id)
                _mark_read(plan, is_typing=False)
                return
    _take_up(plan, event, text)


def _take_up(plan: _Plan, event: MessageReceived, text: str) -> None:
    """Lead the message to an answer: a draft, a fixed sentence, or a person."""
    match event.content:
        case Media(caption=None) | Media(caption="") | Unsupported():
            plan.remember("contact", text, event.provider_message_id)
            _not_answered(plan, plan.policy.unreadable_text, f"a message that the bot cannot read: {text}")
        case CallPermission():
            plan.remember("contact", text, event.provider_message_id)
            plan.add(NotifyDesk, reason=text)
        case Choice():
            plan.remember("contact", text, event.provider_message_id, is_open=True)
            plan.stop_drafting()
            _draft(plan)
        case _:
            plan.remember("contact", text, event.provider_message_id, is_open=True)
            _wait_for_more(plan)


def _wait_for_more(plan: _Plan) -> None:
    burst = plan.state.burst
    began_at = burst.began_at if burst else plan.now
    latest = began_at + timedelta(seconds=plan.policy.burst_wait_max_seconds)
    due_at = min(plan.now + timedelta(seconds=plan.policy.burst_wait_seconds), max(latest, plan.now))
    plan.stop_drafting()
    timer_id = plan.add(WakeAt, due_at, purpose="burst")
    plan.change(burst=Burst(began_at=began_at, timer_id=timer_id))


def _draft(plan: _Plan) -> None:
    _mark_read(plan, is_typing=True)
    turns = plan.state.turns
    question = "\n".join(held.turn.text for held in turns if held.is_open)
    prompt = Prompt(
        business_name=plan.policy.business_name, question=question, turns=tuple(held.turn for held in turns)
    )
    plan.change(burst=None, draft_id=plan.add(DraftReply, prompt=prompt))


def _mark_read(plan: _Plan, *, is_typing: bool) -> None:
    if plan.policy.marks_read and plan.state.last_inbound_id:
        plan.add(
            MarkRead,
            provider_message_id=plan.state.last_inbound_id,
            is_typing=is_typing,
            not_after=plan.now + TYPING_FOR,
        )


def _fetch_media(plan: _Plan, event: MessageReceived) -> None:
    if isinstance(event.content, Media) and event.content.media_id:
        not_after = event.sent_at + timedelta(seconds=plan.policy.media_for_seconds)
        plan.add(FetchMedia, message_id=event.id, media=event.content, not_after=not_after)


def _meet(plan: _Plan, contact: Contact) -> None:
    plan.change(
        addresses=_merged(contact.addresses, plan.state.addresses),
        name=contact.name or contact.username or plan.state.name,
        is_group=any(address.kind == "group" for address in contact.addresses),
    )


def _merged(first: tuple[Address, ...], then: tuple[Address, ...]) -> tuple[Address, ...]:
    """The newest address of each kind: what the vendor named last is where the contact is now."""
    known = {address.kind for address in first}
    return tuple(sorted((*first, *(address for address in then if address.kind not in known))))


def _open_window(plan: _Plan, since: datetime) -> None:
    until = since + timedelta(seconds=plan.policy.window_seconds)
    if plan.state.window_until is None or until > plan.state.window_until:
        plan.change(window_until=until)


def _asks_for_person(text: str, content: Content, policy: Policy) -> bool:
    if not isinstance(content, Text | Choice):
        return False
    words = "".join(character if character.isalnum() else " " for character in text.casefold()).split()
    if len(words) > policy.hand_off_words_max:
        return False
    spoken = f" {' '.join(words)} "
    return any(f" {phrase.casefold()} " in spoken for phrase in policy.hand_off_words)


def _is_salutation(text: str, policy: Policy) -> bool:
    return text.casefold().strip(" \t\n!.,👋") in policy.salutations


def _message_edited(plan: _Plan, event: MessageEdited) -> None:
    _meet(plan, event.contact)
    text = as_text(event.content)
    turns = tuple(
        msgspec.structs.replace(held, turn=msgspec.structs.replace(held.turn, text=text))
        if held.provider_message_id == event.provider_message_id
        else held
        for held in plan.state.turns
    )
    is_open = any(held.is_open and held.provider_message_id == event.provider_message_id for held in turns)
    plan.change(turns=turns)
    if is_open and plan.state.handler is Handler.BOT:
        _wait_for_more(plan)


def _message_revoked(plan: _Plan, event: MessageRevoked) -> None:
    _meet(plan, event.contact)
    before = plan.state.turns
    turns = tuple(held for held in before if held.provider_message_id != event.provider_message_id)
    was_open = any(held.is_open for held in before)
    plan.change(turns=turns)
    if not was_open or len(turns) == len(before):
        return
    if any(held.is_open for held in turns):
        _wait_for_more(plan)
    else:
        plan.stop_drafting()


def _call_ended(plan: _Plan, event: CallEnded) -> None:
    _meet(plan, event.contact)
    if event.is_inbound:
        _open_window(plan, min(event.called_at, event.at))
    if event.is_inbound and event.is_missed:
        plan.add(NotifyDesk, reason="missed call")


def _consent_changed(plan: _Plan, event: ConsentChanged) -> None:
    _meet(plan, event.contact)
    refused = tuple(category for category in plan.state.refused_consents if category != event.category)
    plan.change(refused_consents=refused if event.is_granted else (*refused, event.category))


# People take part


def _agent_echoed(plan: _Plan, event: AgentEchoed) -> None:
    _meet(plan, event.contact)
    if not event.is_standby:
        _give_to_agent(plan, "phone")
    plan.remember("agent", as_text(event.content), event.provider_message_id)


def _agent_replied(plan: _Plan, event: AgentReplied) -> None:
    _give_to_agent(plan, event.agent)
    plan.send(event.content, "agent")


def _give_to_agent(plan: _Plan, agent: str) -> None:
    plan.withdraw(*BOT_WORK, "send_message.notice")
    plan.close_turns()
    plan.change(handler=Handler.AGENT, agent=agent, agent_at=plan.now, burst=None, draft_id="", is_resolved=False)


def _give_back(plan: _Plan, *, is_resolved: bool) -> None:
    plan.change(
        handler=Handler.BOT,
        agent="",
        agent_at=None,
        unanswered=0,
        warned_at=None,
        arrivals=plan.state.arrivals[-1:],
        is_resolved=is_resolved,
    )


def _has_agent_left(plan: _Plan) -> bool:
    state, idle = plan.state, plan.policy.agent_idle_seconds
    if state.handler is not Handler.AGENT or state.agent_at is None or not idle:
        return False
    return plan.now - state.agent_at > timedelta(seconds=idle)


def _hand_off(plan: _Plan, reason: str, text: str = "") -> None:
    """People have it from here on. `text` is what the contact is told, while the window allows."""
    if plan.state.handler is not Handler.BOT:
        plan.add(NotifyDesk, reason=reason)
        return
    _to_queue(plan, reason)
    if text and plan.is_window_open:
        plan.say(text, "notice")


def _to_queue(plan: _Plan, reason: str) -> None:
    plan.withdraw(*BOT_WORK)
    plan.close_turns()
    plan.change(handler=Handler.QUEUE, burst=None, draft_id="", unanswered=0)
    plan.add(NotifyDesk, reason=reason)


def _stay_silent(plan: _Plan) -> None:
    """What was begun before people got the conversation and is due again now must not start again either."""
    if plan.state.handler is Handler.QUEUE:
        plan.withdraw(*BOT_WORK)
    elif plan.state.handler is Handler.AGENT:
        plan.withdraw(*BOT_WORK, "send_message.notice")


def _suspect(plan: _Plan, why: str) -> None:
    """Warn once, then give it to people; the model is not asked either way."""
    plan.stop_drafting()
    plan.close_turns()
    remembered_for = timedelta(seconds=plan.policy.warned_for_seconds)
    if plan.state.warned_at and plan.now - plan.state.warned_at <= remembered_for:
        _hand_off(plan, f"a machine seems to write: {why}")
        return
    plan.change(warned_at=plan.now)
    plan.say(plan.policy.loop_text)


# The world answers


def _reply_drafted(plan: _Plan, event: ReplyDrafted) -> None:
    if event.effect_id != plan.state.draft_id:
        return
    plan.change(draft_id="")
    text = to_whatsapp(event.text)
    if not plan.is_window_open:
        _to_queue(plan, "the service window closed before the answer was ready")
    elif event.hands_off:
        _hand_off(
            plan, "the language model asked for a person", "\n\n".join(filter(None, (text, plan.policy.hand_off_text)))
        )
    elif not event.is_answer or not text:
        plan.close_turns()
        _not_answered(plan, plan.policy.unanswered_text, "the language model had no answer")
    else:
        plan.close_turns()
        plan.change(unanswered=0)
        plan.say(text)


def _not_answered(plan: _Plan, text: str, reason: str) -> None:
    """Say so; the second time in a row a person is asked for."""
    plan.change(unanswered=plan.state.unanswered + 1)
    if plan.state.unanswered >= plan.policy.unanswered_max:
        _hand_off(plan, reason, plan.policy.hand_off_text)
        return
    plan.say(text)


def _status_changed(plan: _Plan, event: StatusChanged) -> None:
    if event.reference:
        _forget_unknown(plan, event.reference)
    if event.status is MessageStatus.FAILED:
        error = event.errors[0] if event.errors else None
        reason = f"a message was not delivered: {error.title or error.code}" if error else "a message was not delivered"
        _hand_off(plan, reason)


def _send_failed(plan: _Plan, event: SendFailed) -> None:
    _forget_unknown(plan, event.effect_id)
    cure = "; only an approved template can reach the contact now" if event.needs_template else ""
    _hand_off(plan, f"a message could not be sent: {event.reason}{cure}")


def _send_unknown(plan: _Plan, event: SendUnknown) -> None:
    due_at = plan.now + timedelta(seconds=plan.policy.unknown_after_seconds)
    plan.add(WakeAt, due_at, purpose="unknown", about=event.effect_id)
    plan.change(unknown_sends=(*plan.state.unknown_sends, event.effect_id)[-RECENT_MAX:])


def _forget_unknown(plan: _Plan, effect_id: str) -> None:
    if effect_id in plan.state.unknown_sends:
        plan.change(unknown_sends=tuple(known for known in plan.state.unknown_sends if known != effect_id))


def _timer_fired(plan: _Plan, event: TimerFired) -> None:
    if event.purpose == "burst":
        if plan.state.burst and event.effect_id == plan.state.burst.timer_id:
            _draft(plan)
    elif event.about in plan.state.unknown_sends:
        _forget_unknown(plan, event.about)
        if plan.policy.on_unknown == "resend" and event.about not in plan.state.repeated_sends:
            plan.repeated = (event.about,)
            plan.change(repeated_sends=(*plan.state.repeated_sends, event.about)[-RECENT_MAX:])
            _stay_silent(plan)
        else:
            plan.closed = (event.about,)
            _hand_off(plan, "nobody knows whether a message arrived")
