"""Versions of the flows: what is at hand, what is loaded when asked for, and what becomes of an event meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from itertools import count

import msgspec
import pytest

from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.decide import decide
from frontdesk.core.event import Event, NoteAdded
from frontdesk.core.flow import Ask, Book, Expected, Flow, Flows, UnknownBook
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.engine import engine as engine_module, replay as replay_module
from frontdesk.engine.engine import Engine
from frontdesk.engine.library import BookLost, Library
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.replay import replay
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.ports import Received, StoreUnavailable
from frontdesk.testing.contracts.books import run_on, standing_on
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import CHANNEL, PHONE, book, words, wrote

pytestmark = pytest.mark.anyio
POLICY = Policy(marks_read=False)
ORDER_STATUS = Flow(
    name="order_status",
    title="Order status",
    first="ask_number",
    steps={"ask_number": Ask(id="ask_number", words=words("What is its number?"), expected=Expected())},
)


class Compiler:
    """Reads a version from one file that says its name; takes a turn of the loop for it."""

    def __init__(self) -> None:
        self.made: list[str] = []

    async def __call__(self, sources: Mapping[str, str]) -> Book:
        await asyncio.sleep(0)
        self.made.append(sources["name.yaml"])
        if sources["name.yaml"] == "broken":
            raise ValueError("a step is no list")
        return book(sources["name.yaml"], ORDER_STATUS)


class Refusing(MemoryStore):
    """Takes no books."""

    async def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        raise StoreUnavailable("the disk is full")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(clock: ManualClock) -> MemoryStore:
    """It knows the versions v1 to v9."""
    store = MemoryStore(clock)
    for number in range(1, 10):
        await store.keep_book(f"v{number}", {"name.yaml": f"v{number}"})
    return store


@pytest.fixture
def compiler() -> Compiler:
    return Compiler()


@pytest.fixture
def library(store: MemoryStore, compiler: Compiler) -> Library:
    return Library(store, compiler, books_max=2)


@pytest.fixture
def engine(store: MemoryStore, library: Library, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Its rules look at the flows of the event and at those that the conversation stands on."""
    monkeypatch.setattr(engine_module, "decide", asking)
    monkeypatch.setattr(replay_module, "decide", asking)
    return Engine(store, POLICY, InProcessSignal(), clock, Metrics(), library=library)


def asking(state: Conversation, event: Event, policy: Policy, flows: Flows) -> Decision:
    for version in (event.flows, state.run.book if state.run else ""):
        assert not version or flows.book(version).version == version
    return decide(state, event, policy, flows)


async def journal(store: MemoryStore, known: str) -> list[Event]:
    return [entry.event async for entry in store.journal(known)]


async def test_a_version_is_at_hand_once_it_was_loaded_until_others_take_its_place(library: Library) -> None:
    with pytest.raises(UnknownBook) as unknown:
        library.book("v1")
    assert unknown.value.version == "v1"
    for version in ("v1", "v2"):
        assert (await library.load(version)).version == version
    assert library.book("v1").version == "v1", "v2 was used longer ago now"
    await library.load("v3")
    assert [library.book(version).version for version in ("v1", "v3")] == ["v1", "v3"]
    with pytest.raises(UnknownBook):
        library.book("v2")


async def test_the_version_in_force_stays_and_is_kept_before_it_counts(library: Library, store: MemoryStore) -> None:
    assert (library.current, library.current_book) == ("", None)
    await library.put_in_force(book("new"), {"name.yaml": "new"})
    for version in ("v1", "v2", "v3", "v4"):
        await library.load(version)
    assert library.book("new") is library.current_book
    assert (library.current, await store.book("new")) == ("new", {"name.yaml": "new"})


async def test_the_version_that_was_in_force_is_still_at_hand(library: Library, compiler: Compiler) -> None:
    await library.put_in_force(book("old"), {"name.yaml": "old"})
    await library.put_in_force(book("new"), {"name.yaml": "new"})
    assert library.book("old").version == "old"
    await library.put_in_force(book("old"), {"name.yaml": "old"})
    assert (library.current, library.book("new").version, compiler.made) == ("old", "new", [])


async def test_a_version_that_cannot_be_kept_does_not_come_into_force(clock: ManualClock, compiler: Compiler) -> None:
    library = Library(Refusing(clock), compiler)
    with pytest.raises(StoreUnavailable):
        await library.put_in_force(book("new"), {})
    assert library.current == ""


async def test_what_many_wait_for_is_read_once(library: Library, compiler: Compiler) -> None:
    found = await asyncio.gather(*(library.load("v1") for _ in range(20)))
    assert compiler.made == ["v1"]
    assert {id(one) for one in found} == {id(library.book("v1"))}


async def test_a_version_has_the_name_under_which_it_was_kept(library: Library, store: MemoryStore) -> None:
    """Another release may name the same files otherwise."""
    await store.keep_book("by-another-release", {"name.yaml": "v1"})
    assert (await library.load("by-another-release")).version == "by-another-release"


async def test_a_version_that_is_lost_is_said_to_be_with_the_cure(library: Library, store: MemoryStore) -> None:
    with pytest.raises(BookLost, match="version v77 of the flows is in no store; restore a backup"):
        await library.load("v77")
    await store.keep_book("v78", {"name.yaml": "broken"})
    with pytest.raises(
        BookLost, match=r"version v78 of the flows cannot be read any more \(a step is no list\); restore"
    ):
        await library.load("v78")


async def test_events_are_stamped_with_the_flows_in_force_and_recorded_ones_keep_theirs(
    engine: Engine, library: Library, store: MemoryStore, clock: ManualClock
) -> None:
    first = await engine.handle(wrote("before", clock.now()))
    await library.put_in_force(book("v1"), {"name.yaml": "v1"})
    await engine.take(Received(events=(wrote("under v1", clock.now()),)))
    await library.put_in_force(book("v2"), {"name.yaml": "v2"})
    await engine.handle(msgspec.structs.replace(wrote("recorded", clock.now()), flows="v1"))
    await engine.handle(wrote("under v2", clock.now()))
    assert first is not None
    assert [event.flows for event in await journal(store, first.conversation.id)] == ["", "v1", "v1", "v2"]


async def test_an_event_waits_until_the_versions_that_it_needs_are_loaded(
    engine: Engine, store: MemoryStore, clock: ManualClock, compiler: Compiler
) -> None:
    begun = await store.apply(wrote("menu", clock.now()), standing_on(run_on("v1")))
    assert begun is not None
    decision = await engine.handle(msgspec.structs.replace(wrote("A1001", clock.now()), flows="v2"))
    assert decision is not None
    assert decision.conversation.handler is Handler.BOT
    assert compiler.made == ["v2", "v1"]
    assert [event.flows for event in await journal(store, begun.conversation.id)] == ["", "v2"]


async def test_what_was_loaded_for_an_event_is_at_hand_though_others_ask_for_more_than_fits(
    engine: Engine, store: MemoryStore, clock: ManualClock, compiler: Compiler
) -> None:
    """Nine versions, two of which fit; every event needs two."""
    phones = [f"155501{number:04}" for number in range(18)]
    for number, phone in enumerate(phones):
        await store.apply(wrote("menu", clock.now(), phone=phone), standing_on(run_on(f"v{number % 9 + 1}")))
    events = [
        msgspec.structs.replace(wrote("A1001", clock.now(), phone=phone), flows=f"v{9 - number % 9}")
        for number, phone in enumerate(phones)
    ]
    await engine.take(Received(events=tuple(events)))
    assert {(await store.backlog()).waiting_for_people, len(await store.notices(10))} == {0}
    assert set(compiler.made) == {f"v{number}" for number in range(1, 10)}


async def test_a_lost_version_gives_its_conversation_to_people_and_costs_nobody_else(
    engine: Engine, store: MemoryStore, clock: ManualClock
) -> None:
    events = tuple(wrote("hi", clock.now(), phone=f"1555010{number}") for number in range(5))
    await engine.take(Received(events=(msgspec.structs.replace(events[0], flows="v77"), *events[1:])))
    handlers = [
        state.handler
        for event in events
        for known in [await store.find(CHANNEL, event.contact.addresses[0].value)]
        if known
        for state in [await store.conversation(known)]
        if state
    ]
    assert handlers == [Handler.QUEUE, *[Handler.BOT] * 4]
    (notice,) = await store.notices(10)
    assert (notice.kind, notice.is_alarm) == ("dead_letter", True)
    assert "BookLost: version v77 of the flows is in no store; restore a backup" in notice.text


async def test_rules_that_never_stop_asking_are_stopped(
    engine: Engine, store: MemoryStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = count(1)

    def greedy(_state: Conversation, _event: Event, _policy: Policy, _flows: Flows) -> Decision:
        raise UnknownBook(f"v{next(numbers)}")

    monkeypatch.setattr(engine_module, "decide", greedy)
    decision = await engine.handle(wrote("hi", clock.now()))
    assert decision is not None
    assert decision.conversation.handler is Handler.QUEUE
    (notice,) = await store.notices(10)
    assert "the rules ask for one version of the flows after the other, v17 in the end" in notice.text


async def test_a_store_that_is_away_while_a_version_is_wanted_leaves_the_event_to_be_tried_again(
    engine: Engine, store: MemoryStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(_version: str) -> None:
        raise StoreUnavailable("the network is cut")

    event = msgspec.structs.replace(wrote("hi", clock.now()), flows="v1")
    with monkeypatch.context() as cut:
        cut.setattr(store, "book", away)
        with pytest.raises(StoreUnavailable):
            await engine.handle(event)
    assert await store.find(CHANNEL, PHONE) is None
    assert await engine.handle(event) is not None


async def test_a_business_without_flows_has_no_version_to_load(store: MemoryStore, clock: ManualClock) -> None:
    bare = Engine(store, POLICY, InProcessSignal(), clock, Metrics())
    decision = await bare.handle(wrote("hi", clock.now()))
    assert decision is not None
    assert (await journal(store, decision.conversation.id))[0].flows == ""


async def test_a_replay_finds_the_versions_of_the_past_in_the_store(
    engine: Engine, library: Library, store: MemoryStore, clock: ManualClock, compiler: Compiler
) -> None:
    for version in ("v1", "v2", "v3", "v4"):
        await library.put_in_force(book(version), {"name.yaml": version})
        clock.advance(60)
        await engine.handle(wrote(f"under {version}", clock.now()))
    known = await store.find(CHANNEL, PHONE)
    assert known is not None
    note = NoteAdded(id="n", at=clock.now(), channel=CHANNEL, flows="v77", conversation_id=known, agent="a", body="")
    await engine.handle(note)
    stored = await store.conversation(known)
    assert stored is not None
    found = await replay(store.journal(known), stored, POLICY, Library(store, compiler))
    assert compiler.made == ["v1", "v2", "v3", "v4"]
    (lost,) = found.differences
    assert (found.entries, lost.event_type) == (5, "note_added")
    assert lost.replayed[0].startswith("the rules fail: BookLost: version v77 of the flows is in no store")
