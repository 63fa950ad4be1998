"""What every store promises about flows: it keeps their versions, knows who stands in one, and bears rules that ask for
a version that is not loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event, FromContact, NoteAdded
from frontdesk.core.flow import UnknownBook
from frontdesk.core.plan import Decision
from frontdesk.core.position import AnswerAwaited, Frame, Run
from frontdesk.core.record import addresses_of
from frontdesk.ports import Decide, Standing, Store
from frontdesk.testing.contracts.outbox import OutboxContract, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, wrote

SOURCES = {"rules.yaml": "languages: [en]\n", "menu.yaml": "title: “Menu” 👩‍🌾\u200f\n", "empty.yaml": ""}


def run_on(version: str, step: str = "ask_number") -> Run:
    """A flow under way on that version, which waits for an answer."""
    return Run(id="r1", book=version, frames=(Frame(flow="order_status", step=step),), waits=AnswerAwaited())


def standing_on(run: Run | None) -> Decide:
    """Rules that let a conversation stand there and ask for nothing."""
    return lambda state, _event: Decision(conversation=msgspec.structs.replace(state, run=run, name="Mira"))


async def everybody(store: Store) -> dict[str, Standing]:
    """Who has a flow under way, by conversation."""
    return {one.conversation_id: one async for one in store.standing()}


class BooksContract(OutboxContract):
    """The promises about flows. Part of `StoreContract`, which says what a subclass supplies."""

    async def begin(self, store: Store, clock: ManualClock, run: Run | None, phone: str) -> str:
        """A conversation that stands there; its id."""
        decision = await store.apply(wrote("menu", clock.now(), phone=phone), standing_on(run))
        assert decision is not None
        return decision.conversation.id

    async def note(self, store: Store, clock: ManualClock, known: str, key: str, run: Run | None) -> None:
        """Something happens, and the conversation stands there afterwards."""
        event = NoteAdded(id=key, at=clock.now(), channel=CHANNEL, conversation_id=known, agent="a", body=key)
        assert await store.apply(event, standing_on(run)) is not None

    async def test_a_version_of_the_flows_is_kept_whole_and_stays_as_it_is(self, store: Store) -> None:
        assert await store.book("v1") is None
        await store.keep_book("v1", SOURCES)
        await store.keep_book("v1", {"rules.yaml": "something else"})
        await store.keep_book("v2", {})
        assert await store.book("v1") == SOURCES
        assert await store.book("v2") == {}
        assert await store.book("v3") is None

    async def test_who_stands_in_a_flow_is_known_while_it_is_under_way(self, store: Store, clock: ManualClock) -> None:
        assert await everybody(store) == {}
        one = await self.begin(store, clock, run_on("v1"), "15550101")
        two = await self.begin(store, clock, run_on("v2"), "15550102")
        await self.begin(store, clock, None, "15550103")
        assert await everybody(store) == {
            one: Standing(conversation_id=one, name="Mira", run=run_on("v1")),
            two: Standing(conversation_id=two, name="Mira", run=run_on("v2")),
        }
        await self.note(store, clock, one, "n1", run_on("v1", "say_status"))
        await self.note(store, clock, two, "n2", run_on("v3"))
        assert {known: found.run for known, found in (await everybody(store)).items()} == {
            one: run_on("v1", "say_status"),
            two: run_on("v3"),
        }
        await self.note(store, clock, one, "n3", None)
        await self.note(store, clock, two, "n4", None)
        assert await everybody(store) == {}
        await self.note(store, clock, two, "n5", run_on("v1"))
        assert set(await everybody(store)) == {two}

    async def test_an_event_whose_version_is_not_loaded_costs_the_others_nothing(
        self, store: Store, clock: ManualClock
    ) -> None:
        """Events of the same conversation, too; and it can be applied afterwards."""

        def forgetful(state: Conversation, event: Event) -> Decision:
            if isinstance(event, FromContact) and event.flows == "v9":
                raise UnknownBook("v9")
            return rules(state, event)

        def loaded(state: Conversation, event: Event) -> Decision:
            return rules(state, msgspec.structs.replace(event, flows=""))

        phones = [f"1555010{number}" for number in range(8)]
        stranger = msgspec.structs.replace(wrote("hello?", clock.now(), phone=phones[3]), flows="v9")
        new = msgspec.structs.replace(wrote("hi", clock.now(), phone="15550200"), flows="v9")
        events: Sequence[Event] = [
            *(wrote("hi", clock.now(), phone=phone) for phone in phones),
            stranger,
            new,
            wrote("are you there?", clock.now(), phone=phones[3]),
        ]
        results = await asyncio.gather(*(store.apply(event, forgetful) for event in events), return_exceptions=True)
        assert [isinstance(one, UnknownBook) for one in results] == [False] * 8 + [True, True, False]
        assert [isinstance(one, Decision) for one in results] == [True] * 8 + [False, False, True]
        assert await store.find(CHANNEL, addresses_of(new)[0].value) is None
        known = await store.find(CHANNEL, phones[3])
        assert known is not None
        assert [entry.seq async for entry in store.journal(known)] == [1, 2]
        assert isinstance(await store.apply(stranger, loaded), Decision)
        assert await store.apply(stranger, loaded) is None
        assert [entry.seq async for entry in store.journal(known)] == [1, 2, 3]
