"""What every store promises about money: what was spent is written with the event that tells of it, and no reservation
passes a cap."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec

from frontdesk.core.effect import DraftReply, WakeAt
from frontdesk.core.event import DraftFailed, EffectPostponed, ModelCall, Pricing, ReplyDrafted, StatusChanged, Usage
from frontdesk.core.message import MessageStatus
from frontdesk.core.money import Caps, Hold, Refusal, Scope, Total, scopes
from frontdesk.core.plan import Decision
from frontdesk.core.position import DraftAwaited, Frame, Run
from frontdesk.core.usage import Spent, sum_up
from frontdesk.ports import Claim, Store
from frontdesk.testing.contracts.channel_changes import ChannelChangesContract
from frontdesk.testing.contracts.outbox import LEASE, POLICY, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, drafted, fired, postponed, succeeded, told, wrote

EVER = timedelta(days=400)


def asked(told_usd: str, code: str = "", **more: Any) -> ModelCall:
    """A call that cost so much, as the vendor says."""
    usage = Usage(tokens_in=100, tokens_out=20, tokens_cached=40, cost_usd=told_usd)
    return ModelCall(backend="first", model="author/m", seconds=0.5, code=code, usage=usage, **more)


def paid(claim: Claim, at: datetime, *calls: ModelCall) -> ReplyDrafted:
    """The model answered, after these calls."""
    return msgspec.structs.replace(drafted(claim, at, "At nine."), calls=calls)


def hold_for(claim: Claim, at: datetime, nano_usd: int) -> Hold:
    """Money for the calls of a claim."""
    return Hold(
        effect_id=claim.effect.id,
        attempt=claim.attempt,
        conversation_id=claim.conversation_id,
        channel=claim.channel,
        at=at,
        nano_usd=nano_usd,
    )


def some_hold(place: int, conversation: str, at: datetime, nano_usd: int) -> Hold:
    """Money for a claim that no store knows of."""
    return Hold(
        effect_id=f"e{place}", attempt=1, conversation_id=conversation, channel=CHANNEL, at=at, nano_usd=nano_usd
    )


class LedgerContract(ChannelChangesContract):
    """The promises about money. Part of `StoreContract`, which says what a subclass supplies."""

    async def drafting(self, store: Store, clock: ManualClock, phone: str = "15550100301") -> Claim:
        """A draft that was claimed."""
        await store.apply(wrote("When are you open?", clock.now(), phone=phone), rules)
        clock.advance(POLICY.burst_wait_seconds + 0.1)
        for claim in await store.claim(LEASE, 100):
            if isinstance(claim.effect, DraftReply):
                return claim
            await self.settle(store, clock, claim)
        (claim,) = [one for one in await store.claim(LEASE, 100) if isinstance(one.effect, DraftReply)]
        return claim

    async def settle(self, store: Store, clock: ManualClock, claim: Claim) -> None:
        """A timer fires; a message leaves."""
        is_timer = isinstance(claim.effect, WakeAt)
        event = fired(claim, clock.now()) if is_timer else succeeded(claim, clock.now(), f"w.{claim.effect.id}")
        await store.apply(event, rules)

    async def total(self, store: Store, scope: Scope) -> Total:
        """Of one scope."""
        return (await store.totals([scope.key])).get(scope.key, Total())

    async def all_totals(self, store: Store, conversation: str, at: datetime) -> list[Total]:
        """Of the contact's day, the conversation, the day and the month."""
        return [await self.total(store, scope) for scope in scopes(conversation, at)]

    async def test_an_answer_is_paid_for_in_its_transaction(self, store: Store, clock: ManualClock) -> None:
        claim = await self.drafting(store, clock)
        failed = asked("0.000000001", "timeout", is_estimated=True, cost_usd="0.002", task="choose")
        event = paid(claim, clock.now(), failed, asked("0.00123"))
        assert await store.apply(event, rules) is not None
        assert await store.apply(event, rules) is None
        about: Any = {"day": f"{clock.now():%Y-%m-%d}", "channel": CHANNEL, "flow": "", "backend": "first"}
        tokens: Any = {"model": "author/m", "count": 1, "tokens_in": 100, "tokens_out": 20, "tokens_cached": 40}
        assert await store.spent(clock.now() - EVER) == [
            Spent(**about, **tokens, task="answer", unanswered=0, nano_usd=1_230_000, nano_estimated=0),
            Spent(**about, **tokens, task="choose", unanswered=1, nano_usd=2_000_000, nano_estimated=2_000_000),
        ]
        assert await store.spent(clock.now() + EVER) == []
        assert await self.all_totals(store, claim.conversation_id, clock.now()) == [Total(3_230_000, 0)] * 4

    async def test_what_was_asked_in_vain_is_paid_for(self, store: Store, clock: ManualClock) -> None:
        claim = await self.drafting(store, clock)
        event: EffectPostponed | DraftFailed = msgspec.structs.replace(
            postponed(claim, clock.now()), calls=(asked("0.5", "empty"),)
        )
        await store.apply(event, rules)
        clock.advance(2)
        again = await self.claim_one(store, DraftReply)
        event = DraftFailed(
            id="f",
            at=clock.now(),
            channel=CHANNEL,
            conversation_id=again.conversation_id,
            effect_id=again.effect.id,
            attempt=again.attempt,
            reason="no",
            calls=(asked("0.25", "empty"),),
        )
        await store.apply(event, rules)
        (line,) = sum_up(await store.spent(clock.now() - EVER), "model")
        assert (line.name, line.calls, line.unanswered, line.usd) == ("first author/m", 2, 2, "0.75")

    async def test_an_answer_that_comes_too_late_to_count_is_paid_for_once(
        self, store: Store, clock: ManualClock
    ) -> None:
        claim = await self.drafting(store, clock)
        await store.reserve(hold_for(claim, clock.now(), 10), Caps())
        await store.apply(wrote("and on Sundays?", clock.now(), phone="15550100301"), rules)
        event = paid(claim, clock.now(), asked("0.000000007"))
        for _ in range(2):
            assert await store.apply(event, rules) is None
        assert await self.all_totals(store, claim.conversation_id, clock.now()) == [Total(7, 0)] * 4
        assert [entry.event.id async for entry in store.journal(claim.conversation_id)].count(event.id) == 0

    async def test_the_step_of_the_flow_is_written_with_it(self, store: Store, clock: ManualClock) -> None:
        claim = await self.drafting(store, clock)
        run = Run(
            id="r",
            book="v1",
            frames=(Frame(flow="menu", step="a"), Frame(flow="order", step="reply")),
            waits=DraftAwaited(effect_id=claim.effect.id),
        )

        def into_flow(state: Any, _event: Any) -> Decision:
            return Decision(conversation=msgspec.structs.replace(state, run=run))

        await store.apply(wrote("x", clock.now(), phone="15550100301"), into_flow)
        await store.apply(paid(claim, clock.now(), asked("0.1")), into_flow)
        assert [line.name for line in sum_up(await store.spent(clock.now() - EVER), "flow")] == ["order"]

    async def test_what_is_held_is_taken_away_by_the_outcome_of_its_claim(
        self, store: Store, clock: ManualClock
    ) -> None:
        claim = await self.drafting(store, clock)
        began_at = clock.now()
        hold = hold_for(claim, began_at, 400)
        assert await store.reserve(hold, Caps()) is None
        assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(0, 400)] * 4
        later = began_at + timedelta(hours=20)
        more = msgspec.structs.replace(hold, nano_usd=500, at=later)
        assert await store.reserve(more, Caps()) is None
        assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(0, 500)] * 4
        await store.apply(paid(claim, later, asked("0.0000003")), rules)
        assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(300, 0)] * 4
        (spent,) = await store.spent(began_at - EVER)
        assert spent.day == f"{began_at:%Y-%m-%d}"

    async def test_each_cap_refuses_and_says_what_is_left(self, store: Store, clock: ManualClock) -> None:
        for place, name in enumerate(Caps.__struct_fields__):
            at = clock.now() + timedelta(days=32 * place)
            caps = msgspec.structs.replace(Caps(), **{name: 100})
            assert await store.reserve(some_hold(3 * place, name, at, 60), caps) is None
            refused = await store.reserve(some_hold(3 * place + 1, name, at, 41), caps)
            assert refused == Refusal(name, 40, is_passing=True)  # type: ignore[arg-type]  # a name of a cap
            assert await store.reserve(some_hold(3 * place + 2, name, at, 40), caps) is None

    async def test_a_refused_hold_holds_nothing(self, store: Store, clock: ManualClock) -> None:
        at = clock.now()
        assert await store.reserve(some_hold(1, "c", at, 101), Caps(per_day=100)) == Refusal("per_day", 100)
        assert await self.all_totals(store, "c", at) == [Total()] * 4
        assert await store.reserve(some_hold(1, "c", at, 90), Caps(per_day=100)) is None
        assert await store.reserve(some_hold(1, "c", at, 101), Caps(per_day=100)) == Refusal("per_day", 10)
        assert await self.all_totals(store, "c", at) == [Total(0, 90)] * 4
        assert await store.reserve(some_hold(1, "c", at, 80), Caps(per_day=1)) is None
        assert await self.all_totals(store, "c", at) == [Total(0, 80)] * 4

    async def test_days_months_and_contacts_have_money_of_their_own(self, store: Store, clock: ManualClock) -> None:
        last, first = datetime.fromisoformat("2026-11-30T23:59:59.9Z"), datetime.fromisoformat("2026-12-01T00:00:00Z")
        caps = Caps(per_contact_a_day=10, per_day=15, per_month=20)
        assert await store.reserve(some_hold(1, "a", last, 10), caps) is None
        assert await store.reserve(some_hold(2, "a", last, 1), caps) == Refusal("per_contact_a_day", 0, is_passing=True)
        assert await store.reserve(some_hold(3, "b", last, 6), caps) == Refusal("per_day", 5, is_passing=True)
        assert await store.reserve(some_hold(4, "a", last - timedelta(days=1), 10), caps) is None
        assert await store.reserve(some_hold(5, "b", last, 1), caps) == Refusal("per_month", 0, is_passing=True)
        assert await store.reserve(some_hold(6, "a", first, 10), caps) is None

    async def test_those_who_ask_at_once_are_refused_as_if_one_after_the_other(
        self, store: Store, clock: ManualClock
    ) -> None:
        at, caps = clock.now(), Caps(per_day=70)
        holds = [some_hold(place, f"c{place % 7}", at, 10) for place in range(40)]
        verdicts = await asyncio.gather(*(store.reserve(hold, caps) for hold in holds))
        assert verdicts.count(None) == 7
        assert {one for one in verdicts if one} == {Refusal("per_day", 0, is_passing=True)}
        assert await self.total(store, scopes("", at)[2]) == Total(0, 70)

    async def test_what_nobody_can_tell_of_any_more_counts_as_spent(self, store: Store, clock: ManualClock) -> None:
        claim = await self.drafting(store, clock)
        began_at = clock.now()
        await store.reserve(hold_for(claim, began_at, 400), Caps())
        clock.advance(LEASE.total_seconds() + 1)
        again = await self.claim_one(store, DraftReply)
        assert again.attempt == claim.attempt + 1
        await store.reserve(hold_for(again, clock.now(), 300), Caps())
        assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(0, 700)] * 4
        await store.apply(paid(again, clock.now(), asked("0.0000002")), rules)
        assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(200, 400)] * 4
        more = some_hold(1, "another", began_at, 500)
        assert await store.reserve(more, Caps(per_day=700)) == Refusal("per_day", 100, is_passing=True)
        assert await store.reserve(more, Caps(per_day=699)) == Refusal("per_day", 99)
        assert await store.write_off(began_at) == 0
        assert await store.write_off(clock.now()) == 1
        assert await store.write_off(clock.now()) == 0
        assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(600, 0)] * 4
        lines = {line.name: line for line in sum_up(await store.spent(clock.now() - EVER), "model")}
        assert (lines[""].usd, lines[""].usd_estimated, lines[""].unanswered) == ("0.0000004", "0.0000004", 1)

    async def test_what_is_told_after_it_was_given_up_counts_once_at_its_real_cost(
        self, store: Store, clock: ManualClock
    ) -> None:
        claim = await self.drafting(store, clock)
        began_at = clock.now()
        await store.reserve(hold_for(claim, began_at, 400), Caps())
        clock.advance(86_400)
        assert await store.write_off(clock.now()) == 1
        assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(400, 0)] * 4
        event = paid(claim, clock.now(), asked("0.00000003", "timeout"), asked("0.00000004"))
        for _ in range(2):
            await store.apply(event, rules)
            assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(70, 0)] * 4
        (spent,) = await store.spent(began_at - EVER)
        assert (spent.day, spent.count, spent.model) == (f"{began_at:%Y-%m-%d}", 2, "author/m")

    async def test_what_turns_out_after_that_to_have_cost_nothing_is_taken_back(
        self, store: Store, clock: ManualClock
    ) -> None:
        claim = await self.drafting(store, clock)
        await store.reserve(hold_for(claim, clock.now(), 400), Caps())
        clock.advance(1)
        await store.write_off(clock.now())
        await store.apply(postponed(claim, clock.now()), rules)
        assert await self.all_totals(store, claim.conversation_id, clock.now()) == [Total(0, 0)] * 4
        assert await store.spent(clock.now() - EVER) == []

    async def test_a_claim_that_asks_for_more_after_it_was_given_up_counts_once(
        self, store: Store, clock: ManualClock
    ) -> None:
        claim = await self.drafting(store, clock)
        began_at = clock.now()
        for amount in (400, 700):
            await store.reserve(hold_for(claim, began_at, amount), Caps())
            clock.advance(3_601)
            assert await store.write_off(clock.now()) == 1
            assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(amount, 0)] * 4
        await store.reserve(hold_for(claim, began_at, 800), Caps())
        await store.apply(paid(claim, clock.now(), asked("0.00000003")), rules)
        assert await self.all_totals(store, claim.conversation_id, began_at) == [Total(30, 0)] * 4
        assert [line.count for line in await store.spent(began_at)] == [1]

    async def test_a_message_is_charged_once_and_counts_in_no_cap(self, store: Store, clock: ManualClock) -> None:
        known = await self.greet(store, clock)

        def priced(status: MessageStatus, cost_usd: str = "0.0042") -> StatusChanged:
            pricing = Pricing(category="service", type="regular", model="PMP", cost_usd=cost_usd)
            event = told(status, clock.now(), "wamid.greeting")
            return msgspec.structs.replace(event, pricing=pricing)

        for status in (MessageStatus.SENT, MessageStatus.READ, MessageStatus.DELIVERED):
            await store.apply(priced(status), rules)
        (line,) = sum_up(await store.spent(clock.now() - EVER), "model")
        assert (line.name, line.calls, line.messages) == ("message service/regular", 0, 1)
        assert (line.usd, line.usd_estimated) == ("0.0042", "0")
        assert await self.all_totals(store, known, clock.now()) == [Total()] * 4

    async def test_messages_that_nobody_has_told_the_price_of_are_counted(
        self, store: Store, clock: ManualClock
    ) -> None:
        for place, cost_usd in enumerate(("", "0", "0.01", "")):
            await store.apply(wrote("hi", clock.now(), phone=f"1555010031{place}"), rules)
            claim = await self.claim_one(store)
            await store.apply(succeeded(claim, clock.now(), f"wamid.{place}"), rules)
            event = told(MessageStatus.DELIVERED, clock.now(), f"wamid.{place}")
            pricing = Pricing(category="service", type="regular", cost_usd=cost_usd)
            await store.apply(msgspec.structs.replace(event, pricing=pricing), rules)
        found = await store.spent(clock.now() - EVER)
        assert sum(line.unpriced for line in found if line.task == "message") == 2

    async def test_totals_of_days_that_are_gone_are_forgotten_and_charges_stay(
        self, store: Store, clock: ManualClock
    ) -> None:
        claim = await self.drafting(store, clock)
        at = clock.now()
        await store.apply(paid(claim, at, asked("0.000000005")), rules)
        await store.prune(at)
        assert await self.all_totals(store, claim.conversation_id, at) == [Total(5)] * 4
        await store.prune(at + timedelta(days=40))
        found = await self.all_totals(store, claim.conversation_id, at)
        assert found == [Total(), Total(5), Total(), Total()]
        assert len(await store.spent(at - EVER)) == 1
