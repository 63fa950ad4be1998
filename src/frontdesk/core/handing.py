"""The rules about who has the conversation: the bot, people who wait in the queue, or an agent."""

from __future__ import annotations

from datetime import timedelta

from frontdesk.core.conversation import Handler, Handover
from frontdesk.core.effect import EffectKind, NotifyDesk
from frontdesk.core.event import AgentEchoed, AgentReplied, ReplyDrafted
from frontdesk.core.grounding import objection, visible
from frontdesk.core.plan import FLOW_WORK, Plan
from frontdesk.core.states import move_handler
from frontdesk.core.transcript import as_text

BOT_WORK: tuple[EffectKind, ...] = (
    "send_message.bot", "draft_reply", "draft_reply.summary", "wake_at.burst", "wake_at.perception", "perceive",
    "mark_read", *FLOW_WORK,
)  # fmt: skip
"""What must not start once people have the conversation."""


def hand_off(plan: Plan, reason: str, text: str = "", handover: Handover | None = None) -> None:
    """People have it from here on. `text` is what the contact is told, while the window allows."""
    if plan.state.handler is not Handler.BOT:
        plan.add(NotifyDesk, reason=reason)
        return
    to_queue(plan, reason, handover)
    if text and plan.is_window_open:
        plan.say(text, "notice")


def to_queue(plan: Plan, reason: str, handover: Handover | None = None) -> None:
    """Without a word to the contact: people are told, the bot stops."""
    _stop(plan)
    plan.change(
        handler=move_handler(plan.state.handler, "hand_off"), queued_at=plan.now, unanswered=0, handover=handover
    )
    told = handover or Handover()
    plan.add(NotifyDesk, reason=reason, team=told.team, priority=told.priority, summary=told.summary)


def _stop(plan: Plan) -> None:
    """The bot's work ends: the draft, the flow, what was not sent yet."""
    plan.leave_flow("ended")
    plan.withdraw(*BOT_WORK)
    for one in plan.state.unheard:
        plan.remember("contact", as_text(one.event.content), one.event.provider_message_id)
    plan.change(unheard=())
    plan.close_turns()
    plan.change(burst=None, draft_id="", intent_id="", summary_id="", summing_up=0)


def give_to_agent(plan: Plan, agent: str) -> None:
    """A person has it; not even the notice may come in between."""
    _stop(plan)
    plan.withdraw("send_message.notice")
    plan.change(handler=move_handler(plan.state.handler, "take"), agent=agent, agent_at=plan.now, is_resolved=False)


def give_back(plan: Plan, *, is_resolved: bool) -> None:
    """The bot has it again, with a clean slate."""
    plan.change(
        handler=move_handler(plan.state.handler, "give_back"),
        handover=None,
        agent="",
        agent_at=None,
        queued_at=None,
        unanswered=0,
        warned_at=None,
        arrivals=plan.state.arrivals[-1:],
        is_resolved=is_resolved,
    )


def resolve(plan: Plan) -> None:
    """A person closes it, and the bot stops what it was doing there. What the contact was still waiting for is said to
    people: who resolves it may not have seen what came a moment before."""
    was_in_flow = plan.state.run is not None
    plan.leave_flow("ended")
    if was_in_flow and any(held.is_open for held in plan.state.turns):
        plan.close_turns()
        plan.add(NotifyDesk, reason="it was resolved while the contact waited for an answer")
    give_back(plan, is_resolved=True)


def have_people_left(plan: Plan) -> bool:
    """Whether people have been silent for so long that the bot may answer: an agent, or all of them."""
    state, policy = plan.state, plan.policy
    since, idle = {
        Handler.BOT: (None, 0.0),
        Handler.QUEUE: (state.queued_at, policy.queue_idle_seconds),
        Handler.AGENT: (state.agent_at, policy.agent_idle_seconds),
    }[state.handler]
    return since is not None and idle > 0 and plan.now - since > timedelta(seconds=idle)


def stay_silent(plan: Plan) -> None:
    """What was begun before people got the conversation and is due again now must not start again either."""
    if plan.state.handler is Handler.QUEUE:
        plan.withdraw(*BOT_WORK)
    elif plan.state.handler is Handler.AGENT:
        plan.withdraw(*BOT_WORK, "send_message.notice")


def given_to_people(plan: Plan, event: ReplyDrafted, *, demands_sources: bool) -> bool:
    """Whether a draft is people's: the model asked for one, or its words must not be said."""
    why_not = objection(event, plan.policy, demands_sources=demands_sources)
    if event.hands_off:
        text = "" if why_not else visible(event)
        hand_off(
            plan, "the language model asked for a person", "\n\n".join(filter(None, (text, plan.policy.hand_off_text)))
        )
    elif why_not and event.is_answer:
        hand_off(plan, f"the language model's answer was not said: {why_not}", plan.policy.hand_off_text)
    return event.hands_off or bool(why_not and event.is_answer)


def not_answered(plan: Plan, text: str, reason: str) -> None:
    """Say so; the second time in a row a person is asked for."""
    plan.change(unanswered=plan.state.unanswered + 1)
    if plan.state.unanswered >= plan.policy.unanswered_max:
        hand_off(plan, reason, plan.policy.hand_off_text)
        return
    plan.say(text)


def agent_echoed(plan: Plan, event: AgentEchoed) -> None:
    """A person answered with the business's own phone: the message is out already."""
    plan.meet(event.contact)
    if not event.is_standby:
        give_to_agent(plan, "phone")
    plan.remember("agent", as_text(event.content), event.provider_message_id)


def agent_replied(plan: Plan, event: AgentReplied) -> None:
    """A person answered at the desk."""
    give_to_agent(plan, event.agent)
    plan.send(event.content, "agent")
