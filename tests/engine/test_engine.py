"""The engine: dead letters, wake-ups, and what it counts."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.decide import decide
from frontdesk.core.effect import NotifyDesk, SendMessage
from frontdesk.core.event import Address, ErrorReport, Pricing, StatusChanged, identify
from frontdesk.core.message import MessageStatus
from frontdesk.core.policy import Policy
from frontdesk.engine.engine import TOPIC, Engine
from frontdesk.engine.metrics import Metrics
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.ports import Notice, Received, StoreUnavailable
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import CHANNEL, PHONE, succeeded, told, wrote
from frontdesk.testing.process import until
from frontdesk.testing.simulated_world import POISON, Trap

pytestmark = pytest.mark.anyio
POLICY = Policy(marks_read=False, hand_off_words_max=Trap(8))


class Wakes(InProcessSignal):
    """A signal that remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.after: list[float] = []

    def wake(self, after_seconds: float = 0.0) -> None:
        self.after.append(after_seconds)


class Forgetful(MemoryStore):
    """Cannot keep notices at first."""

    refuses = 1

    async def keep(self, notices: Any) -> None:
        if self.refuses:
            self.refuses -= 1
            raise StoreUnavailable("full")
        await super().keep(notices)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


def build(store: MemoryStore, clock: ManualClock, policy: Policy = POLICY) -> tuple[Engine, Wakes, Metrics]:
    wakes, metrics = Wakes(), Metrics()
    return Engine(store, policy, wakes, clock, metrics), wakes, metrics


async def test_an_event_on_which_the_rules_fail_goes_to_people_with_its_cause(clock: ManualClock) -> None:
    store = MemoryStore(clock)
    engine, _, metrics = build(store, clock)
    decision = await engine.handle(wrote(POISON, clock.now()))
    assert decision is not None
    assert decision.conversation.handler is Handler.QUEUE
    assert [type(effect) for effect in decision.effects] == [NotifyDesk]
    (notice,) = await store.notices(10)
    assert (notice.kind, notice.is_alarm) == ("dead_letter", True)
    assert "ZeroDivisionError: rules broken" in notice.text
    assert "Where is my parcel" in notice.raw
    assert metrics.registry.get_sample_value("frontdesk_dead_letters_total") == 1


async def test_people_can_answer_a_conversation_that_began_with_a_dead_letter(clock: ManualClock) -> None:
    engine, _, _ = build(MemoryStore(clock), clock)
    decision = await engine.handle(wrote(POISON, clock.now()))
    assert decision is not None
    assert decision.conversation.addresses == (Address("phone", PHONE),)


async def test_a_dead_letter_leaves_no_question_open_for_the_bot(clock: ManualClock) -> None:
    engine, _, _ = build(MemoryStore(clock), clock)
    await engine.handle(wrote("opening hours?", clock.now()))
    decision = await engine.handle(wrote(POISON, clock.now()))
    assert decision is not None
    assert not any(turn.is_open for turn in decision.conversation.turns)
    assert set(decision.withdrawn) >= {"send_message.bot", "draft_reply", "wake_at.burst", "mark_read"}


async def test_the_events_behind_a_dead_letter_go_on(clock: ManualClock) -> None:
    engine, _, _ = build(MemoryStore(clock), clock)
    await engine.handle(wrote(POISON, clock.now()))
    assert await engine.handle(wrote("hello?", clock.now())) is not None


async def test_a_dead_letter_whose_notice_could_not_be_kept_is_noted_when_it_comes_again(clock: ManualClock) -> None:
    store = Forgetful(clock)
    engine, _, _ = build(store, clock)
    event = wrote(POISON, clock.now())
    with pytest.raises(StoreUnavailable):
        await engine.handle(event)
    assert await engine.handle(event) is None
    assert [notice.id for notice in await store.notices(10)] == [event.id]


async def test_all_that_a_request_holds_is_taken(clock: ManualClock) -> None:
    store = MemoryStore(clock)
    engine, _, _ = build(store, clock)
    notice = Notice(id="n", at=clock.now(), channel=CHANNEL, kind="account_update", text="news")
    await engine.take(Received(events=(wrote("one", clock.now()), wrote("two", clock.now())), notices=(notice,)))
    await engine.take(Received(events=(wrote("three", clock.now()),)))
    await engine.take(Received())
    known = await store.find(CHANNEL, PHONE)
    assert known is not None
    assert [type(entry.event).__name__ async for entry in store.journal(known)] == ["MessageReceived"] * 3
    assert list(await store.notices(10)) == [notice]


async def test_workers_are_woken_for_what_is_due_now_and_later(clock: ManualClock) -> None:
    engine, wakes, metrics = build(MemoryStore(clock), clock)
    await engine.handle(wrote("opening hours?", clock.now()))
    assert wakes.after == [0.0, POLICY.burst_wait_seconds]
    assert metrics.registry.get_sample_value("frontdesk_turns_total") == 1


async def test_a_known_event_is_counted_and_leads_to_nothing(clock: ManualClock) -> None:
    engine, wakes, metrics = build(MemoryStore(clock), clock)
    event = wrote("hi", clock.now())
    await engine.handle(event)
    before = list(wakes.after)
    assert await engine.handle(event) is None
    assert wakes.after == before
    assert metrics.registry.get_sample_value("frontdesk_duplicates_total") == 1


async def test_a_settled_send_wakes_workers_for_the_next_of_its_lane(clock: ManualClock) -> None:
    store = MemoryStore(clock)
    engine, wakes, _ = build(store, clock)
    await engine.handle(wrote("hi", clock.now()))
    (claim,) = await store.claim(timedelta(seconds=30), 10)
    wakes.after.clear()
    status = StatusChanged(
        id=identify("s"),
        at=clock.now(),
        channel=CHANNEL,
        provider_message_id="wamid.1",
        status=MessageStatus.SENT,
        changed_at=clock.now(),
        reference=claim.effect.id,
    )
    await engine.handle(status)
    assert wakes.after == [0.0]


def test_the_rules_of_an_engine_are_the_rules_of_the_core(clock: ManualClock) -> None:
    engine, _, _ = build(MemoryStore(clock), clock)
    event, state = wrote("hi", clock.now()), Conversation(id="c", channel=CHANNEL)
    assert engine.rules(state, event) == decide(state, event, POLICY)


async def test_what_may_be_about_a_contact_is_kept_and_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    store = MemoryStore(clock)
    engine = Engine(store, Policy(), Wakes(), clock, Metrics())
    words = f"User Mira changed from {PHONE} to 15550100555"
    await engine.note([Notice(id="n", at=clock.now(), channel=CHANNEL, kind="system", text=words)])
    assert [notice.text for notice in await store.notices(1)] == [words]
    told = "".join(capsys.readouterr())
    assert "system" in told
    assert PHONE not in told


def account_failure(at: datetime, changed_at: datetime) -> StatusChanged:
    event = told(MessageStatus.FAILED, at, "wamid.1")
    error = ErrorReport(code="131042", title="Payment problem", details="Pay.", bars_account=True)
    return msgspec.structs.replace(event, id=f"f{at}", changed_at=changed_at, errors=(error,))


async def sent_hello(engine: Engine, store: MemoryStore, clock: ManualClock) -> None:
    await engine.handle(wrote("hi", clock.now()))
    (claim,) = [one for one in await store.claim(timedelta(seconds=30), 10) if isinstance(one.effect, SendMessage)]
    await engine.handle(succeeded(claim, clock.now(), "wamid.1"))


async def test_a_failure_of_the_account_that_a_status_tells_pauses_the_channel(clock: ManualClock) -> None:
    store = MemoryStore(clock)
    engine, _, _ = build(store, clock)
    await sent_hello(engine, store, clock)
    gate = engine.gate("main")
    await engine.handle(account_failure(clock.now(), clock.now()))
    assert gate.pause_reason == "Payment problem (error 131042): Pay."
    assert gate.admit(clock.now()) is not None
    gate.succeeded()
    assert gate.pause_reason, "the vendor takes messages all the same; that tells nothing"
    clock.advance(31)
    assert gate.admit(clock.now(), "probe") is None, "one message goes to see"
    await engine.handle(told(MessageStatus.SENT, clock.now(), "wamid.1", reference="probe"))
    assert not gate.pause_reason


@pytest.mark.parametrize("by_status", [True, False])
async def test_that_an_older_message_is_read_does_not_end_a_pause(clock: ManualClock, by_status: bool) -> None:
    store = MemoryStore(clock)
    engine, _, _ = build(store, clock)
    await sent_hello(engine, store, clock)
    gate = engine.gate("main")
    gate.barred(clock.now(), "unpaid", by_status=by_status)
    await engine.handle(told(MessageStatus.READ, clock.now(), "wamid.1"))
    assert gate.pause_reason == "unpaid"


async def test_a_status_without_our_reference_ends_a_pause_by_the_vendors_id(clock: ManualClock) -> None:
    store = MemoryStore(clock)
    engine, _, _ = build(store, clock)
    await sent_hello(engine, store, clock)
    gate = engine.gate("main")
    gate.barred(clock.now(), "unpaid", by_status=True)
    gate.succeeded("wamid.1")
    await engine.handle(told(MessageStatus.DELIVERED, clock.now(), "wamid.1"))
    assert not gate.pause_reason


async def test_an_old_failure_of_the_account_is_no_news(clock: ManualClock) -> None:
    store = MemoryStore(clock)
    engine, _, _ = build(store, clock)
    await sent_hello(engine, store, clock)
    await engine.handle(account_failure(clock.now(), clock.now() - timedelta(hours=1)))
    assert not engine.gate("main").pause_reason


async def test_a_refusal_by_status_pauses_the_process_that_sends_and_its_probe_frees_them_all(
    clock: ManualClock,
) -> None:
    """The vendor tells statuses to a web process; the one that sends is another."""
    store, signal = MemoryStore(clock), Wakes()
    web, worker = (Engine(store, POLICY, signal, clock, Metrics()) for _ in range(2))
    hearing = [asyncio.create_task(engine.hear()) for engine in (web, worker)]
    await sent_hello(web, store, clock)
    await asyncio.sleep(0)
    signal.publish(TOPIC, "something that an older release says")
    await web.handle(account_failure(clock.now(), clock.now()))
    await until(lambda: worker.gate("main").pause_reason, 5, "the worker hears of it")
    assert "error 131042" in worker.gate("main").pause_reason
    assert worker.gate("main").admit(clock.now(), "early") is not None
    clock.advance(31)
    assert worker.gate("main").admit(clock.now(), "probe") is None
    await web.handle(told(MessageStatus.SENT, clock.now(), "wamid.1", reference="probe"))
    await until(lambda: not worker.gate("main").pause_reason, 5, "the worker hears that its probe has left")
    await until(lambda: not web.gate("main").pause_reason, 5, "the web process hears that it is over")
    for task in hearing:
        task.cancel()
    await asyncio.gather(*hearing, return_exceptions=True)


async def test_a_message_is_journaled_and_charged_with_the_price_of_the_businesss_list(clock: ManualClock) -> None:
    store = MemoryStore(clock)
    engine = Engine(store, Policy(), Wakes(), clock, Metrics(), message_prices={"service": "0.002"})
    decision = await engine.handle(wrote("hi", clock.now()))
    assert decision is not None
    (claim,) = [one for one in await store.claim(timedelta(seconds=30), 10) if isinstance(one.effect, SendMessage)]
    await engine.handle(succeeded(claim, clock.now(), "wamid.1"))
    pricing = Pricing(category="service", type="regular")
    await engine.handle(msgspec.structs.replace(told(MessageStatus.DELIVERED, clock.now(), "wamid.1"), pricing=pricing))
    (spent,) = await store.spent(clock.now())
    assert (spent.task, spent.model, spent.nano_usd) == ("message", "service/regular", 2_000_000)
    *_, entry = [entry async for entry in store.journal(decision.conversation.id)]
    assert isinstance(entry.event, StatusChanged)
    assert entry.event.pricing == Pricing(category="service", type="regular", cost_usd="0.002")
