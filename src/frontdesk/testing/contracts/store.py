"""What every store promises."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import SendMessage
from frontdesk.core.event import Address, Event, IdentityChanged, NoteAdded
from frontdesk.core.message import MessageStatus, Text
from frontdesk.core.plan import Decision
from frontdesk.ports import Notice, Store
from frontdesk.testing.contracts.ledger import LedgerContract
from frontdesk.testing.contracts.outbox import LEASE, POLICY, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import (
    CHANNEL,
    PHONE,
    postponed,
    replied,
    succeeded,
    told,
    wrote,
)


class StoreContract(LedgerContract):
    """The promises of `frontdesk.ports.Store`. A subclass adds the fixture `store`: an empty store that reads
    `clock`, open."""

    async def test_an_event_is_applied_once(self, store: Store, clock: ManualClock) -> None:
        event = wrote("hi", clock.now())
        first = await store.apply(event, rules)
        assert first is not None
        assert await store.apply(event, rules) is None
        assert len(await store.messages(first.conversation.id)) == 2
        assert [entry.seq async for entry in store.journal(first.conversation.id)] == [1]

    async def test_what_was_decided_is_kept_whole(self, store: Store, clock: ManualClock) -> None:
        decision = await store.apply(wrote("What does delivery cost? 👩‍🌾\u200f\0", clock.now()), rules)
        assert decision is not None
        assert await store.conversation(decision.conversation.id) == decision.conversation
        journal = [entry async for entry in store.journal(decision.conversation.id)]
        assert [entry.effects for entry in journal] == [decision.effects]
        texts = [message.content for message in await store.messages(decision.conversation.id)]
        assert texts == [Text(body="What does delivery cost? 👩‍🌾\u200f\0"), Text(body=POLICY.greeting)]

    async def test_nothing_is_kept_when_the_rules_fail(self, store: Store, clock: ManualClock) -> None:
        def broken(_conversation: Conversation, _event: Event) -> Decision:
            raise ZeroDivisionError

        event = wrote("hi", clock.now())
        with pytest.raises(ZeroDivisionError):
            await store.apply(event, broken)
        assert await store.find(CHANNEL, PHONE) is None
        assert await store.claim(LEASE, 10) == []
        assert await store.apply(event, rules) is not None

    async def test_a_contact_is_one_conversation_on_a_channel(self, store: Store, clock: ManualClock) -> None:
        one = await store.apply(wrote("hi", clock.now()), rules)
        two = await store.apply(wrote("there", clock.now()), rules)
        other = await store.apply(wrote("hi", clock.now(), phone="15550100888"), rules)
        assert one is not None
        assert two is not None
        assert other is not None
        assert one.conversation.id == two.conversation.id != other.conversation.id

    async def test_a_contact_is_known_by_any_address(self, store: Store, clock: ManualClock) -> None:
        both = await store.apply(wrote("a", clock.now(), scoped_id="US.1"), rules)
        by_id = await store.apply(wrote("b", clock.now(), phone="", scoped_id="US.1"), rules)
        by_phone = await store.apply(wrote("c", clock.now()), rules)
        assert both is not None
        assert by_id is not None
        assert by_phone is not None
        assert both.conversation.id == by_id.conversation.id == by_phone.conversation.id
        assert by_phone.conversation.addresses == (Address("phone", PHONE), Address("scoped_id", "US.1"))

    async def test_the_lasting_address_decides_and_takes_the_others_along(
        self, store: Store, clock: ManualClock
    ) -> None:
        by_phone = await store.apply(wrote("a", clock.now()), rules)
        by_id = await store.apply(wrote("b", clock.now(), phone="", scoped_id="US.1"), rules)
        both = await store.apply(wrote("c", clock.now(), scoped_id="US.1"), rules)
        phone_again = await store.apply(wrote("d", clock.now()), rules)
        assert by_phone is not None
        assert by_id is not None
        assert both is not None
        assert phone_again is not None
        assert both.conversation.id == by_id.conversation.id == phone_again.conversation.id
        authors = [message.author for message in await store.messages(by_phone.conversation.id)]
        assert authors == ["contact", "bot", "system"]

    async def test_what_was_to_be_sent_to_an_address_does_not_reach_its_new_owner(
        self, store: Store, clock: ManualClock
    ) -> None:
        before = await store.apply(wrote("my order is 99", clock.now(), scoped_id="US.1"), rules)
        assert before is not None
        await store.apply(replied(before.conversation.id, "It is on its way.", clock.now()), rules)
        after = await store.apply(wrote("hi", clock.now(), scoped_id="US.2"), rules)
        assert after is not None
        old = await store.conversation(before.conversation.id)
        assert old is not None
        assert old.addresses == (Address("scoped_id", "US.1"),)
        clock.advance(60)
        sends = [claim for claim in await store.claim(LEASE, 10) if isinstance(claim.effect, SendMessage)]
        assert {claim.conversation_id for claim in sends} == {after.conversation.id}
        withdrawn = [one for one in await store.messages(old.id) if one.author in ("bot", "agent")]
        assert {one.status for one in withdrawn} == {MessageStatus.CANCELLED}

    async def test_what_is_withdrawn_does_not_leave_though_the_contact_has_no_address_any_more(
        self, store: Store, clock: ManualClock
    ) -> None:
        lost = await store.apply(wrote("hi", clock.now()), rules)
        await store.apply(wrote("a", clock.now(), phone="", scoped_id="US.1"), rules)
        await store.apply(wrote("b", clock.now(), scoped_id="US.1"), rules)
        assert lost is not None
        known = lost.conversation.id
        state = await store.conversation(known)
        assert state is not None
        assert state.addresses == ()
        said = SendMessage(
            id="s", due_at=clock.now(), to=(Address("phone", PHONE),), content=Text(body="x"), author="bot"
        )
        await store.apply(
            NoteAdded(id="n1", at=clock.now(), channel=CHANNEL, conversation_id=known, agent="a", body="x"),
            lambda state, _: Decision(conversation=state, effects=(said,)),
        )
        await store.apply(
            NoteAdded(id="n2", at=clock.now(), channel=CHANNEL, conversation_id=known, agent="a", body="x"),
            lambda state, _: Decision(conversation=state, withdrawn=("send_message.bot",)),
        )
        assert not [claim for claim in await store.claim(LEASE, 99) if claim.effect.id == "s"]

    async def test_who_is_given_a_number_that_a_contact_has_left_is_somebody_else(
        self, store: Store, clock: ManualClock
    ) -> None:
        before = wrote("my order is 99", clock.now(), scoped_id="US.1")
        first = await store.apply(before, rules)
        moved = (Address("phone", "15550100555"), Address("scoped_id", "US.2"))
        change = IdentityChanged(
            id="i2", at=clock.now(), channel=CHANNEL, contact=before.contact, addresses=moved, detail="moved"
        )
        await store.apply(change, rules)
        after = await store.apply(wrote("hi", clock.now(), scoped_id="US.3"), rules)
        assert first is not None
        assert after is not None
        assert after.conversation.id != first.conversation.id
        left = await store.conversation(first.conversation.id)
        assert left is not None
        assert left.addresses == moved

    async def test_what_nobody_asks_for_any_more_is_forgotten(self, store: Store, clock: ManualClock) -> None:
        lost, young = told(MessageStatus.READ, clock.now(), "wamid.1"), told(MessageStatus.SENT, clock.now(), "wamid.2")
        await store.apply(lost, rules)
        old = Notice(id="old", at=clock.now(), channel=CHANNEL, kind="security", text="old")
        await store.keep([old])
        clock.advance(3_600)
        await store.apply(msgspec.structs.replace(young, at=clock.now()), rules)
        await store.keep([msgspec.structs.replace(old, id="young", at=clock.now())])
        await store.prune(clock.now() - timedelta(minutes=1))
        assert [notice.id for notice in await store.notices(10)] == ["young"]
        decision = await store.apply(wrote("hi", clock.now()), rules)
        assert decision is not None
        await store.apply(succeeded(await self.claim_one(store), clock.now(), "wamid.1"), rules)
        assert (await self.only_message(store, decision.conversation.id, "bot")).status is MessageStatus.ACCEPTED

    async def test_a_new_address_leads_to_the_same_conversation(self, store: Store, clock: ManualClock) -> None:
        before = wrote("a", clock.now())
        first = await store.apply(before, rules)
        change = IdentityChanged(
            id="i1",
            at=clock.now(),
            channel=CHANNEL,
            contact=before.contact,
            addresses=(Address("phone", "15550100555"),),
        )
        await store.apply(change, rules)
        after = await store.apply(wrote("b", clock.now(), phone="15550100555"), rules)
        assert first is not None
        assert after is not None
        assert after.conversation.id == first.conversation.id

    async def test_a_phone_number_given_to_somebody_new_begins_another_conversation(
        self, store: Store, clock: ManualClock
    ) -> None:
        before = await store.apply(wrote("my order is 99", clock.now(), scoped_id="US.1"), rules)
        after = await store.apply(wrote("hi", clock.now(), scoped_id="US.2"), rules)
        by_phone = await store.apply(wrote("hello?", clock.now()), rules)
        moved = await store.apply(wrote("it is me", clock.now(), phone="15550100555", scoped_id="US.1"), rules)
        assert before is not None
        assert after is not None
        assert by_phone is not None
        assert moved is not None
        assert after.conversation.id != before.conversation.id == moved.conversation.id
        assert by_phone.conversation.id == after.conversation.id
        said = [one for one in await store.messages(before.conversation.id) if one.author == "contact"]
        assert len(said) == 2

    async def test_a_status_before_the_response_is_not_lost(self, store: Store, clock: ManualClock) -> None:
        decision = await store.apply(wrote("hi", clock.now()), rules)
        claim = await self.claim_one(store)
        assert await store.apply(told(MessageStatus.READ, clock.now(), "wamid.1"), rules) is None
        await store.apply(succeeded(claim, clock.now(), "wamid.1"), rules)
        assert decision is not None
        assert (await self.only_message(store, decision.conversation.id, "bot")).status is MessageStatus.READ

    async def test_statuses_only_move_forward(self, store: Store, clock: ManualClock) -> None:
        conversation_id = await self.greet(store, clock)
        seen = []
        for status in (MessageStatus.DELIVERED, MessageStatus.SENT, MessageStatus.READ, MessageStatus.FAILED):
            await store.apply(told(status, clock.now(), "wamid.greeting"), rules)
            seen.append((await self.only_message(store, conversation_id, "bot")).status)
        assert seen == [MessageStatus.DELIVERED, MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.READ]

    async def test_an_agents_send_is_tried_again(self, store: Store, clock: ManualClock) -> None:
        conversation_id = await self.greet(store, clock)
        await store.apply(replied(conversation_id, "Asha here", clock.now()), rules)
        first = await self.claim_one(store)
        await store.apply(postponed(first, clock.now()), rules)
        assert await store.claim(LEASE, 10) == []
        clock.advance(2)
        second = await self.claim_one(store)
        assert (second.effect, second.failures, second.is_interrupted) == (first.effect, 1, False)

    async def test_a_note_is_kept_and_leads_to_nothing(self, store: Store, clock: ManualClock) -> None:
        conversation_id = await self.greet(store, clock)
        note = NoteAdded(
            id="n1", at=clock.now(), channel=CHANNEL, conversation_id=conversation_id, agent="asha", body="VIP"
        )
        await store.apply(note, rules)
        assert (await self.only_message(store, conversation_id, "note")).content == Text(body="VIP")
        assert await store.claim(LEASE, 10) == []

    async def test_an_outcome_of_an_unknown_conversation_is_dropped(self, store: Store, clock: ManualClock) -> None:
        assert await store.apply(replied("nobody", "hello?", clock.now()), rules) is None

    async def test_notices_are_kept_once_and_shown_newest_first(self, store: Store, clock: ManualClock) -> None:
        def notice(key: str, at: datetime) -> Notice:
            return Notice(id=key, at=at, channel=CHANNEL, kind="security", text=key, raw="{}", is_alarm=True)

        await store.keep([notice("a", clock.now())])
        clock.advance(1)
        await store.keep([notice("a", clock.now()), notice("b", clock.now())])
        assert [(one.id, one.is_alarm) for one in await store.notices(10)] == [("b", True), ("a", True)]

    async def test_conversations_are_listed_and_found(self, store: Store, clock: ManualClock) -> None:
        one = await self.greet(store, clock)
        clock.advance(1)
        await store.apply(wrote("hello?", clock.now(), phone="15550100888"), rules)
        listed = await store.conversations(10)
        assert [summary.name for summary in listed] == ["Mira", "Mira"]
        assert listed[1].id == one == await store.find(CHANNEL, PHONE)
        assert await store.conversation("nobody") is None
        assert await store.find(CHANNEL, "nobody") is None

    async def test_a_store_that_can_write_says_so(self, store: Store) -> None:
        await store.check()
