"""Whatever becomes of the language models, every customer hears something in time; see `ladder_world`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from frontdesk.core.event import Event
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.engine import ladder as module
from frontdesk.engine.breaker import Breaker, State
from frontdesk.engine.ladder import Ladder
from frontdesk.engine.performer import Performer
from frontdesk.ports import Claim, Completion, ProviderFailure
from simulation.ladder_world import BAD, Broken, Plan, World, play, told

SEEDS = 60
FOUND_WITHIN = 40


@pytest.mark.parametrize("seed", range(SEEDS))
def test_everybody_hears_something_in_time(seed: int) -> None:
    journal, asked = told(play(seed))
    assert journal == asked


@pytest.mark.parametrize("mood", BAD)
def test_one_backend_alone_in_a_bad_mood(mood: Any) -> None:
    """No fallback at all: the rules have to speak."""
    world = World(7, [mood], Plan())
    world.run()
    longest = max((world.telephone.heard[phone][0] - at).total_seconds() for phone, at in world.wrote.items())
    assert longest <= 1.5 + 25.0 + 3.0
    spoken = Counter(words for _, words in world.telephone.heard.values())
    sys.stdout.write(f"{mood}: longest {longest:.1f} s, {dict(spoken)}\n")
    assert set(spoken) <= {"b0: at nine.", world.policy.hand_off_text}


class NeverHalfOpens(Breaker):
    def state(self, now: datetime) -> State:
        return "closed" if self.rests_until is None else "open"


class NeverOpens(Breaker):
    def _open(self, now: datetime, reason: str, retry_after: float | None) -> None:
        return None


class EverybodyProbes(Breaker):
    def _probe(self, now: datetime) -> int | None:
        self._probing_until = None
        return super()._probe(now)


class ProbesAreLost(Breaker):
    """Whoever probed and failed leaves the place taken."""

    def _probe(self, now: datetime) -> int | None:
        if self._probing_until is not None:
            return None
        return super()._probe(now)

    def failed(self, permit: int, now: datetime, reason: str, retry_after: float | None = None) -> None:
        if self.rests_until is None:
            super().failed(permit, now, reason, retry_after)

    def trip(self, now: datetime, reason: str) -> None:
        if self.rests_until is None:
            super().trip(now, reason)


class FirstFailureIsTheLast(Ladder):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.rungs = self.rungs[:1]


class TimeIsNotLimited(Ladder):
    async def complete(self, prompt: Prompt, passages: Sequence[Passage], **given: Any) -> Completion:
        return await super().complete(prompt, passages, **{**given, "within_seconds": 300.0})


class CallsAreForgotten(Performer):
    def _failed(self, claim: Claim, failure: ProviderFailure) -> Event:
        failure.calls = ()
        return super()._failed(claim, failure)


class TriesMultiply(Performer):
    """Each try is given the whole deadline."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        drafting = self._drafting

        class Patient(type(drafting)):  # type: ignore[misc]  # a class that is only known here
            def may_be_tried_at(self, claim: Claim, at: datetime) -> bool:
                return True

            def _deadline(self, claim: Claim) -> datetime:
                return self._clock.now().replace(year=2027)  # type: ignore[no-any-return]

        drafting.__class__ = Patient


async def unlimited(coroutine: Any, /, timeout: float, *, clock: object) -> Any:  # noqa: ASYNC109
    return await coroutine


BREAKERS: dict[str, type[Breaker]] = {
    "a breaker never half-opens": NeverHalfOpens,
    "a breaker never opens": NeverOpens,
    "everybody probes": EverybodyProbes,
    "a failed probe leaves its place taken": ProbesAreLost,
}
PLANS: dict[str, Plan] = {
    "calls are not limited": Plan(limit=unlimited),
    "the first failure is the last": Plan(ladder=FirstFailureIsTheLast),
    "the deadline is not looked at": Plan(ladder=TimeIsNotLimited),
    "tries multiply": Plan(performer=TriesMultiply),
    "calls that failed are forgotten": Plan(performer=CallsAreForgotten),
}


@pytest.mark.parametrize("bug", [*BREAKERS, *PLANS])
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if bug in BREAKERS:
        monkeypatch.setattr(module, "Breaker", BREAKERS[bug])
    for seed in range(FOUND_WITHIN):
        try:
            journal, asked = told(play(seed, PLANS.get(bug)))
        except Broken as found:
            sys.stdout.write(f"{bug}: seed {seed}: {found}\n")
            return
        if journal != asked:
            return
    pytest.fail(f"{FOUND_WITHIN} seeds did not find: {bug}")
