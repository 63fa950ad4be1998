"""The rules: `decide(conversation, event, policy, flows) -> Decision(conversation, effects)`.

Everything that Frontdesk does in a conversation is decided here and in the modules that this one calls: `inbound`
(what the contact does), `hearing`, `steering` and `running` (authored flows: what a message or anything else means to
one, and its steps), `drafting` and `memory` (when the model is asked, and what it is told), `handing` (who has the
conversation), `outcomes` (what became of our effects), `guard` (machines that write to us). Two sentences govern them:

1. **`decide` is a function.** No clock, no randomness, no I/O. Times and ids are fields of the event; what the model
   said, whether the vendor took a message, that a timer fired: all of that is told by events. So a conversation can be
   replayed exactly, simulated by the million, and every rule tested as a row of a table.
2. **Every rule about a conversation lives here.** The store, the worker and the channels carry out; they
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
    queue, agent -> bot   released, resolved, or people have been silent for `agent_idle_seconds` (an agent) or
                     `queue_idle_seconds` (all of them) when the contact writes again

What leaves, leaves in order: the store lets one `SendMessage` of a conversation start at a time, in the order of the
decisions. The *notice* ("I am passing you on …") is the one thing said in the bot's voice after a hand-off has
committed: it announces the hand-off and is part of it. It is withdrawn when a person was faster.

A send whose outcome is unknown blocks the conversation's later sends for `unknown_after_seconds`. If a status with our
reference arrives until then, the store settles it. If not, `hold` (the default) closes it and gives the conversation
to people; `resend` repeats it once more, under the same reference, at the risk of saying it twice.

Nothing here depends on the order in which a vendor tells statuses; how far a message has come is kept with the
message (`core.message.advance`), not in the conversation.

For those who change the rules: state is bounded (`RECENT_MAX`, `turns_max`); a new event must get a `case` (mypy says
so); a rule that needs a date takes it from the event. An effect's id is `<event id>.<place>`, so the order in
which a rule asks for effects is part of what a replay compares.
"""

from __future__ import annotations

from typing import assert_never

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import (
    AddressesLost,
    AgentEchoed,
    AgentReplied,
    Assigned,
    CallEnded,
    CallReturned,
    ChannelChanged,
    ConsentChanged,
    DraftFailed,
    EffectFinished,
    EffectPostponed,
    Event,
    FlowRequested,
    FromContact,
    HandedOff,
    IdentityChanged,
    MediaFetched,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    NoteAdded,
    Perceived,
    Released,
    ReplyDrafted,
    Resolved,
    SendFailed,
    SendSucceeded,
    SendUnknown,
    StatusChanged,
    TimerFired,
)
from frontdesk.core.flow import NO_FLOWS, Flows
from frontdesk.core.handing import (
    agent_echoed,
    agent_replied,
    give_back,
    give_to_agent,
    hand_off,
    resolve,
    stay_silent,
)
from frontdesk.core.inbound import (
    addresses_lost,
    call_ended,
    channel_changed,
    consent_changed,
    file_told,
    message_edited,
    message_received,
    message_revoked,
)
from frontdesk.core.outcomes import (
    draft_returned,
    forget_unknown,
    send_failed,
    send_unknown,
    status_changed,
    timer_fired,
)
from frontdesk.core.plan import Decision, Plan, merged
from frontdesk.core.policy import Policy
from frontdesk.core.steering import call_returned, flow_requested


def decide(  # noqa: C901, PLR0912, PLR0915 -- one case an event
    conversation: Conversation, event: Event, policy: Policy, flows: Flows = NO_FLOWS
) -> Decision:
    """What `event` means for `conversation`. Pure; raises nothing for any event that its types allow, but UnknownBook
    where the conversation or the event names a version of the flows that `flows` does not have."""
    plan = Plan(conversation, event, policy, flows)
    match event:
        case MessageReceived():
            message_received(plan, event)
        case MessageEdited():
            message_edited(plan, event)
        case MessageRevoked():
            message_revoked(plan, event)
        case StatusChanged():
            status_changed(plan, event)
        case IdentityChanged():
            plan.change(addresses=merged(event.addresses, conversation.addresses))
        case AddressesLost():
            addresses_lost(plan, event)
        case ChannelChanged():
            channel_changed(plan, event)
        case CallEnded():
            call_ended(plan, event)
        case ConsentChanged():
            consent_changed(plan, event)
        case AgentEchoed():
            agent_echoed(plan, event)
        case AgentReplied():
            agent_replied(plan, event)
        case HandedOff():
            hand_off(plan, event.reason, policy.hand_off_text)
        case Assigned():
            give_to_agent(plan, event.agent)
        case Released():
            give_back(plan, is_resolved=False)
        case Resolved():
            resolve(plan)
        case ReplyDrafted() | DraftFailed():
            draft_returned(plan, event)
        case SendFailed():
            send_failed(plan, event)
        case SendUnknown():
            send_unknown(plan, event)
        case TimerFired():
            timer_fired(plan, event)
        case SendSucceeded():
            forget_unknown(plan, event.effect_id)
        case EffectPostponed():
            stay_silent(plan)
        case CallReturned():
            call_returned(plan, event)
        case FlowRequested():
            flow_requested(plan, event)
        case MediaFetched() | Perceived() | EffectFinished():
            file_told(plan, event)
        case NoteAdded():
            pass
        case _ as unreachable:
            assert_never(unreachable)
    return plan.decision()


def give_up(conversation: Conversation, event: Event, policy: Policy, cause: str) -> Decision:
    """What happens when `decide` itself fails on `event`: people get the conversation and are told the cause."""
    plan = Plan(conversation, event, policy)
    if isinstance(event, FromContact):
        plan.meet(event.contact)
    hand_off(plan, cause)
    return plan.decision()
