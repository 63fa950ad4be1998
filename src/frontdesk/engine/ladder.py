"""A language model that always comes to an end: one model after the other, until one answers or the time is over.

    the first backend's best model → its other models → the next backend → … → a failure, after which the rules say a
    fixed sentence or give the conversation to people

A *rung* is one model of one backend. A rung with others below it has `call_seconds`, the last one all the time that is
left. What a failure concerns tells where to go on: at the next rung, at the next backend, or nowhere, because what the
contact wrote was refused and is not to be shopped around. A rung that fails again and again is left out by its breaker
(`engine.breaker`), so that an outage costs each customer no time; a backend that refuses us (a wrong key, no credit)
rests at once with all its models, and people are told (`engine.refused`).

Each call is paid from a *purse* (`engine.budget`): a rung that the money does not allow is passed over, and the next
one may be cheaper.

There are no retries here: a pass goes down once. A passing failure of all is `TemporaryFailure`, and the worker asks
again while the deadline is not over. So tries do not multiply, and the longest that anybody waits is one number,
`deadline_seconds`.

Nothing here knows tasks or timers: the time limit is handed in, as the clock is, so that a simulator can play both.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any, Protocol, Self, TypeVar

import msgspec
import structlog

from frontdesk.config import LadderSettings
from frontdesk.core.event import ModelCall, Usage
from frontdesk.core.money import NANO, cost_of
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.engine.breaker import Breaker, BreakerRules
from frontdesk.engine.budget import Bill, Purse, no_purse, price_of, unpriced
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.refused import Refused
from frontdesk.ports import (
    Clock,
    Completion,
    HasModels,
    LanguageModel,
    OutcomeUnknown,
    PermanentFailure,
    ProviderFailure,
    TemporaryFailure,
)

log = structlog.get_logger("frontdesk.ladder")

ENOUGH_SECONDS = 0.5
"""With less left nobody is asked: it would cost money and bring nothing."""

STATES = {"closed": 0.0, "half open": 0.5, "open": 1.0}
"""A breaker's state as a number, for dashboards."""

OUTCOMES: dict[type[ProviderFailure], str] = {TemporaryFailure: "temporary", PermanentFailure: "permanent"}
"""For the metric; the codes are the vendors' words, and may be any."""

_Result = TypeVar("_Result")


class Limit(Protocol):
    """Waits for a coroutine for so long, then cancels it and raises TimeoutError; `asyncio.wait_for` is one."""

    def __call__(self, fut: Coroutine[Any, Any, _Result], /, timeout: float) -> Awaitable[_Result]:
        """See above."""


class Rung:
    """One model of one backend. `name` is the model's, "" where the backend tells none."""

    def __init__(self, backend: str, name: str, model: LanguageModel, rules: BreakerRules) -> None:
        self.backend = backend
        self.name = name
        self.model = model
        self.breaker = Breaker(rules)

    def trouble(self, now: datetime) -> str:
        """Why it is not asked, as a sentence with the cure, or ""."""
        if self.breaker.state(now) == "closed":
            return ""
        return f"{self.who()} is left out and tried again now and then: {self.breaker.reason}"

    def who(self, failure: ProviderFailure | None = None) -> str:
        """For people: the model, or its backend where a failure is not of this model alone."""
        backend = f"the language model {self.backend}"
        return f"{self.name} of {backend}" if self.name and (not failure or failure.concerns != "account") else backend


class Ladder:
    """A `LanguageModel` made of others, by the names of their sections, the first choice first."""

    def __init__(
        self,
        backends: Mapping[str, LanguageModel],
        settings: LadderSettings,
        clock: Clock,
        metrics: Metrics,
        limit: Limit,
        refused: Refused | None = None,
    ) -> None:
        self._refused = refused
        self._backends = backends
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._limit = limit
        self._opened = AsyncExitStack()
        rules = BreakerRules(
            window_seconds=settings.breaker_window_seconds,
            calls_min=settings.breaker_calls_min,
            failure_rate=settings.breaker_failure_rate,
            rest_seconds=settings.breaker_rest_seconds,
        )
        self.rungs = tuple(
            Rung(backend, name, model, rules)
            for backend, provider in backends.items()
            for name, model in _models(provider).items()
        )

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for provider in self._backends.values():
                await stack.enter_async_context(provider)
            self._opened = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._opened.aclose()

    def troubles(self) -> list[str]:
        """A sentence for each rung that is left out; sets the metric of all."""
        now = self._clock.now()
        for rung in self.rungs:
            state = STATES[rung.breaker.state(now)]
            self._metrics.model_breaker.labels(rung.backend, rung.name).set(state)
        return [trouble for rung in self.rungs if (trouble := rung.trouble(now))]

    def prices_missing(self, price_max: str) -> list[str]:
        """A sentence for each model that is never asked where there are caps."""
        empty = Prompt(business_name="", question="", turns=())
        found = [rung for rung in self.rungs if price_of(rung.model, empty, ()).worst(price_max) is None]
        return [unpriced(rung.name or rung.who()) for rung in found]

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        """See the port. What it raises carries all `calls`."""
        return await self.paid_by(no_purse()).complete(
            prompt, passages, conversation_id=conversation_id, within_seconds=within_seconds
        )

    def paid_by(self, purse: Purse) -> LanguageModel:
        """The same, paid from a purse."""
        return _Paid(self, purse)

    async def descend(
        self,
        purse: Purse,
        prompt: Prompt,
        passages: Sequence[Passage],
        conversation_id: str,
        within_seconds: float | None,
    ) -> Completion:
        """One way down. What it raises carries all `calls`."""
        seconds = self._settings.deadline_seconds if within_seconds is None else within_seconds
        descent = _Descent(self.rungs, self._clock, self._clock.now() + timedelta(seconds=seconds))
        for rung, permit in descent.steps():
            limit = descent.left() if descent.is_last(rung) else min(descent.left(), self._settings.call_seconds)
            one = _Try(rung, permit, purse, prompt, self._clock)
            try:
                if not await self._may_be_paid(descent, one, passages):
                    continue
                asking = rung.model.complete(prompt, passages, conversation_id=conversation_id, within_seconds=limit)
                completion = await self._limit(asking, timeout=limit)
            except Exception as error:  # noqa: BLE001 -- a provider's bug is the next one's turn, and is logged
                await self._failed(descent, one, _sorted(error, rung, limit))
            except BaseException:
                rung.breaker.forget(permit)  # the process is stopping; there will be no result
                raise
            else:
                rung.breaker.succeeded(permit, self._clock.now())
                call = one.answered(completion)
                self._count(rung, "answered", call)
                return msgspec.structs.replace(completion, calls=(*descent.calls, call))
        raise descent.failure()

    async def _may_be_paid(self, descent: _Descent, one: _Try, passages: Sequence[Passage]) -> bool:
        """Whether there is money for a try; the breaker learns nothing of a try that was none."""
        try:
            await one.open(passages)
        except ProviderFailure as failure:
            one.rung.breaker.forget(one.permit)
            descent.pass_over(failure)
            return False
        return True

    async def _failed(self, descent: _Descent, one: _Try, failure: ProviderFailure) -> None:
        call = one.failed(failure)
        self._count(one.rung, OUTCOMES.get(type(failure), "unknown"), call)
        descent.note(one.rung, failure, call)
        self._tell_breakers(one.rung, one.permit, failure)
        if self._refused is not None:
            await self._refused.tell(one.rung.who(failure), failure)

    def _tell_breakers(self, rung: Rung, permit: int, failure: ProviderFailure) -> None:
        """What a failure says about those that were not asked, and about the next time."""
        now = self._clock.now()
        is_final = isinstance(failure, PermanentFailure)
        if failure.concerns == "contact" or (is_final and failure.concerns == "message"):
            rung.breaker.forget(permit)
        elif is_final:
            log.warning("language model refuses", backend=rung.backend, model=rung.name, code=failure.code)
            for one in self.rungs:
                if one is rung or (one.backend == rung.backend and failure.concerns == "account"):
                    one.breaker.trip(now, str(failure))
        else:
            retry_after = failure.retry_after if isinstance(failure, TemporaryFailure) else None
            rung.breaker.failed(permit, now, str(failure), retry_after)

    def _count(self, rung: Rung, outcome: str, call: ModelCall) -> None:
        self._metrics.model_calls.labels(rung.backend, rung.name, outcome).inc()
        self._metrics.model_cost.labels(rung.backend, rung.name).inc(cost_of(call)[0] / NANO)


class _Paid:
    """The ladder, paid from a purse."""

    def __init__(self, ladder: Ladder, purse: Purse) -> None:
        self._ladder = ladder
        self._purse = purse

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        """See the port."""
        return await self._ladder.descend(self._purse, prompt, passages, conversation_id, within_seconds)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class _Try:
    """One rung's turn: with its breaker's permit, from a purse."""

    def __init__(self, rung: Rung, permit: int, purse: Purse, prompt: Prompt, clock: Clock) -> None:
        self.rung = rung
        self.permit = permit
        self._purse = purse
        self._prompt = prompt
        self._clock = clock
        self._bill: Bill | None = None
        self._began_at = clock.now()

    async def open(self, passages: Sequence[Passage]) -> None:
        """Set the money aside. Raises the failures where there is none."""
        name = self.rung.name or f"the language model {self.rung.backend}"
        self._bill = await self._purse.open(name, self.rung.model, self._prompt, passages)
        self._began_at = self._clock.now()

    def answered(self, completion: Completion) -> ModelCall:
        """What there is to tell of it."""
        cost = self._cost(completion.usage)
        return self._call(cost, completion.usage, model=completion.model or self.rung.name)

    def failed(self, failure: ProviderFailure) -> ModelCall:
        """The same where nothing came of it. What a server tells of a request says nothing of one that got lost after
        it, so where the outcome is unknown all of the bill counts."""
        is_unknown = isinstance(failure, OutcomeUnknown)
        may_be_billed = is_unknown or failure.usage is not None
        return self._call(
            self._cost(None if is_unknown else failure.usage) if may_be_billed else ("", False),
            failure.usage,
            model=self.rung.name,
            code=failure.code or "failed",
            reason=str(failure),
            may_be_billed=may_be_billed,
        )

    def _cost(self, usage: Usage | None) -> tuple[str, bool]:
        return self._purse.pay(self._bill, usage) if self._bill else ("", True)

    def _call(self, cost: tuple[str, bool], usage: Usage | None, **told: Any) -> ModelCall:
        amount, is_estimated = cost
        is_told = usage is not None and amount == usage.cost_usd
        return ModelCall(
            backend=self.rung.backend,
            seconds=(self._clock.now() - self._began_at).total_seconds(),
            usage=usage,
            task=self._prompt.task,
            cost_usd="" if is_told else amount,
            is_estimated=is_estimated,
            **told,
        )


class _Descent:
    """One way down the ladder: what was tried, what is left out, and how much time there is."""

    def __init__(self, rungs: Sequence[Rung], clock: Clock, ends_at: datetime) -> None:
        self._rungs = rungs
        self._clock = clock
        self._ends_at = ends_at
        self._given_up: set[str] = set()
        self._failures: list[ProviderFailure] = []
        self.calls: tuple[ModelCall, ...] = ()

    def left(self) -> float:
        """Seconds until the end."""
        return (self._ends_at - self._clock.now()).total_seconds()

    def steps(self) -> Iterator[tuple[Rung, int]]:
        """Each rung that is to be asked, with its breaker's permit."""
        for rung in self._rungs:
            if self.left() < ENOUGH_SECONDS or (self._failures and self._failures[-1].concerns == "contact"):
                return
            permit = None if rung.backend in self._given_up else rung.breaker.admit(self._clock.now())
            if permit is not None:
                yield rung, permit

    def is_last(self, rung: Rung) -> bool:
        """Whether nobody below it can be asked."""
        now = self._clock.now()
        below = self._rungs[self._rungs.index(rung) + 1 :]
        return all(one.backend in self._given_up or one.breaker.state(now) != "closed" for one in below)

    def note(self, rung: Rung, failure: ProviderFailure, call: ModelCall) -> None:
        """A rung did not answer."""
        self._failures.append(failure)
        self.calls = (*self.calls, call)
        if failure.concerns == "account":
            self._given_up.add(rung.backend)

    def pass_over(self, failure: ProviderFailure) -> None:
        """A rung was not asked, for want of money."""
        self._failures.append(failure)

    def failure(self) -> ProviderFailure:
        """What to raise: final if every rung's was, or the contact's words were refused."""
        failure = self._worded()
        failure.calls = self.calls
        return failure

    def _worded(self) -> ProviderFailure:
        if not self._failures:
            return self._nobody_asked()
        last = self._failures[-1]
        reason = "; ".join(dict.fromkeys(str(one) for one in self._failures))
        if last.concerns == "contact" or all(isinstance(one, PermanentFailure) for one in self._failures):
            return PermanentFailure(reason, code=last.code or "failed", concerns=last.concerns)
        waits = [one.retry_after or 0.0 for one in self._failures if isinstance(one, TemporaryFailure)]
        return TemporaryFailure(reason, code=last.code or "failed", retry_after=min(waits, default=None))

    def _nobody_asked(self) -> ProviderFailure:
        if self.left() < ENOUGH_SECONDS:
            return PermanentFailure("there was no time left to ask a language model", code="deadline")
        now = self._clock.now()
        rests = [max(now, one.breaker.rests_until or now) for one in self._rungs]
        reason = "; ".join(filter(None, (one.trouble(now) for one in self._rungs)))
        if all(one.breaker.is_tripped for one in self._rungs):
            return PermanentFailure(reason, code="all_rest")
        return TemporaryFailure(reason, code="all_rest", retry_after=(min(rests) - now).total_seconds())


def _models(provider: LanguageModel) -> Mapping[str, LanguageModel]:
    return provider.by_model() if isinstance(provider, HasModels) else {"": provider}


def _sorted(error: Exception, rung: Rung, seconds: float) -> ProviderFailure:
    if isinstance(error, ProviderFailure):
        return error
    if isinstance(error, TimeoutError):
        return OutcomeUnknown(f"{rung.name or rung.backend} did not answer within {seconds:.1f} s", code="timeout")
    log.error("language model broke", backend=rung.backend, model=rung.name, exc_info=error)
    return OutcomeUnknown(f"{type(error).__name__}: {error}", code="broken")
