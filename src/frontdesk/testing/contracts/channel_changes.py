"""What every store promises where a conversation goes on by another channel."""

from __future__ import annotations

from typing import Any

import msgspec

from frontdesk.core.effect import FetchMedia
from frontdesk.core.event import AddressesLost, ChannelChanged
from frontdesk.core.message import Media, MessageStatus
from frontdesk.ports import Store
from frontdesk.testing.contracts.books import BooksContract
from frontdesk.testing.contracts.outbox import LEASE, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, PHONE, replied, succeeded, told, unknown, wrote

OTHER = "other"


class ChannelChangesContract(BooksContract):
    """The promises about it. Part of `StoreContract`, which says what a subclass supplies."""

    async def change(
        self, store: Store, clock: ManualClock, known: str, *, source: str = CHANNEL, target: str = OTHER,
        leaves: bool = True,
    ) -> None:  # fmt: skip
        """The conversation goes on by the target."""
        state = await store.conversation(known)
        assert state is not None
        event = ChannelChanged(
            id=f"{known}-{target}-{clock.now().isoformat()}",
            at=clock.now(),
            channel=source,
            conversation_id=known,
            target=target,
            addresses=state.addresses,
            leaves=leaves,
        )
        assert await store.apply(event, rules) is not None

    async def on(self, store: Store, channel: str) -> list[str]:
        """Whose messages leave by a channel."""
        return [state.id async for state in store.conversations_on(channel)]

    async def test_a_conversation_that_has_moved_is_found_there_and_not_here(
        self, store: Store, clock: ManualClock
    ) -> None:
        known = await self.greet(store, clock)
        before = await store.conversation(known)
        assert await self.on(store, CHANNEL) == [known]
        await self.change(store, clock, known)
        assert (await store.find(CHANNEL, PHONE), await store.find(OTHER, PHONE)) == (None, known)
        assert (await self.on(store, CHANNEL), await self.on(store, OTHER)) == ([], [known])
        state = await store.conversation(known)
        assert state is not None
        assert before is not None
        assert (state.channel, state.home) == (OTHER, "")
        assert (state.window_until, state.turns) == (before.window_until, before.turns)
        assert [one.channel for one in await store.conversations(10)] == [OTHER]

    async def test_whoever_writes_to_the_channel_that_was_left_begins_anew(
        self, store: Store, clock: ManualClock
    ) -> None:
        known = await self.greet(store, clock)
        await self.change(store, clock, known)
        decision = await store.apply(wrote("hello again", clock.now(), "later"), rules)
        assert decision is not None
        assert decision.conversation.id != known
        assert await store.find(OTHER, PHONE) == known

    async def test_what_is_still_to_be_said_leaves_by_the_new_channel(self, store: Store, clock: ManualClock) -> None:
        known = await self.greet(store, clock)
        await store.apply(replied(known, "one", clock.now()), rules)
        await store.apply(replied(known, "two", clock.now()), rules)
        await self.change(store, clock, known)
        for number in (1, 2):
            claim = await self.claim_one(store)
            assert claim.channel == OTHER
            await store.apply(succeeded(claim, clock.now(), f"other-{number}"), rules)
            status = told(MessageStatus.READ, clock.now(), f"other-{number}")
            assert await store.apply(_on(status, OTHER), rules) is not None
        assert [one.status for one in await store.messages(known) if one.author == "agent"] == [MessageStatus.READ] * 2

    async def test_the_channel_before_still_tells_of_what_it_sent(self, store: Store, clock: ManualClock) -> None:
        known = await self.greet(store, clock)
        await store.apply(replied(known, "lost answer", clock.now()), rules)
        claim = await self.claim_one(store)
        await store.apply(unknown(claim, clock.now()), rules)
        await self.change(store, clock, known)
        for status in (
            told(MessageStatus.READ, clock.now(), "wamid.greeting"),
            told(MessageStatus.DELIVERED, clock.now(), "wamid.lost", claim.effect.id),
        ):
            assert await store.apply(status, rules) is not None
        statuses = [one.status for one in await store.messages(known) if one.author in {"bot", "agent"}]
        assert statuses == [MessageStatus.READ, MessageStatus.DELIVERED]

    async def test_a_channel_that_stands_in_shares_the_contact(self, store: Store, clock: ManualClock) -> None:
        known = await self.greet(store, clock)
        await self.change(store, clock, known, leaves=False)
        assert await store.find(CHANNEL, PHONE) == await store.find(OTHER, PHONE) == known
        state = await store.conversation(known)
        assert state is not None
        assert (state.channel, state.home) == (OTHER, CHANNEL)
        await store.apply(wrote(Media(kind="image", media_id="1"), clock.now()), rules)
        claims = {type(claim.effect): claim.channel for claim in await store.claim(LEASE, 100)}
        assert claims.pop(FetchMedia) == CHANNEL  # the file is where the contact sent it
        await store.apply(replied(known, "hello", clock.now()), rules)
        await self.change(store, clock, known, source=OTHER, target=CHANNEL, leaves=False)
        state = await store.conversation(known)
        assert state is not None
        assert (state.channel, state.home) == (CHANNEL, "")

    async def test_a_contact_who_is_known_there_is_taken_from_the_other_conversation(
        self, store: Store, clock: ManualClock
    ) -> None:
        known = await self.greet(store, clock)
        other = await store.apply(_on(wrote("hi", clock.now(), "there"), OTHER), rules)
        assert other is not None
        await self.change(store, clock, known)
        assert await store.find(OTHER, PHONE) == known
        lost = [entry.event async for entry in store.journal(other.conversation.id)][-1]
        assert isinstance(lost, AddressesLost)
        assert lost.channel == OTHER

    async def test_a_change_is_shown_in_the_conversation(self, store: Store, clock: ManualClock) -> None:
        known = await self.greet(store, clock)
        await self.change(store, clock, known)
        remark = await self.only_message(store, known, "system")
        assert remark.content.body == f"goes on by channel {OTHER}, before by {CHANNEL}"  # type: ignore[union-attr]


def _on(event: Any, channel: str) -> Any:
    return msgspec.structs.replace(event, channel=channel)
