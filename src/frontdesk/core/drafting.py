"""The rules about drafts: wait until the contact has finished, then ask the model about all that is open."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from frontdesk.core.conversation import Burst
from frontdesk.core.effect import DraftReply, MarkRead, WakeAt
from frontdesk.core.flow import Answer, Book
from frontdesk.core.memory import known_facts, sum_up
from frontdesk.core.plan import Plan
from frontdesk.core.prompt import Prompt
from frontdesk.core.tool import CALLS_MAX, SEARCH, SEARCH_OFFERED, Tooling, ToolOffered

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


def take_in_hand(plan: Plan) -> None:
    """The contact has finished: let the model choose a flow, where some are started by a meaning; else draft."""
    book = plan.book
    if book is None or not book.triggers.intents or plan.state.run is not None:
        draft(plan)
        return
    mark_read(plan, is_typing=True)
    sentences = tuple(intent.sentence for intent in book.triggers.intents)
    prompt = prompt_for(plan, open_question(plan), task="choose", choices=sentences)
    plan.change(burst=None, intent_id=plan.add(DraftReply, prompt=prompt), intent_since=plan.now)


def draft(plan: Plan, since: datetime | None = None) -> None:
    """Ask the model about every text that is still open. `since`: when the wait began, if that was earlier."""
    mark_read(plan, is_typing=True)
    prompt = prompt_for(plan, open_question(plan), demands_sources=plan.policy.demands_sources)
    plan.change(burst=None, draft_id=plan.add(DraftReply, prompt=prompt, since=since))
    sum_up(plan)


def open_question(plan: Plan) -> str:
    """What waits for an answer, in the contact's words."""
    return "\n".join(held.turn.text for held in plan.state.turns if held.is_open)


def prompt_for(plan: Plan, question: str, meant: tuple[tuple[str, str], ...] = (), **more: Any) -> Prompt:
    """What the model is given for `question`; without one, what is open, else what the contact wrote last. `meant`:
    what the references in its directions stand for."""
    turns = tuple(held.turn for held in plan.state.turns)
    latest = next((turn.text for turn in reversed(turns) if turn.role == "contact"), "")
    return Prompt(
        business_name=plan.policy.business_name,
        question=question or open_question(plan) or latest,
        turns=turns,
        summary=plan.state.memory,
        facts=(*known_facts(plan.state), *meant),
        **more,
    )


def tools_offered(book: Book, step: Answer, tooling: Tooling | None) -> tuple[ToolOffered, ...]:
    """What the model may ask for in a step; nothing more once it has asked so often that it must answer."""
    if tooling is None or tooling.calls >= CALLS_MAX:
        return ()
    known = (book.tools.get(name) for name in step.tools)
    own = (ToolOffered(name=one.name, description=one.description, arguments=one.arguments) for one in known if one)
    return (*own, *((SEARCH_OFFERED,) if SEARCH in step.tools else ()))


def mark_read(plan: Plan, *, is_typing: bool) -> None:
    """Turn the contact's ticks blue, where the business wants that; the latest message stands for all before it, and
    once is enough."""
    latest = plan.state.last_inbound_id
    if plan.policy.marks_read and latest != plan.state.marked_id:
        plan.add(MarkRead, provider_message_id=latest, is_typing=is_typing, not_after=plan.now + TYPING_FOR)
        plan.change(marked_id=latest)
