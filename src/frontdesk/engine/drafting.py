"""How long a draft may take, from its effect's due time: what the contact waits is one number, however often it is
tried, and whatever hangs (the knowledge search, a model, the worker before this one)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from frontdesk.config import LadderSettings
from frontdesk.core.effect import DraftReply
from frontdesk.core.grounding import links_of
from frontdesk.core.prompt import Passage, Prompt, result_ids
from frontdesk.core.tool import ToolResult
from frontdesk.engine.budget import Budget
from frontdesk.engine.ladder import Ladder, Limit
from frontdesk.ports import (
    Claim,
    Clock,
    Completion,
    Knowledge,
    LanguageModel,
    PermanentFailure,
    StoreUnavailable,
    TemporaryFailure,
)

PASSAGES_MAX = 4
LATE_ATTEMPTS_MAX = 3
ANOTHER_TRY_SECONDS = 2.0
"""With less until the deadline, another try would only come too late."""


class Drafting:
    """Looks up the passages and asks the language model, within the time that there is."""

    def __init__(
        self,
        language_model: LanguageModel,
        knowledge: Knowledge,
        clock: Clock,
        settings: LadderSettings,
        limit: Limit,
        budget: Budget | None = None,
    ) -> None:
        self._budget = budget
        self._language_model = language_model
        self._knowledge = knowledge
        self._clock = clock
        self._settings = settings
        self._limit = limit

    async def draft(self, claim: Claim, effect: DraftReply) -> Completion:
        """What the model says. Raises the three failures."""
        ends_at = self._ends_at(claim)
        passages = await self._passages(effect.prompt, self._seconds_until(ends_at))
        completion = await self._paid(claim, effect.prompt).complete(
            effect.prompt,
            passages,
            conversation_id=claim.conversation_id,
            within_seconds=self._seconds_until(ends_at),
        )
        return with_sources(completion, passages, effect.prompt.results)

    def _paid(self, claim: Claim, prompt: Prompt) -> LanguageModel:
        """The language model, paid from one purse for all that this claim asks it."""
        model = self._language_model
        if self._budget is None or not isinstance(model, Ladder):
            return model
        return model.paid_by(self._budget.purse(claim, prompt.task))

    def may_be_tried_at(self, claim: Claim, at: datetime) -> bool:
        """Whether another try then could be in time."""
        return at <= self._deadline(claim) - timedelta(seconds=ANOTHER_TRY_SECONDS)

    def _deadline(self, claim: Claim) -> datetime:
        effect = claim.effect
        since = effect.since if isinstance(effect, DraftReply) else None
        return (since or effect.due_at) + timedelta(seconds=self._settings.deadline_seconds)

    def _ends_at(self, claim: Claim) -> datetime:
        """The deadline. A draft that comes late (nothing ran when it was due) is given the time of one call; not for
        ever, for the process before may have died of it, and not one that follows another draft or tools, which share
        one deadline."""
        shares_it = isinstance(claim.effect, DraftReply) and claim.effect.since is not None
        if shares_it or claim.failures or claim.attempt > LATE_ATTEMPTS_MAX:
            return self._deadline(claim)
        return max(self._deadline(claim), self._clock.now() + timedelta(seconds=self._settings.call_seconds))

    def _seconds_until(self, ends_at: datetime) -> float:
        return (ends_at - self._clock.now()).total_seconds()

    async def _passages(self, prompt: Prompt, seconds: float) -> Sequence[Passage]:
        if seconds <= 0:
            raise PermanentFailure("there was no time left to draft an answer", code="deadline")
        if prompt.task != "answer":
            return ()
        searching = self._search((prompt.question, *prompt.queries), prompt.scope)
        try:
            return await self._limit(searching, timeout=seconds)
        except TimeoutError as error:
            reason = f"the knowledge search did not answer within {seconds:.0f} s"
            raise PermanentFailure(reason, code="deadline") from error
        except StoreUnavailable as error:
            raise TemporaryFailure(str(error)) from error

    async def _search(self, queries: Sequence[str], scope: Sequence[str]) -> Sequence[Passage]:
        found: dict[str, Passage] = {}
        for query in reversed(queries):  # what the model looked for last comes first
            for passage in await self._knowledge.search(query, PASSAGES_MAX, scope):
                found.setdefault(passage.id, passage)
        return tuple(found.values())[: PASSAGES_MAX * 2]


def with_sources(completion: Completion, passages: Sequence[Passage], results: Sequence[ToolResult] = ()) -> Completion:
    """With what it cites of these and nothing else, whatever a provider lets through, and the passages' links."""
    cited = [passage for passage in passages if passage.id in completion.sources]
    known = (*(passage.id for passage in cited), *result_ids(results))
    sources = tuple(dict.fromkeys(one for one in known if one in completion.sources))
    return msgspec.structs.replace(completion, sources=sources, links=links_of(passage.text for passage in cited))
