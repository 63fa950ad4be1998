"""What is remembered of a conversation beyond its last turns.

The last turns stand verbatim in the state (`policy.turns_max`). What no longer fits fades: cut short it waits in
`fading`, and when the model is asked for an answer anyway and enough has faded, it is asked for a summary as well. A
model that makes none, or fails, costs nothing: then the words themselves are kept, the newest, cut to length. So the
prompt stays bounded in a conversation of a year, and nothing is asked of a model that a business did not want asked.

Facts about the contact (`contact.…`) are kept apart from all that and stay when a conversation starts afresh.
"""

from __future__ import annotations

from datetime import timedelta

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import DraftReply
from frontdesk.core.plan import Plan
from frontdesk.core.position import AnswerAwaited, TapAwaited
from frontdesk.core.prompt import Prompt, Turn
from frontdesk.core.value import shown

FADED_MIN = 10
"""So many turns are worth a summary."""

MEMORY_CHARACTERS_MAX = 2_000
FACTS_MAX = 30
FACT_CHARACTERS_MAX = 200
LINE_CHARACTERS_MAX = 100


def known_facts(state: Conversation) -> tuple[tuple[str, str], ...]:
    """Facts about the contact, for the model."""
    facts = [(name, shown(value)[:FACT_CHARACTERS_MAX]) for name, value in sorted(state.facts.items())]
    return tuple(fact for fact in facts if fact[1])[:FACTS_MAX]


def sum_up(plan: Plan) -> None:
    """Ask for a summary where enough has faded and none is under way."""
    state = plan.state
    if len(state.fading) < FADED_MIN or state.summary_id:
        return
    prompt = Prompt(
        business_name=plan.policy.business_name,
        question="",
        turns=state.fading,
        task="summarise",
        summary=state.memory,
    )
    plan.change(summary_id=plan.add(DraftReply, prompt=prompt), summing_up=len(state.fading))


def keep_summary(plan: Plan, text: str) -> None:
    """The model summed up what had faded when it was asked; without a text the words are kept as they are, shorter.
    What faded since then waits for the next time."""
    state = plan.state
    asked, later = state.fading[: state.summing_up], state.fading[state.summing_up :]
    memory = text.strip()[:MEMORY_CHARACTERS_MAX] or truncated(state.memory, asked)
    plan.change(memory=memory, fading=later, summary_id="", summing_up=0)


def truncated(memory: str, turns: tuple[Turn, ...]) -> str:
    """The newest words, in whole lines."""
    lines = [
        *memory.splitlines(),
        *(f"{turn.role}: {' '.join(turn.text.split())[:LINE_CHARACTERS_MAX]}" for turn in turns),
    ]
    kept: list[str] = []
    left = MEMORY_CHARACTERS_MAX
    for line in reversed(lines):
        left -= len(line) + 1
        if left < 0:
            break
        kept.append(line)
    return "\n".join(reversed(kept))


def start_afresh(plan: Plan) -> None:
    """After a long silence: nothing is open and no question waits; facts stay, and so does a `wait` that was meant to
    be long."""
    book, heard_at = plan.book, plan.state.heard_at
    plan.change(heard_at=plan.now, tool_calls=0)
    if book is None or heard_at is None:
        return
    if plan.now - heard_at <= timedelta(seconds=book.rules.forgets_after_seconds):
        return
    if plan.state.run is not None and isinstance(plan.state.run.waits, AnswerAwaited | TapAwaited):
        plan.leave_flow("forgotten")
    if plan.state.run is None:
        plan.stop_drafting()
        plan.change(turns=(), fading=(), memory="", variables={}, unanswered=0)
