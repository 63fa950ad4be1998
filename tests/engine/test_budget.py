"""Whether there is money for a call, which one is made instead, and what people are told."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Self

import msgspec
import pytest

from frontdesk.config import LadderSettings
from frontdesk.config.money import MoneySettings
from frontdesk.core.effect import DraftReply
from frontdesk.core.event import ModelCall, Usage
from frontdesk.core.money import Caps, Hold, Most, Refusal, Total, scopes, usd
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.engine.budget import Budget
from frontdesk.engine.ladder import Ladder
from frontdesk.engine.metrics import Metrics
from frontdesk.ports import (
    Claim,
    Completion,
    LanguageModel,
    Notice,
    OutcomeUnknown,
    PermanentFailure,
    StoreUnavailable,
    TemporaryFailure,
)
from frontdesk.testing.contracts import rules
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import drafted, wrote

pytestmark = pytest.mark.anyio
PROMPT = Prompt(business_name="Shop", question="When?", turns=())


class Plain:
    """Answers, or fails as it is told; says nothing of its price."""

    def __init__(self, *told: Exception, cost_usd: str = "0.01", usage: bool = True) -> None:
        self.told = list(told)
        self.usage = Usage(tokens_in=300, tokens_out=100, cost_usd=cost_usd) if usage else None
        self.asked = 0

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        self.asked += 1
        if self.told:
            raise self.told.pop(0)
        return Completion(text="Nine.", usage=self.usage)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class Priced(Plain):
    """Costs up to `price_in` USD: a million tokens in, none out."""

    def __init__(self, price_in: str, *told: Exception, **more: Any) -> None:
        super().__init__(*told, **more)
        self.price_in = price_in

    def most(self, prompt: Prompt, passages: Sequence[Passage]) -> Most:
        return Most(tokens_in=1_000_000, tokens_out=0, price_in=self.price_in, price_out=self.price_in)


class Away(MemoryStore):
    """A store whose ledger cannot be asked."""

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        raise StoreUnavailable("the disk is full")

    async def totals(self, keys: object) -> Any:
        raise StoreUnavailable("the disk is full")


async def limit(coroutine: Any, /, timeout: float) -> Any:  # noqa: ASYNC109
    return await coroutine


class Bench:
    def __init__(self, store: type[MemoryStore] = MemoryStore, **caps: Any) -> None:
        self.clock = ManualClock()
        self.store = store(self.clock)
        self.metrics = Metrics()
        self.notices: list[Notice] = []
        self.budget = Budget(self.store, MoneySettings(**caps), self.clock, self.metrics, self.note)
        self.drafts = 0

    async def note(self, notices: Sequence[Notice]) -> None:
        known = {one.id for one in self.notices}
        self.notices += (one for one in notices if one.id not in known)

    async def met(self, name: str) -> str:
        """The conversation of a contact."""
        phone = f"1555{sum(name.encode())}"
        known = await self.store.find("main", phone)
        if known is None:
            decision = await self.store.apply(wrote("hi", self.clock.now(), phone=phone), rules)
            assert decision is not None
            known = decision.conversation.id
        return known

    async def spend(self, cost_usd: str, name: str = "c") -> None:
        """An answer was paid for, that came too late to count."""
        claim = await self.claim(name)
        event = drafted(claim, self.clock.now(), "Nine.")
        paid = msgspec.structs.replace(event, calls=(ModelCall(backend="first", cost_usd=cost_usd),))
        assert await self.store.apply(paid, rules) is None

    async def claim(self, name: str = "c") -> Claim:
        conversation = await self.met(name)
        self.drafts += 1
        effect = DraftReply(id=f"e{self.drafts}", due_at=self.clock.now(), prompt=PROMPT)
        return Claim(
            effect=effect, conversation_id=conversation, channel="main", attempt=1, failures=0, is_interrupted=False
        )

    async def draft(self, conversation: str = "c", **backends: LanguageModel) -> Completion:
        ladder = Ladder(backends, LadderSettings(), self.clock, self.metrics, limit)
        claim = await self.claim(conversation)
        return await ladder.paid_by(self.budget.purse(claim, "answer")).complete(PROMPT, ())

    async def total(self, conversation: str = "c") -> Total:
        (_, one, *_) = scopes(await self.met(conversation), self.clock.now())
        return (await self.store.totals([one.key])).get(one.key, Total())

    def sample(self, name: str, **labels: str) -> float | None:
        return self.metrics.registry.get_sample_value(name, labels)


async def test_the_most_that_a_call_may_cost_is_held_before_it_is_made() -> None:
    bench = Bench(per_day="1")
    completion = await bench.draft(first=Priced("0.4"))
    assert usd((await bench.total()).held) == "0.4"
    (call,) = completion.calls
    assert (call.usage, call.cost_usd, call.is_estimated) == (Plain().usage, "", False)
    assert bench.sample("frontdesk_model_cost_usd_total", backend="first", model="") == 0.01


async def test_without_a_cap_nothing_is_held() -> None:
    bench = Bench()
    await bench.draft(first=Priced("0.4"))
    assert await bench.total() == Total()


async def test_where_the_first_choice_does_not_fit_a_cheaper_one_is_asked() -> None:
    bench = Bench(per_day="1")
    dear, cheap, free = Priced("0.7"), Priced("0.2"), Priced("0")
    backends: Any = {"dear": dear, "cheap": cheap, "free": free}
    asked = [(await bench.draft(**backends)).calls[0].backend for _ in range(4)]
    assert asked == ["dear", "cheap", "free", "free"]
    assert usd((await bench.total()).held) == "0.9"
    assert bench.sample("frontdesk_model_calls_refused_total", cap="per_day") == 5


async def test_where_nothing_fits_the_draft_fails_for_good_and_says_why() -> None:
    bench = Bench(per_conversation="0.5")
    await bench.spend("0.4")
    with pytest.raises(PermanentFailure, match=r"money.per_conversation of 0.5 USD leaves 0.1 USD, and the") as caught:
        await bench.draft(first=Priced("0.4"))
    assert (caught.value.code, caught.value.calls) == ("over_budget", ())
    assert "may cost 0.4 USD; let a person answer, or raise it" in str(caught.value)
    await bench.draft("another", first=Priced("0.4"))


async def test_people_are_told_once_a_day_for_each_cap() -> None:
    bench = Bench(per_day="0.5", per_contact_a_day="0.3")
    for conversation in ("a", "b"):
        for _ in range(3):
            with pytest.raises(PermanentFailure):
                await bench.draft(conversation, first=Priced("0.4"))
    assert [(one.kind, one.is_alarm) for one in bench.notices] == [("spending_cap", False)]
    first = await bench.met("a")
    assert f"in conversation {first} (the first today): money.per_contact_a_day" in bench.notices[0].text
    await bench.spend("0.29", "a")
    for conversation in ("b", "c"):
        with pytest.raises(PermanentFailure, match=r"money.per_day"):
            await bench.draft(conversation, first=Priced("0.29"))
    assert [one.is_alarm for one in bench.notices] == [False, True]
    bench.clock.advance(86_400)
    with pytest.raises(PermanentFailure):
        await bench.draft("a", first=Priced("0.6"))
    assert len(bench.notices) == 3


async def test_where_only_calls_under_way_are_in_the_way_it_is_tried_again_and_nobody_is_told() -> None:
    bench = Bench(per_day="0.5")
    await bench.draft(first=Priced("0.4"))
    with pytest.raises(TemporaryFailure, match="others are being asked, which may leave more") as caught:
        await bench.draft(first=Priced("0.4"))
    assert (caught.value.code, bench.notices, await bench.budget.look()) == ("over_budget", [], [])
    with pytest.raises(PermanentFailure):
        await bench.draft(first=Priced("0.6"))


async def test_a_call_after_one_that_was_billed_needs_money_for_both() -> None:
    bench = Bench(per_day="1")
    lost = Priced("0.6", OutcomeUnknown("time-out", code="timeout"))
    too_dear, fits = Priced("0.5"), Priced("0.4")
    completion = await bench.draft(lost=lost, too_dear=too_dear, fits=fits)
    assert [(one.backend, one.cost_usd, one.is_estimated) for one in completion.calls] == [
        ("lost", "0.6", True),
        ("fits", "", False),
    ]
    assert too_dear.asked == 0
    assert usd((await bench.total()).held) == "1"


async def test_a_call_that_was_refused_by_the_server_costs_nothing() -> None:
    bench = Bench(per_day="1")
    completion = await bench.draft(busy=Priced("0.6", TemporaryFailure("busy", code="429")), other=Priced("0.9"))
    assert [(one.cost_usd, one.is_estimated) for one in completion.calls] == [("", False), ("", False)]
    assert usd((await bench.total()).held) == "0.9"


async def test_what_a_server_tells_of_a_request_says_nothing_of_one_that_got_lost_after_it() -> None:
    bench = Bench(per_day="1")
    used = Usage(tokens_in=1, tokens_out=1, cost_usd="0.0001")
    completion = await bench.draft(lost=Priced("0.5", OutcomeUnknown("cut off", usage=used)), other=Priced("0"))
    assert (completion.calls[0].usage, completion.calls[0].cost_usd) == (used, "0.5")


async def test_an_unknown_price_counts_as_the_configured_maximum() -> None:
    bench = Bench(per_day="1", price_max_per_million_tokens="10")
    completion = await bench.draft(first=Plain(cost_usd=""))
    assert [(one.cost_usd, one.is_estimated) for one in completion.calls] == [("0.004", True)]
    held = (await bench.total()).held
    assert held > 4_000 * 10_000


@pytest.mark.parametrize("model", [Priced("-1"), Priced("2")], ids=["no price", "no money"])
async def test_what_every_draft_meets_is_kept_once_a_day(model: LanguageModel) -> None:
    bench, kept = Bench(per_day="1"), list[Notice]()
    fails = [StoreUnavailable("the disk is full")]

    async def note(notices: Sequence[Notice]) -> None:
        if fails:
            raise fails.pop()
        kept.extend(notices)

    bench.budget = Budget(bench.store, MoneySettings(per_day="1"), bench.clock, bench.metrics, note)
    for expected in (0, 1, 1):
        with pytest.raises(PermanentFailure):
            await bench.draft(first=model)
        assert len(kept) == expected
    bench.clock.advance(86_400)
    with pytest.raises(PermanentFailure):
        await bench.draft(first=model)
    assert len({one.id for one in kept}) == len(kept) == 2


async def test_an_unknown_price_is_refused_where_there_are_caps_and_no_maximum() -> None:
    bench = Bench(per_day="1")
    model = Priced("-1")
    with pytest.raises(
        PermanentFailure, match=r"nobody knows what .* costs, and there are caps; set price_in"
    ) as caught:
        await bench.draft(first=model)
    assert (caught.value.code, model.asked) == ("unknown_price", 0)
    assert [(one.kind, one.is_alarm) for one in bench.notices] == [("unknown_price", True)]
    assert "money.price_max_per_million_tokens" in bench.notices[0].text
    assert await bench.budget.look() == [str(caught.value)]
    completion = await Bench().draft(first=Plain(usage=False))
    assert [(one.cost_usd, one.is_estimated) for one in completion.calls] == [("", True)]


def test_prices_that_are_missing_are_known_before_anybody_writes() -> None:
    bench = Bench()
    models: dict[str, LanguageModel] = {"first": Priced("-1"), "second": Plain(), "third": Priced("0.1")}
    ladder = Ladder(models, LadderSettings(), bench.clock, bench.metrics, limit)
    told = ladder.prices_missing("")
    assert [sentence.split(" costs")[0] for sentence in told] == [
        "nobody knows what the language model first",
        "nobody knows what the language model second",
    ]
    assert "set price_in and price_out of its section, or money.price_max_per_million_tokens" in told[0]
    assert len(ladder.prices_missing("15")) == 1


async def test_an_answer_without_a_word_of_its_cost_is_paid_as_the_most_that_it_can_be() -> None:
    completion = await Bench(per_day="1").draft(first=Priced("0.3", usage=False))
    assert [(one.cost_usd, one.is_estimated) for one in completion.calls] == [("0.3", True)]


async def test_without_the_store_nothing_is_asked_that_costs_something() -> None:
    bench = Bench(Away, per_day="1")
    paid, free = Priced("0.3"), Priced("0")
    assert [one.backend for one in (await bench.draft(paid=paid, free=free)).calls] == ["free"]
    with pytest.raises(TemporaryFailure, match="the ledger cannot be asked: the disk is full"):
        await bench.draft(paid=paid)
    assert paid.asked == 0
    assert await bench.budget.look() == []


async def test_a_refused_call_is_no_result_of_a_probe() -> None:
    bench = Bench(per_day="1")
    model = Priced("2")
    ladder = Ladder({"first": model}, LadderSettings(), bench.clock, bench.metrics, limit)
    (rung,) = ladder.rungs
    rung.breaker.trip(bench.clock.now(), "no credit")
    bench.clock.advance(11)
    for price, is_asked in (("2", 0), ("0.5", 1)):
        model.price_in = price
        paid = ladder.paid_by(bench.budget.purse(await bench.claim(), "answer"))
        if is_asked:
            await paid.complete(PROMPT, ())
        else:
            with pytest.raises(PermanentFailure):
                await paid.complete(PROMPT, ())
        assert model.asked == is_asked


async def test_a_cap_that_is_reached_is_a_trouble_and_a_metric_until_the_next_day() -> None:
    bench = Bench(per_day="0.5", per_contact_a_day="0.45")
    await bench.spend("0.4", "a")
    assert await bench.budget.look() == []
    assert bench.sample("frontdesk_cap_reached", cap="per_day") == 0
    for conversation in ("a", "b"):
        with pytest.raises(PermanentFailure):
            await bench.draft(conversation, first=Priced("0.2"))
    assert await bench.budget.look() == []
    bench.clock.advance(2)
    (trouble,) = await bench.budget.look()
    assert trouble.startswith("money.per_day is reached: 0.4 of 0.5 USD are spent or reserved; it is free again")
    assert bench.sample("frontdesk_cap_reached", cap="per_day") == 1
    assert bench.sample("frontdesk_cap_reached", cap="per_contact_a_day") == 1
    assert bench.sample("frontdesk_cap_reached", cap="per_month") == 0
    bench.clock.advance(timedelta(days=1).total_seconds())
    assert await bench.budget.look() == []
    assert bench.sample("frontdesk_cap_reached", cap="per_contact_a_day") == 0
