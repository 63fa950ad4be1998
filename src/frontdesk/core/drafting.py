"""The rules about drafts: wait until the contact has finished, then ask the model about all that is open."""

from __future__ import annotations

from datetime import timedelta

from frontdesk.core.conversation import Burst
from frontdesk.core.effect import DraftReply, MarkRead, WakeAt
from frontdesk.core.plan import Plan
from frontdesk.core.prompt import Prompt

TYPING_FOR = timedelta(seconds=20)
"""A typing mark later than this says something false; Meta shows it for 25 s."""


def wait_for_more(plan: Plan) -> None:
    """Answer when the contact has been silent for a while, but not for ever."""
    burst = plan.state.burst
    began_at = burst.began_at if burst else plan.now
    latest = began_at + timedelta(seconds=plan.policy.burst_wait_max_seconds)
    due_at = min(plan.now + timedelta(seconds=plan.policy.burst_wait_seconds), max(latest, plan.now))
    plan.stop_drafting()
    if not burst:
        mark_read(plan, is_typing=True)
    timer_id = plan.add(WakeAt, due_at, purpose="burst")
    plan.change(burst=Burst(began_at=began_at, timer_id=timer_id))


def draft(plan: Plan) -> None:
    """Ask the model about every text that is still open."""
    mark_read(plan, is_typing=True)
    turns = plan.state.turns
    question = "\n".join(held.turn.text for held in turns if held.is_open)
    prompt = Prompt(
        business_name=plan.policy.business_name, question=question, turns=tuple(held.turn for held in turns)
    )
    plan.change(burst=None, draft_id=plan.add(DraftReply, prompt=prompt))


def mark_read(plan: Plan, *, is_typing: bool) -> None:
    """Turn the contact's ticks blue, where the business wants that; the latest message stands for all before it, and
    once is enough."""
    latest = plan.state.last_inbound_id
    if plan.policy.marks_read and latest != plan.state.marked_id:
        plan.add(MarkRead, provider_message_id=latest, is_typing=is_typing, not_after=plan.now + TYPING_FOR)
        plan.change(marked_id=latest)
