"""Down the ladder: who is asked next, for how long, and what is said when nobody answers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, Self, TypeVar

import pytest

from frontdesk.config import LadderSettings
from frontdesk.core.event import ModelCall, Usage
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.engine.ladder import Ladder
from frontdesk.engine.metrics import Metrics
from frontdesk.ports import (
    Completion,
    LanguageModel,
    OutcomeUnknown,
    PermanentFailure,
    ProviderFailure,
    TemporaryFailure,
)
from frontdesk.testing.doubles import ManualClock

pytestmark = pytest.mark.anyio
PROMPT = Prompt(business_name="Shop", question="When?", turns=())
Result = TypeVar("Result")


class Model:
    """Takes its time and then answers, or fails as it is told; without anything told it answers."""

    def __init__(self, clock: ManualClock, *told: Exception, seconds: float = 1.0, name: str = "m") -> None:
        self.clock = clock
        self.told = list(told)
        self.seconds = seconds
        self.name = name
        self.asked: list[tuple[str, float | None]] = []
        self.is_open = False

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        self.asked.append((conversation_id, within_seconds))
        if within_seconds is not None and self.seconds > within_seconds:
            self.clock.advance(within_seconds)
            await asyncio.get_running_loop().create_future()
        self.clock.advance(self.seconds)
        if self.told:
            raise self.told.pop(0)
        return Completion(text="Nine.", model=self.name, usage=Usage(tokens_in=3, tokens_out=1, cost_usd="0.1"))

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.is_open = False


class Family(Model):
    """A backend with models."""

    def __init__(self, clock: ManualClock, **models: Model) -> None:
        super().__init__(clock)
        self.models = models

    def by_model(self) -> Mapping[str, LanguageModel]:
        return self.models


async def limit(coroutine: Coroutine[Any, Any, Result], /, timeout: float) -> Result:  # noqa: ASYNC109
    """The time that passes is the manual clock's, so what hangs is cut off as soon as it does."""
    return await asyncio.wait_for(coroutine, 0.02)


class Bench:
    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.metrics = Metrics()
        self.settings = LadderSettings(**settings)

    def ladder(self, **backends: LanguageModel) -> Ladder:
        return Ladder(backends, self.settings, self.clock, self.metrics, limit)

    def model(self, *told: Exception, **fields: Any) -> Model:
        return Model(self.clock, *told, **fields)

    def family(self, **models: Model) -> Family:
        return Family(self.clock, **models)


async def failure_of(ladder: Ladder, **fields: Any) -> ProviderFailure:
    with pytest.raises(ProviderFailure) as caught:
        await ladder.complete(PROMPT, (), **fields)
    return caught.value


def outcomes(calls: Sequence[ModelCall]) -> list[tuple[str, str, str]]:
    return [(call.backend, call.model, call.code) for call in calls]


async def test_the_first_choice_answers_and_nobody_else_is_asked() -> None:
    bench = Bench()
    other = bench.model()
    completion = await bench.ladder(first=bench.model(), local=other).complete(PROMPT, (), conversation_id="c")
    assert other.asked == []
    usage = Usage(tokens_in=3, tokens_out=1, cost_usd="0.1")
    assert completion.calls == (ModelCall(backend="first", model="m", seconds=1.0, usage=usage),)


@pytest.mark.parametrize(
    ("failure", "code", "is_billed"),
    [
        pytest.param(TemporaryFailure("busy", code="503"), "503", False, id="busy"),
        pytest.param(PermanentFailure("too long", code="context"), "context", False, id="refused"),
        pytest.param(OutcomeUnknown("reset", code="no_answer"), "no_answer", True, id="nobody knows"),
        pytest.param(KeyError("choices"), "broken", True, id="the provider's bug"),
        pytest.param(TemporaryFailure("empty", code="empty", usage=Usage(tokens_in=9)), "empty", True, id="billed"),
    ],
)
async def test_any_failure_leads_to_the_next_backend(failure: Exception, code: str, is_billed: bool) -> None:
    bench = Bench()
    completion = await bench.ladder(first=bench.model(failure), local=bench.model(name="small")).complete(PROMPT, ())
    assert outcomes(completion.calls) == [("first", "", code), ("local", "small", "")]
    assert (completion.calls[0].may_be_billed, completion.text) == (is_billed, "Nine.")


async def test_one_that_hangs_is_cut_off_and_the_last_has_the_time_that_is_left() -> None:
    bench = Bench(deadline_seconds=25.0, call_seconds=10.0)
    last = bench.model(seconds=14.0)
    completion = await bench.ladder(first=bench.model(seconds=99.0), local=last).complete(PROMPT, ())
    assert outcomes(completion.calls) == [("first", "", "timeout"), ("local", "m", "")]
    assert last.asked == [("", 15.0)]


async def test_a_backend_is_asked_for_each_of_its_models_before_the_next_one() -> None:
    bench = Bench()
    family = bench.family(a=bench.model(OutcomeUnknown("reset")), b=bench.model(TemporaryFailure("busy", code="429")))
    completion = await bench.ladder(first=family, local=bench.model()).complete(PROMPT, ())
    assert outcomes(completion.calls) == [("first", "a", "failed"), ("first", "b", "429"), ("local", "m", "")]


async def test_what_concerns_the_backend_leaves_its_other_models_out() -> None:
    bench = Bench()
    other = bench.model()
    family = bench.family(a=bench.model(PermanentFailure("wrong key", code="401", concerns="account")), b=other)
    ladder = bench.ladder(first=family, local=bench.model())
    assert outcomes((await ladder.complete(PROMPT, ())).calls) == [("first", "a", "401"), ("local", "m", "")]
    assert other.asked == []
    assert ladder.troubles() == [
        "a of the language model first is left out and tried again now and then: wrong key",
        "b of the language model first is left out and tried again now and then: wrong key",
    ]
    assert outcomes((await ladder.complete(PROMPT, ())).calls) == [("local", "m", "")]
    sample = bench.metrics.registry.get_sample_value
    assert sample("frontdesk_model_breaker", {"backend": "first", "model": "b"}) == 1.0
    assert sample("frontdesk_model_breaker", {"backend": "local", "model": ""}) == 0.0
    labels = {"backend": "first", "model": "a", "outcome": "permanent"}
    assert sample("frontdesk_model_calls_total", labels) == 1


async def test_a_busy_backend_is_passed_over_without_being_left_out() -> None:
    bench = Bench()
    other = bench.model()
    family = bench.family(a=bench.model(TemporaryFailure("busy", code="502", concerns="account")), b=other)
    ladder = bench.ladder(first=family, local=bench.model())
    await ladder.complete(PROMPT, ())
    assert (other.asked, ladder.troubles()) == ([], [])


async def test_what_the_contact_wrote_is_not_shopped_around() -> None:
    bench = Bench()
    other = bench.model()
    refusal = PermanentFailure("flagged", code="moderation", concerns="contact")
    ladder = bench.ladder(first=bench.model(refusal), local=other)
    failure = await failure_of(ladder)
    assert isinstance(failure, PermanentFailure)
    assert (failure.code, other.asked, ladder.troubles()) == ("moderation", [], [])


async def test_a_withdrawn_model_is_left_out_alone() -> None:
    bench = Bench()
    gone = bench.model(PermanentFailure("withdrawn", code="404", concerns="channel"))
    ladder = bench.ladder(first=bench.family(a=gone, b=bench.model()))
    await ladder.complete(PROMPT, ())
    assert ladder.troubles() == ["a of the language model first is left out and tried again now and then: withdrawn"]


async def test_prompts_that_a_model_cannot_take_say_nothing_about_it() -> None:
    bench = Bench(breaker_calls_min=1)
    ladder = bench.ladder(first=bench.model(*(PermanentFailure("too long", code="context") for _ in range(9))))
    for _ in range(9):
        assert isinstance(await failure_of(ladder), PermanentFailure)
    assert ladder.troubles() == []


async def test_a_model_that_keeps_failing_costs_nobody_time_until_a_probe_answers() -> None:
    bench = Bench(breaker_calls_min=3, breaker_rest_seconds=10.0)
    broken = bench.model(*(OutcomeUnknown("reset") for _ in range(3)))
    ladder = bench.ladder(first=broken, local=bench.model())
    for _ in range(5):
        await ladder.complete(PROMPT, ())
    assert len(broken.asked) == 3
    bench.clock.advance(10)
    for _ in range(2):
        await ladder.complete(PROMPT, ())
    assert (len(broken.asked), ladder.troubles()) == (5, [])


async def test_a_model_that_asks_to_be_left_alone_is() -> None:
    bench = Bench()
    busy = bench.model(TemporaryFailure("busy", retry_after=40.0))
    ladder = bench.ladder(first=busy, local=bench.model())
    for _ in range(2):
        await ladder.complete(PROMPT, ())
    assert len(busy.asked) == 1


async def test_when_all_rest_it_says_until_when() -> None:
    bench = Bench()
    ladder = bench.ladder(first=bench.model(TemporaryFailure("busy", retry_after=40.0)))
    await failure_of(ladder)
    bench.clock.advance(30)
    failure = await failure_of(ladder)
    assert isinstance(failure, TemporaryFailure)
    assert (failure.code, failure.retry_after, failure.calls) == ("all_rest", 10.0, ())
    assert str(failure) == "the language model first is left out and tried again now and then: busy"


async def test_when_only_people_can_help_nobody_is_made_to_wait() -> None:
    bench = Bench()
    ladder = bench.ladder(first=bench.model(PermanentFailure("no credit", code="402", concerns="account")))
    await failure_of(ladder)
    failure = await failure_of(ladder)
    assert isinstance(failure, PermanentFailure)
    assert (failure.code, "no credit" in str(failure)) == ("all_rest", True)


async def test_a_passing_failure_of_any_makes_all_worth_another_try() -> None:
    bench = Bench()
    ladder = bench.ladder(
        first=bench.model(TemporaryFailure("busy", code="503")), local=bench.model(PermanentFailure("no", code="400"))
    )
    failure = await failure_of(ladder)
    assert isinstance(failure, TemporaryFailure)
    assert (str(failure), outcomes(failure.calls)) == ("busy; no", [("first", "", "503"), ("local", "", "400")])


async def test_without_time_nobody_is_asked() -> None:
    bench = Bench()
    model = bench.model()
    failure = await failure_of(bench.ladder(first=model), within_seconds=0.4)
    assert isinstance(failure, PermanentFailure)
    assert (failure.code, model.asked) == ("deadline", [])


async def test_the_time_ends_in_the_middle_of_the_ladder() -> None:
    bench = Bench(deadline_seconds=10.0, call_seconds=9.8)
    never = bench.model()
    failure = await failure_of(bench.ladder(first=bench.model(seconds=99), local=never))
    assert (outcomes(failure.calls), never.asked) == ([("first", "", "timeout")], [])


async def test_a_call_that_is_broken_off_is_no_failure_and_frees_the_probe() -> None:
    bench = Bench(breaker_rest_seconds=1.0)
    model = bench.model(OutcomeUnknown("reset"))
    ladder = bench.ladder(first=model)
    ladder.rungs[0].breaker.trip(bench.clock.now(), "no credit")
    bench.clock.advance(1)
    model.told = [asyncio.CancelledError()]  # type: ignore[list-item]  # as when the process stops
    with pytest.raises(asyncio.CancelledError):
        await ladder.complete(PROMPT, ())
    assert (await ladder.complete(PROMPT, ())).text == "Nine."


async def test_it_opens_and_closes_its_backends() -> None:
    bench = Bench()
    models = bench.model(), bench.model()
    async with bench.ladder(first=models[0], local=models[1]):
        assert [model.is_open for model in models] == [True, True]
    assert [model.is_open for model in models] == [False, False]
