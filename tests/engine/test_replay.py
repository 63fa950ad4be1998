"""A journal is decided again to the byte, and every way of differing is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.decide import decide
from frontdesk.core.effect import DraftReply, SendMessage, WakeAt
from frontdesk.core.event import Event
from frontdesk.core.flow import Flows
from frontdesk.core.message import MessageStatus
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.engine import replay as subject
from frontdesk.engine.replay import Replay, replay
from frontdesk.ports import JournalEntry
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import PHONE, drafted, fired, replied, succeeded, told, wrote

pytestmark = pytest.mark.anyio
POLICY = Policy()
rules = partial(decide, policy=POLICY)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def store(clock: ManualClock) -> MemoryStore:
    """A conversation with a greeting, a status, a question that is drafted, and a person's answer."""
    store = MemoryStore(clock)
    await store.apply(wrote("hi", clock.now()), rules)
    await perform(store, clock)
    await store.apply(told(MessageStatus.READ, clock.now(), "wamid.1"), rules)
    await store.apply(wrote("When are you open?", clock.now()), rules)
    for _ in range(4):
        clock.advance(2)
        await perform(store, clock)
    known = await store.find("main", PHONE)
    assert known
    await store.apply(replied(known, "This is Asha.", clock.now()), rules)
    return store


async def perform(store: MemoryStore, clock: ManualClock) -> None:
    """Do what is due, as a worker would."""
    for number, claim in enumerate(await store.claim(timedelta(seconds=60), 10), 1):
        match claim.effect:
            case SendMessage():
                event: Event = succeeded(claim, clock.now(), f"wamid.{number}")
            case WakeAt():
                event = fired(claim, clock.now(), claim.effect.purpose, claim.effect.about)
            case DraftReply():
                event = drafted(claim, clock.now(), "From nine to six.")
            case _:
                continue
        await store.apply(event, rules)


async def replayed(store: MemoryStore, policy: Policy = POLICY, **changes: object) -> Replay:
    known = await store.find("main", PHONE)
    assert known
    stored = await store.conversation(known)
    assert stored
    return await replay(store.journal(known), msgspec.structs.replace(stored, **changes), policy)


async def test_the_same_rules_decide_the_same_to_the_byte(store: MemoryStore) -> None:
    found = await replayed(store)
    assert found.is_equal
    assert (found.differences, found.state_differs) == ((), False)
    known = await store.find("main", PHONE)
    assert known
    assert found.entries == len([entry async for entry in store.journal(known)]) > 5
    assert found.state == await store.conversation(known)


async def test_another_policy_shows_the_effects_that_would_differ_and_where(store: MemoryStore) -> None:
    found = await replayed(store, Policy(greeting="Good evening."))
    assert not found.is_equal
    difference, *rest = found.differences
    assert all(POLICY.greeting in "".join(one.recorded) for one in rest), "only what the model was shown of it"
    assert (difference.seq, difference.event_type) == (1, "message_received")
    assert any(POLICY.greeting in line for line in difference.recorded)
    assert any("Good evening." in line for line in difference.replayed)
    assert all(msgspec.json.decode(line)["id"] for line in (*difference.recorded, *difference.replayed))


async def test_a_state_that_somebody_changed_is_told(store: MemoryStore) -> None:
    found = await replayed(store, handler=Handler.QUEUE)
    assert found.differences == ()
    assert found.state_differs
    assert not found.is_equal


async def test_an_event_on_which_the_rules_fail_is_a_difference_and_the_next_go_on(
    store: MemoryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(conversation: Conversation, event: Event, policy: Policy, flows: Flows) -> Decision:
        if event.__struct_config__.tag == "reply_drafted":
            raise ZeroDivisionError("by nought")
        return decide(conversation, event, policy, flows)

    monkeypatch.setattr(subject, "decide", broken)
    found = await replayed(store)
    failed = [one for one in found.differences if one.event_type == "reply_drafted"]
    assert [one.replayed for one in failed] == [("the rules fail: ZeroDivisionError: by nought",)]
    known = await store.find("main", PHONE)
    assert known
    assert found.entries == len([entry async for entry in store.journal(known)])


async def test_an_empty_journal_is_equal_to_an_empty_conversation() -> None:
    async def nothing() -> AsyncIterator[JournalEntry]:
        empty: tuple[JournalEntry, ...] = ()
        for entry in empty:
            yield entry

    empty = Conversation(id="c1", channel="main")
    assert await replay(nothing(), empty, POLICY) == Replay(entries=0, differences=(), state=empty, state_differs=False)
