"""What must hold while a simulation runs: the promises as named functions over its ledger. What must hold at its end
stands in `endings`.

The ledger sees both sides: what the store committed (every decision, every claim) and what the world knows (what the
contacts wrote, what the vendor took and reported). An invariant returns what is wrong in a sentence, or "".

*In charge* is the word that makes "one at a time, in order" exact. A claim is in charge of its send from its commit
until the outbox settles it: closed, parked as unknown, postponed, or claimed again after the lease. What a call does
at the vendor after that was announced as unknown; it is bound by `sends_are_not_repeated`, but not by the order, for
the later messages did not wait for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TypeVar

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.effect import DraftReply, Perceive, SendMessage
from frontdesk.core.event import (
    Address,
    EffectPostponed,
    Event,
    Outcome,
    Perceived,
    ReplyDrafted,
    SendSucceeded,
)
from frontdesk.core.message import (
    Button,
    Buttons,
    ListMenu,
    Message,
    MessageStatus,
    Row,
    Template,
    advance,
)
from frontdesk.core.money import scopes, usd
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.core.position import DraftAwaited
from frontdesk.core.record import settlement
from frontdesk.ports import Claim, OutgoingMessage
from frontdesk.testing.purses import Bill, Purses
from frontdesk.testing.taps import Taps

Fact = TypeVar("Fact")
encode = msgspec.json.Encoder().encode


class Violation(AssertionError):
    """A promise was broken."""

    def __init__(self, invariant: str, detail: str) -> None:
        super().__init__(f"{invariant}: {detail}")
        self.invariant = invariant
        self.detail = detail


class Step(Struct, frozen=True):
    """One committed decision. `number` counts over all conversations."""

    number: int
    before: Conversation
    event: Event
    decision: Decision


class Call(Struct, frozen=True):
    """One request to the vendor: under which claim, and when it began."""

    number: int
    message: OutgoingMessage
    claim: Claim
    began_at: datetime


class Acceptance(Struct, frozen=True):
    """The vendor took a message. `after`: how many decisions had been committed by then."""

    provider_message_id: str
    reference: str
    conversation_id: str
    after: int
    was_in_charge: bool


class Ledger:
    """Both sides' books."""

    def __init__(self, policy: Policy, done: Counter[str], purses: Purses) -> None:
        self.policy = policy
        self.purses = purses
        self.done = done
        self.steps: list[Step] = []
        self.decided: Counter[str] = Counter()
        self.repeated: Counter[str] = Counter()
        self.states: dict[str, Conversation] = {}
        self.sends: dict[str, tuple[int, str, SendMessage]] = {}
        self.attempts: dict[str, int] = {}
        self.interrupted: set[str] = set()
        self.in_charge: dict[str, int] = {}
        self.reported: set[tuple[str, int]] = set()
        self.calls: dict[int, Call] = {}
        self.calls_made = 0
        self.drafts_asked = 0
        self.taps = Taps()
        self.heard = 0
        self.accepted: list[Acceptance] = []
        self.acknowledged: dict[str, Event] = {}
        self.statuses: dict[str, MessageStatus] = {}
        self.wrote_at: dict[str, datetime] = {}
        self.broken: Violation | None = None

    def committed(self, before: Conversation, event: Event, decision: Decision) -> None:
        """The store has written a decision."""
        step = Step(len(self.steps), before, event, decision)
        self.steps.append(step)
        self.decided[event.id] += 1
        self.repeated.update(decision.repeated)
        self.states[decision.conversation.id] = decision.conversation
        for effect in decision.effects:
            if isinstance(effect, SendMessage):
                self.sends[effect.id] = (len(self.sends), decision.conversation.id, effect)
        self.heard += isinstance(event, Perceived) and bool(event.words)
        settled = settlement(event)
        if settled and settled.attempt in (None, self.attempts.get(settled.effect_id)):
            self.in_charge.pop(settled.effect_id, None)
        for effect_id in decision.closed:
            self.in_charge.pop(effect_id, None)
        check(ON_COMMIT, self, step)

    def claimed(self, claim: Claim) -> None:
        """The store has handed out an effect."""
        self.attempts[claim.effect.id] = claim.attempt
        if isinstance(claim.effect, SendMessage):
            self.in_charge[claim.effect.id] = claim.attempt
            if claim.is_interrupted:
                self.interrupted.add(claim.effect.id)
        check(ON_CLAIM, self, claim)

    def called(self, message: OutgoingMessage, claim: Claim, now: datetime) -> Call:
        """A request to the vendor begins."""
        self.calls_made += 1
        call = Call(self.calls_made, message, claim, now)
        self.calls[call.number] = call
        check(ON_CALL, self, call)
        return call

    def was_billed(self, bill: Bill) -> None:
        """A language model's vendor has billed a call."""
        check(ON_BILL, self, bill)

    def finished(self, claim: Claim) -> None:
        """The performer is done with a claim."""
        check(ON_FINISH, self, claim)

    def is_in_charge(self, claim: Claim) -> bool:
        """See the module."""
        return self.in_charge.get(claim.effect.id) == claim.attempt

    def took(self, call: Call, provider_message_id: str) -> None:
        """The vendor takes a message."""
        claim = call.claim
        self.accepted.append(
            Acceptance(
                provider_message_id,
                call.message.reference,
                claim.conversation_id,
                len(self.steps),
                self.is_in_charge(claim),
            )
        )
        check(ON_ACCEPT, self, self.accepted[-1])

    def offered_to(self, phone: str) -> list[Button | Row]:
        """The buttons and rows that stand in a contact's chat, the newest last."""
        offered: list[Button | Row] = []
        for taken in self.accepted:
            _, _, effect = self.sends[taken.reference]
            if Address("phone", phone) in effect.to:
                match effect.content:
                    case Buttons(buttons=buttons):
                        offered.extend(buttons)
                    case ListMenu(sections=sections):
                        offered.extend(row for section in sections for row in section.rows)
        return offered

    def saw(self, messages: list[Message]) -> None:
        """What the store keeps of a conversation's messages now."""
        for message in messages:
            known = self.statuses.get(message.id, message.status)
            if known is not message.status:
                check((partial(statuses_only_move_forward, known),), self, message)
            self.statuses[message.id] = message.status


def check(invariants: Sequence[Callable[[Ledger, Fact], str]], ledger: Ledger, fact: Fact) -> None:
    """Note the first that does not hold. Noted and not raised: what is tested catches exceptions."""
    for invariant in invariants:
        name = getattr(invariant, "func", invariant).__name__
        try:
            problem = invariant(ledger, fact)
        except Exception as error:  # noqa: BLE001 -- an invariant that fails has not held
            problem = f"could not be judged: {error!r}"
        if problem and ledger.broken is None:
            ledger.broken = Violation(name, problem)


def an_event_is_decided_once(ledger: Ledger, step: Step) -> str:
    """No event is decided twice, in whatever conversation."""
    times = ledger.decided[step.event.id]
    return "" if times == 1 else f"{step.event.id} was decided {times} times"


def an_overtaken_outcome_is_dropped(ledger: Ledger, step: Step) -> str:
    """Only the newest claim of an effect reports. That a message was taken is a fact, whoever tells it."""
    event = step.event
    if not isinstance(event, Outcome) or isinstance(event, SendSucceeded):
        return ""
    newest = ledger.attempts.get(event.effect_id)
    return "" if event.attempt == newest else f"{event.id} counted, although attempt {newest} had begun"


def unknown_sends_are_repeated_as_the_policy_says(ledger: Ledger, step: Step) -> str:
    """Never under `hold`, once under `resend`."""
    limit = 1 if ledger.policy.on_unknown == "resend" else 0
    often = [effect_id for effect_id in step.decision.repeated if ledger.repeated[effect_id] > limit]
    return f"{often} were to be repeated more than {limit} times" if often else ""


def an_interrupted_send_is_not_due_again(ledger: Ledger, step: Step) -> str:
    """A send that was interrupted may be out: it is unknown, and not simply put back."""
    event = step.event
    is_put_back = isinstance(event, EffectPostponed) and event.effect_id in ledger.interrupted
    is_allowed = ledger.repeated[event.effect_id] if isinstance(event, EffectPostponed) else 0
    return f"{event.id} puts a send back that was interrupted" if is_put_back and not is_allowed else ""


def a_stale_draft_says_nothing(_ledger: Ledger, step: Step) -> str:
    """Only the draft that the conversation waits for leads to anything."""
    event = step.event
    if (
        isinstance(event, ReplyDrafted)
        and event.effect_id not in _drafts_awaited(step.before)
        and step.decision.effects
    ):
        return f"{event.effect_id} was used, {step.before.draft_id or 'no draft'} was waited for"
    return ""


def tools_run_only_by_a_tap(ledger: Ledger, step: Step) -> str:
    """What a tool changes is what the contact was asked, let by a tap on that very offer in time, and once."""
    return ledger.taps.decided(step.before, step.event, step.decision)


def people_are_not_interrupted(ledger: Ledger, claim: Claim) -> str:
    """While people have a conversation no send of the bot's starts. Interrupted claims send nothing (see
    `an_interrupted_send_is_not_repeated`); the notice may go out while the conversation waits in the queue."""
    effect, handler = claim.effect, ledger.states[claim.conversation_id].handler
    if not isinstance(effect, SendMessage) or claim.is_interrupted or effect.author == "agent":
        return ""
    is_allowed = handler is Handler.BOT or (effect.author == "notice" and handler is Handler.QUEUE)
    return "" if is_allowed else f"{effect.author} message {effect.id} started while the {handler} has it"


def the_model_is_asked_only_for_the_bot(ledger: Ledger, claim: Claim) -> str:
    """No draft starts while people have it, after a loop was found, or for a question that has been overtaken."""
    state = ledger.states[claim.conversation_id]
    if not isinstance(claim.effect, DraftReply):
        return ""
    if state.handler is not Handler.BOT:
        return f"draft {claim.effect.id} started while the {state.handler} has it"
    is_awaited = claim.effect.id in _drafts_awaited(state)
    return "" if is_awaited else f"draft {claim.effect.id} started, nobody waits for it"


def machines_listen_only_for_the_bot(ledger: Ledger, claim: Claim) -> str:
    """No file is made out after people have the conversation."""
    handler = ledger.states[claim.conversation_id].handler
    is_wrong = isinstance(claim.effect, Perceive) and handler is not Handler.BOT
    return f"{claim.effect.id} started while the {handler} has it" if is_wrong else ""


def _drafts_awaited(state: Conversation) -> set[str]:
    """Of an answer, of a summary, of the choice of a flow, of a flow's step."""
    waits = state.run.waits if state.run else None
    return {
        state.draft_id,
        state.summary_id,
        state.intent_id,
        *((waits.effect_id,) if isinstance(waits, DraftAwaited) else ()),
    }


def an_interrupted_send_is_not_repeated(_ledger: Ledger, call: Call) -> str:
    """A claim after one that ended without an outcome never reaches the vendor."""
    return f"{call.message.reference} was begun before" if call.claim.is_interrupted else ""


def one_send_at_a_time(ledger: Ledger, call: Call) -> str:
    """Of the calls that are in charge, one a conversation is at the vendor."""
    here = [
        other.message.reference
        for other in ledger.calls.values()
        if other.claim.conversation_id == call.claim.conversation_id and ledger.is_in_charge(other.claim)
    ]
    return "" if len(here) <= 1 else f"{', '.join(here)} are being sent together"


def nothing_leaves_outside_the_window(ledger: Ledger, call: Call) -> str:
    """No free-form message starts after the service window, counted from what the contact really wrote."""
    phone = next((address.value for address in call.message.to if address.kind == "phone"), "")
    wrote_at = ledger.wrote_at.get(phone)
    if isinstance(call.message.content, Template) or wrote_at is None:
        return ""
    closed_at = wrote_at + timedelta(seconds=ledger.policy.window_seconds)
    return "" if call.began_at <= closed_at else f"{call.message.reference} began {call.began_at - closed_at} late"


def everything_sent_was_decided(ledger: Ledger, taken: Acceptance) -> str:
    """Each message at the vendor's is a SendMessage of the journal."""
    return "" if taken.reference in ledger.sends else f"nobody decided {taken.reference}"


def sends_are_not_repeated(ledger: Ledger, taken: Acceptance) -> str:
    """The vendor takes a message once; under `resend` once more."""
    times = sum(1 for other in ledger.accepted if other.reference == taken.reference)
    limit = 2 if ledger.policy.on_unknown == "resend" else 1
    return "" if times <= limit else f"{taken.reference} was taken {times} times"


def sends_keep_their_order(ledger: Ledger, taken: Acceptance) -> str:
    """What is taken in charge is taken in the order of the decisions."""
    if not taken.was_in_charge:
        return ""
    place = ledger.sends[taken.reference][0]
    for other in ledger.accepted[:-1]:
        is_before = other.was_in_charge and other.conversation_id == taken.conversation_id
        if is_before and ledger.sends[other.reference][0] > place:
            return f"{taken.reference} was taken after {other.reference}, which was decided later"
    return ""


def statuses_only_move_forward(known: MessageStatus, _ledger: Ledger, message: Message) -> str:
    """A message's status never goes back."""
    is_forward = advance(known, message.status) is message.status
    return "" if is_forward else f"{message.id} went from {known} to {message.status}"


def work_is_reported(ledger: Ledger, claim: Claim) -> str:
    """A performer that ends has told the store what became of its claim."""
    is_reported = (claim.effect.id, claim.attempt) in ledger.reported
    return "" if is_reported else f"nobody told what became of {claim.effect.id}, attempt {claim.attempt}"


def spend_never_passes_its_cap(ledger: Ledger, bill: Bill) -> str:
    """What vendors bill stays below every cap, counted by them and not by our books."""
    caps, claim = ledger.purses.caps, bill.claim
    if not caps.are_set:
        return ""
    if bill.at is None:
        return f"{claim.effect.id}, attempt {claim.attempt}, was billed, and nothing was set aside for it"
    for scope in scopes(claim.conversation_id, bill.at):
        limit, billed = caps.limit(scope.cap), ledger.purses.billed[scope.key]
        if limit and billed > limit:
            return f"{usd(billed)} USD were billed in {scope.key}, and {scope.cap} is {usd(limit)} USD"
    return ""


ON_COMMIT = (
    unknown_sends_are_repeated_as_the_policy_says,
    an_event_is_decided_once,
    an_overtaken_outcome_is_dropped,
    an_interrupted_send_is_not_due_again,
    a_stale_draft_says_nothing,
    tools_run_only_by_a_tap,
)
ON_CLAIM = (people_are_not_interrupted, the_model_is_asked_only_for_the_bot, machines_listen_only_for_the_bot)
ON_CALL = (an_interrupted_send_is_not_repeated, one_send_at_a_time, nothing_leaves_outside_the_window)
ON_ACCEPT = (everything_sent_was_decided, sends_are_not_repeated, sends_keep_their_order)
ON_FINISH = (work_is_reported,)
ON_BILL = (spend_never_passes_its_cap,)
