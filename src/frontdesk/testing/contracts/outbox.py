"""What every store promises of its outbox: claims, leases, lanes, settlements."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from frontdesk.core.conversation import Handler
from frontdesk.core.decide import decide
from frontdesk.core.effect import DraftReply, SendMessage, WakeAt
from frontdesk.core.event import HandedOff
from frontdesk.core.message import Message, MessageStatus, Text
from frontdesk.core.policy import Policy
from frontdesk.ports import Claim, Store
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import (
    CHANNEL,
    drafted,
    failed,
    fired,
    postponed,
    replied,
    succeeded,
    told,
    unknown,
    wrote,
)

LEASE = timedelta(seconds=30)
POLICY = Policy(marks_read=False)
rules = partial(decide, policy=POLICY)


class OutboxContract:
    """The promises about effects. Part of `StoreContract`, which says what a subclass supplies."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The store's clock."""
        return ManualClock()

    async def claim_one(self, store: Store, kind: type[object] = SendMessage) -> Claim:
        """Claim all that is ready; exactly one of `kind` is expected; the rest is given back."""
        claims = await store.claim(LEASE, 100)
        wanted = [claim for claim in claims if isinstance(claim.effect, kind)]
        for claim in claims:
            if claim not in wanted:
                await store.apply(postponed(claim, claim.effect.due_at, 0), rules)
        assert len(wanted) == 1
        return wanted[0]

    async def greet(self, store: Store, clock: ManualClock) -> str:
        """A conversation whose contact said hi and got the greeting: its id."""
        decision = await store.apply(wrote("hi", clock.now()), rules)
        assert decision is not None
        claim = await self.claim_one(store)
        await store.apply(succeeded(claim, clock.now(), "wamid.greeting"), rules)
        return decision.conversation.id

    async def only_message(self, store: Store, conversation_id: str, author: str) -> Message:
        """The one message of this author."""
        found = [message for message in await store.messages(conversation_id) if message.author == author]
        assert len(found) == 1
        return found[0]

    async def test_a_claimed_effect_is_nobody_elses(self, store: Store, clock: ManualClock) -> None:
        await store.apply(wrote("hi", clock.now()), rules)
        assert len(await store.claim(LEASE, 10)) == 1
        assert await store.claim(LEASE, 10) == []

    async def test_no_more_is_claimed_than_asked_for_and_the_oldest_first(
        self, store: Store, clock: ManualClock
    ) -> None:
        for number in range(3):
            await store.apply(wrote("hi", clock.now(), phone=f"1555010{number}"), rules)
            clock.advance(1)
        claims = [*await store.claim(LEASE, 2), *await store.claim(LEASE, 2)]
        phones = [claim.effect.to[0].value for claim in claims if isinstance(claim.effect, SendMessage)]
        assert phones == ["15550100", "15550101", "15550102"]

    async def test_an_effect_is_not_ready_before_it_is_due(self, store: Store, clock: ManualClock) -> None:
        conversation_id = await self.greet(store, clock)
        await store.apply(wrote("opening hours?", clock.now()), rules)
        clock.advance(POLICY.burst_wait_seconds - 0.01)
        assert await store.claim(LEASE, 10) == []
        clock.advance(0.02)
        assert (await self.claim_one(store, WakeAt)).conversation_id == conversation_id

    async def test_a_lease_that_ended_is_claimed_again_with_a_higher_number(
        self, store: Store, clock: ManualClock
    ) -> None:
        await store.apply(wrote("hi", clock.now()), rules)
        first = await self.claim_one(store)
        clock.advance(LEASE.total_seconds() + 1)
        second = await self.claim_one(store)
        assert (first.is_interrupted, second.is_interrupted) == (False, True)
        assert second.effect == first.effect
        assert second.attempt > first.attempt

    async def test_a_renewed_lease_lasts_and_a_lost_one_cannot_be_renewed(
        self, store: Store, clock: ManualClock
    ) -> None:
        await store.apply(wrote("hi", clock.now()), rules)
        first = await self.claim_one(store)
        clock.advance(20)
        assert await store.renew([first], LEASE) == {first.effect.id}
        clock.advance(20)
        assert await store.claim(LEASE, 10) == []
        clock.advance(20)
        await self.claim_one(store)
        assert await store.renew([first], LEASE) == frozenset()

    async def test_an_overtaken_outcome_is_dropped(self, store: Store, clock: ManualClock) -> None:
        conversation_id = await self.greet(store, clock)
        await store.apply(wrote("opening hours?", clock.now()), rules)
        clock.advance(2)
        timer = await self.claim_one(store, WakeAt)
        await store.apply(fired(timer, clock.now()), rules)
        slow = await self.claim_one(store, DraftReply)
        clock.advance(LEASE.total_seconds() + 1)
        quick = await self.claim_one(store, DraftReply)
        assert await store.apply(drafted(slow, clock.now(), "from nine"), rules) is None
        assert await store.apply(drafted(quick, clock.now(), "from ten"), rules) is not None
        assert (await store.messages(conversation_id))[-1].content == Text(body="from ten")

    async def test_an_outcome_settles_its_effect_once(self, store: Store, clock: ManualClock) -> None:
        await store.apply(wrote("hi", clock.now()), rules)
        claim = await self.claim_one(store)
        assert await store.apply(failed(claim, clock.now()), rules) is not None
        assert await store.apply(failed(claim, clock.now()), rules) is None
        clock.advance(LEASE.total_seconds() + 1)
        assert not any(isinstance(one.effect, SendMessage) for one in await store.claim(LEASE, 10))

    async def test_messages_of_a_conversation_leave_one_at_a_time_in_order(
        self, store: Store, clock: ManualClock
    ) -> None:
        conversation_id = await self.greet(store, clock)
        for text in ("one", "two", "three"):
            await store.apply(replied(conversation_id, text, clock.now()), rules)
        left = []
        for number in range(3):
            claim = await self.claim_one(store)
            assert isinstance(claim.effect, SendMessage)
            assert isinstance(claim.effect.content, Text)
            left.append(claim.effect.content.body)
            await store.apply(succeeded(claim, clock.now(), f"wamid.{number}"), rules)
        assert left == ["one", "two", "three"]

    async def test_an_unknown_send_blocks_its_lane_until_it_is_settled(self, store: Store, clock: ManualClock) -> None:
        conversation_id = await self.greet(store, clock)
        for text in ("one", "two"):
            await store.apply(replied(conversation_id, text, clock.now()), rules)
        claim = await self.claim_one(store)
        await store.apply(unknown(claim, clock.now()), rules)
        clock.advance(LEASE.total_seconds() + 1)
        assert await store.claim(LEASE, 10) == []
        assert (await store.backlog()).states["unknown"] == 1
        await store.apply(told(MessageStatus.SENT, clock.now(), "wamid.one", claim.effect.id), rules)
        assert (await self.claim_one(store)).effect.id != claim.effect.id
        first, second = [one for one in await store.messages(conversation_id) if one.author == "agent"]
        assert (first.status, first.provider_message_id) == (MessageStatus.SENT, "wamid.one")
        assert second.status is MessageStatus.QUEUED

    async def test_an_unknown_send_is_held_for_a_person_after_the_deadline(
        self, store: Store, clock: ManualClock
    ) -> None:
        decision = await store.apply(wrote("hi", clock.now()), rules)
        claim = await self.claim_one(store)
        await store.apply(unknown(claim, clock.now()), rules)
        clock.advance(POLICY.unknown_after_seconds + 1)
        timer = await self.claim_one(store, WakeAt)
        await store.apply(fired(timer, clock.now(), "unknown", claim.effect.id), rules)
        assert decision is not None
        state = await store.conversation(decision.conversation.id)
        assert state is not None
        assert state.handler is Handler.QUEUE
        assert "unknown" not in (await store.backlog()).states
        held = await self.only_message(store, state.id, "bot")
        assert held.status is MessageStatus.UNKNOWN

    async def test_an_unknown_send_is_repeated_where_the_policy_says_so(self, store: Store, clock: ManualClock) -> None:
        resend = partial(decide, policy=Policy(marks_read=False, on_unknown="resend"))
        await store.apply(wrote("hi", clock.now()), resend)
        first = await self.claim_one(store)
        await store.apply(unknown(first, clock.now()), resend)
        clock.advance(POLICY.unknown_after_seconds + 1)
        timer = await self.claim_one(store, WakeAt)
        await store.apply(fired(timer, clock.now(), "unknown", first.effect.id), resend)
        second = await self.claim_one(store)
        assert second.effect == first.effect
        assert not second.is_interrupted

    async def test_an_unknown_send_is_repeated_only_once(self, store: Store, clock: ManualClock) -> None:
        resend = partial(decide, policy=Policy(marks_read=False, on_unknown="resend"))
        await store.apply(wrote("hi", clock.now()), resend)
        for _ in range(2):
            claim = await self.claim_one(store)
            await store.apply(unknown(claim, clock.now()), resend)
            clock.advance(POLICY.unknown_after_seconds + 1)
            timer = await self.claim_one(store, WakeAt)
            await store.apply(fired(timer, clock.now(), "unknown", claim.effect.id), resend)
        assert not any(isinstance(one.effect, SendMessage) for one in await store.claim(LEASE, 10))
        listed = await store.conversations(10)
        assert [summary.handler for summary in listed] == [Handler.QUEUE]

    async def test_an_unknown_send_of_the_bot_is_not_repeated_while_people_have_it(
        self, store: Store, clock: ManualClock
    ) -> None:
        resend = partial(decide, policy=Policy(marks_read=False, on_unknown="resend"))
        await store.apply(wrote("hi", clock.now()), resend)
        claim = await self.claim_one(store)
        await store.apply(unknown(claim, clock.now()), resend)
        await store.apply(replied(claim.conversation_id, "Asha here", clock.now()), resend)
        clock.advance(POLICY.unknown_after_seconds + 1)
        timer = await self.claim_one(store, WakeAt)
        await store.apply(fired(timer, clock.now(), "unknown", claim.effect.id), resend)
        after = await self.claim_one(store)
        assert isinstance(after.effect, SendMessage)
        assert after.effect.author == "agent"
        assert (await self.only_message(store, claim.conversation_id, "bot")).status is MessageStatus.UNKNOWN

    async def test_a_late_success_settles_an_unknown_send(self, store: Store, clock: ManualClock) -> None:
        decision = await store.apply(wrote("hi", clock.now()), rules)
        claim = await self.claim_one(store)
        clock.advance(LEASE.total_seconds() + 1)
        again = await self.claim_one(store)
        await store.apply(unknown(again, clock.now()), rules)
        assert await store.apply(succeeded(claim, clock.now(), "wamid.late"), rules) is not None
        assert decision is not None
        message = await self.only_message(store, decision.conversation.id, "bot")
        assert message.status is MessageStatus.ACCEPTED
        assert "unknown" not in (await store.backlog()).states

    async def test_a_status_with_our_reference_settles_a_send_under_way(self, store: Store, clock: ManualClock) -> None:
        decision = await store.apply(wrote("hi", clock.now()), rules)
        claim = await self.claim_one(store)
        await store.apply(told(MessageStatus.DELIVERED, clock.now(), "wamid.1", claim.effect.id), rules)
        assert await store.apply(unknown(claim, clock.now()), rules) is None
        await store.apply(succeeded(claim, clock.now(), "wamid.1"), rules)
        assert decision is not None
        assert (await self.only_message(store, decision.conversation.id, "bot")).status is MessageStatus.DELIVERED

    async def test_a_hand_off_withdraws_what_the_bot_had_not_begun(self, store: Store, clock: ManualClock) -> None:
        decision = await store.apply(wrote("opening hours?", clock.now()), rules)
        assert decision is not None
        given = HandedOff(
            id="h1", at=clock.now(), channel=CHANNEL, conversation_id=decision.conversation.id, reason="by hand"
        )
        await store.apply(given, rules)
        clock.advance(10)
        claims = [claim.effect for claim in await store.claim(LEASE, 10) if isinstance(claim.effect, SendMessage)]
        assert [effect.author for effect in claims] == ["notice"]
        assert (await self.only_message(store, decision.conversation.id, "bot")).status is MessageStatus.CANCELLED

    async def test_a_withdrawn_draft_is_not_asked_for_again(self, store: Store, clock: ManualClock) -> None:
        conversation_id = await self.greet(store, clock)
        await store.apply(wrote("opening hours?", clock.now()), rules)
        clock.advance(2)
        await store.apply(fired(await self.claim_one(store, WakeAt), clock.now()), rules)
        draft = await self.claim_one(store, DraftReply)
        await store.apply(replied(conversation_id, "Asha here", clock.now()), rules)
        clock.advance(LEASE.total_seconds() + 1)
        assert not any(isinstance(one.effect, DraftReply) for one in await store.claim(LEASE, 10))
        assert await store.apply(drafted(draft, clock.now(), "from nine"), rules) is None

    async def test_a_hand_off_leaves_what_had_begun(self, store: Store, clock: ManualClock) -> None:
        decision = await store.apply(wrote("hi", clock.now()), rules)
        claim = await self.claim_one(store)
        assert decision is not None
        await store.apply(replied(decision.conversation.id, "Asha here", clock.now()), rules)
        assert not any(isinstance(one.effect, SendMessage) for one in await store.claim(LEASE, 10))
        await store.apply(succeeded(claim, clock.now(), "wamid.1"), rules)
        after = await self.claim_one(store)
        assert isinstance(after.effect, SendMessage)
        assert after.effect.author == "agent"

    async def test_a_send_that_was_begun_before_a_hand_off_is_not_tried_again_after_it(
        self, store: Store, clock: ManualClock
    ) -> None:
        decision = await store.apply(wrote("hi", clock.now()), rules)
        claim = await self.claim_one(store)
        assert decision is not None
        await store.apply(replied(decision.conversation.id, "Asha here", clock.now()), rules)
        await store.apply(postponed(claim, clock.now()), rules)
        clock.advance(10)
        after = await self.claim_one(store)
        assert isinstance(after.effect, SendMessage)
        assert after.effect.author == "agent"
        assert (await self.only_message(store, decision.conversation.id, "bot")).status is MessageStatus.CANCELLED

    async def test_the_backlog_tells_how_long_the_oldest_has_waited(self, store: Store, clock: ManualClock) -> None:
        assert (await store.backlog()).oldest_due_at is None
        began_at = clock.now()
        await store.apply(wrote("opening hours?", clock.now()), rules)
        clock.advance(5)
        backlog = await store.backlog()
        assert backlog.oldest_due_at == began_at
        assert backlog.states == {"pending": 2}
