"""The rules about what became of our effects: the draft, the send, the timer, the status."""

from __future__ import annotations

from datetime import timedelta

from frontdesk.core.conversation import RECENT_MAX
from frontdesk.core.drafting import take_in_hand
from frontdesk.core.effect import WakeAt
from frontdesk.core.event import DraftFailed, ReplyDrafted, SendFailed, SendUnknown, StatusChanged, TimerFired
from frontdesk.core.grounding import visible
from frontdesk.core.handing import given_to_people, hand_off, not_answered, stay_silent, to_queue
from frontdesk.core.inbound import made_out
from frontdesk.core.memory import keep_summary
from frontdesk.core.message import MessageStatus
from frontdesk.core.plan import Plan
from frontdesk.core.steering import intent_chosen, is_of_flow, reminder_due, step_drafted


def draft_returned(plan: Plan, event: ReplyDrafted | DraftFailed) -> None:
    """The model answered, or no answer could be had; only the latest draft counts."""
    if event.effect_id == plan.state.summary_id:
        keep_summary(plan, event.text if isinstance(event, ReplyDrafted) and event.is_answer else "")
    elif event.effect_id == plan.state.intent_id:
        intent_chosen(plan, event)
    elif is_of_flow(plan, event.effect_id):
        step_drafted(plan, event)
    elif event.effect_id != plan.state.draft_id:
        return
    elif isinstance(event, ReplyDrafted):
        _answer_drafted(plan, event)
    else:
        hand_off(plan, f"no answer from the language model: {event.reason}", plan.policy.hand_off_text)


def _answer_drafted(plan: Plan, event: ReplyDrafted) -> None:
    plan.change(draft_id="")
    text = visible(event)
    if not plan.is_window_open:
        to_queue(plan, "the service window closed before the answer was ready")
    elif given_to_people(plan, event, demands_sources=plan.policy.demands_sources):
        return
    elif not event.is_answer or not text:
        plan.close_turns()
        not_answered(plan, plan.policy.unanswered_text, "the language model had no answer")
    else:
        plan.close_turns()
        plan.change(unanswered=0)
        plan.say(text)


def send_failed(plan: Plan, event: SendFailed) -> None:
    """The message will not leave: people have to know."""
    forget_unknown(plan, event.effect_id)
    cure = "; only an approved template can reach the contact now" if event.needs_template else ""
    hand_off(plan, f"a message could not be sent: {event.reason}{cure}")


def send_unknown(plan: Plan, event: SendUnknown) -> None:
    """Wait for a status that tells, but not for ever."""
    due_at = plan.now + timedelta(seconds=plan.policy.unknown_after_seconds)
    plan.add(WakeAt, due_at, purpose="unknown", about=event.effect_id)
    plan.change(unknown_sends=(*plan.state.unknown_sends, event.effect_id)[-RECENT_MAX:])


def status_changed(plan: Plan, event: StatusChanged) -> None:
    """How far a message came is kept with it; a failure is people's to see, unless the message was delivered: a contact
    with two phones may produce both."""
    if event.reference:
        forget_unknown(plan, event.reference)
    known = plan.state.delivered
    if event.status in (MessageStatus.DELIVERED, MessageStatus.READ) and event.provider_message_id not in known:
        plan.change(delivered=(*known, event.provider_message_id)[-RECENT_MAX:])
    if event.status is MessageStatus.FAILED and event.provider_message_id not in known:
        error = event.errors[0] if event.errors else None
        reason = f"a message was not delivered: {error.title or error.code}" if error else "a message was not delivered"
        hand_off(plan, reason)


def forget_unknown(plan: Plan, effect_id: str) -> None:
    """Its outcome is known, or is waited for no longer."""
    if effect_id in plan.state.unknown_sends:
        plan.change(unknown_sends=tuple(known for known in plan.state.unknown_sends if known != effect_id))


def timer_fired(plan: Plan, event: TimerFired) -> None:
    """Silence after a burst, or a send that stayed unknown for too long."""
    if event.purpose == "burst":
        if plan.state.burst and event.effect_id == plan.state.burst.timer_id:
            take_in_hand(plan)
    elif event.purpose == "flow":
        reminder_due(plan, event.effect_id)
    elif event.purpose == "perception":
        made_out(plan, event.about)
    elif event.about in plan.state.unknown_sends:
        forget_unknown(plan, event.about)
        if plan.policy.on_unknown == "resend" and event.about not in plan.state.repeated_sends:
            plan.repeated = (event.about,)
            plan.change(repeated_sends=(*plan.state.repeated_sends, event.about)[-RECENT_MAX:])
            stay_silent(plan)
        else:
            plan.closed = (event.about,)
            hand_off(plan, "nobody knows whether a message arrived")
