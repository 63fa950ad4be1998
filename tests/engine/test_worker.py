"""The worker's loop, in real asyncio: it performs, renews, and stops in time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Self

import pytest
import structlog.testing

from frontdesk.config import WorkerSettings
from frontdesk.core.effect import SendMessage
from frontdesk.core.event import Event, SendSucceeded
from frontdesk.core.message import Media, MessageStatus
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import Passage
from frontdesk.engine.engine import Engine
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.performer import Performer
from frontdesk.engine.worker import Worker
from frontdesk.ports import (
    Claim,
    Decide,
    FetchedMedia,
    OutgoingMessage,
    Received,
    Sent,
    StoreUnavailable,
    WebhookRequest,
)
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import CHANNEL, replied, unknown, wrote
from frontdesk_plugins.in_process import InProcessSignal
from frontdesk_plugins.stub_model import StubModel

pytestmark = pytest.mark.anyio
SOON = 5.0
"""More than enough for any of these tests; nothing waits that long."""


class Desk:
    """A channel that begins to send, tells, and waits until it may finish."""

    def __init__(self) -> None:
        self.began = asyncio.Event()
        self.may_finish = asyncio.Event()
        self.has_sent_five = asyncio.Event()
        self.together = 0
        self.most_together = 0
        self.sent = 0

    def receive(self, request: WebhookRequest) -> Received:
        return Received()

    async def send(self, message: OutgoingMessage) -> Sent:
        self.together += 1
        self.most_together = max(self.most_together, self.together)
        self.began.set()
        try:
            await self.may_finish.wait()
        finally:
            self.together -= 1
        self.sent += 1
        if self.sent == 5:
            self.has_sent_five.set()
        return Sent(provider_message_id=f"wamid.{self.sent}")

    async def fetch(self, media: Media) -> FetchedMedia:
        return FetchedMedia(body=b"", mime_type="image/png")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None: ...


class NoKnowledge:
    async def search(self, query: str, limit: int, scope: Sequence[str] = ()) -> Sequence[Passage]:
        return ()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None: ...


class WatchedStore(MemoryStore):
    """Tells what is done with it, and fails as it is told."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.renewed = asyncio.Event()
        self.settled = asyncio.Event()
        self.claims_refused = 0
        self.renewals_refused = 0
        self.is_broken = False

    async def apply(self, event: Event, decide: Decide):  # type: ignore[no-untyped-def]  # the port's
        if self.is_broken:
            raise ZeroDivisionError("a bug in the store")
        decision = await super().apply(event, decide)
        if isinstance(event, SendSucceeded):
            self.settled.set()
        return decision

    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        if self.claims_refused:
            self.claims_refused -= 1
            raise StoreUnavailable("full")
        return await super().claim(lease, limit)

    async def renew(self, claims: Sequence[Claim], lease: timedelta) -> frozenset[str]:
        if self.renewals_refused:
            self.renewals_refused -= 1
            raise StoreUnavailable("full")
        held = await super().renew(claims, lease)
        self.renewed.set()
        return held


class Bench:
    def __init__(self, tmp_path: Path, store: WatchedStore | None = None, **pace: float) -> None:
        self.clock = ManualClock()
        self.store = store or WatchedStore(self.clock)
        self.store._clock = self.clock
        self.channel = Desk()
        self.signal = InProcessSignal()
        metrics = Metrics()
        self.engine = Engine(self.store, Policy(marks_read=False), self.signal, self.clock, metrics)
        performer = Performer(
            engine=self.engine,
            channels={CHANNEL: self.channel},
            language_model=StubModel(1),
            knowledge=NoKnowledge(),
            media=MediaFolder(tmp_path),
            clock=self.clock,
            metrics=metrics,
            chance=lambda: 0.0,
            sleep=asyncio.sleep,
        )
        settings = WorkerSettings(
            concurrency=int(pace.get("concurrency", 8)),
            lease_seconds=pace.get("lease_seconds", 30.0),
            poll_seconds=0.005,
            stop_seconds=pace.get("stop_seconds", SOON),
        )
        self.worker = Worker(self.store, performer, self.signal, self.clock, settings)

    async def greet(self, phone: str = "15550100777") -> str:
        decision = await self.engine.handle(wrote("hi", self.clock.now(), phone=phone))
        assert decision is not None
        return decision.conversation.id

    async def status(self, conversation_id: str) -> MessageStatus:
        return (await self.store.messages(conversation_id))[-1].status


async def within(awaitable: asyncio.Task[None] | asyncio.Event) -> None:
    async with asyncio.timeout(SOON):
        await (awaitable.wait() if isinstance(awaitable, asyncio.Event) else awaitable)


async def test_it_performs_what_is_ready_until_it_is_stopped(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.channel.may_finish.set()
    running = asyncio.create_task(bench.worker.run())
    known = await bench.greet()
    await within(bench.store.settled)
    bench.worker.stop()
    await within(running)
    assert await bench.status(known) is MessageStatus.ACCEPTED


async def test_it_finishes_what_it_began_before_it_ends(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    known = await bench.greet()
    running = asyncio.create_task(bench.worker.run())
    await within(bench.channel.began)
    bench.worker.stop()
    await asyncio.wait([running], timeout=0.02)
    assert not running.done()
    bench.channel.may_finish.set()
    await within(running)
    assert await bench.status(known) is MessageStatus.ACCEPTED


async def test_at_the_end_of_the_stop_time_it_lets_go_and_the_next_process_knows(tmp_path: Path) -> None:
    bench = Bench(tmp_path, stop_seconds=0.01)
    await bench.greet()
    running = asyncio.create_task(bench.worker.run())
    await within(bench.channel.began)
    bench.worker.stop()
    await within(running)
    await asyncio.sleep(0)
    assert (bench.channel.together, bench.channel.sent) == (0, 0)
    bench.clock.advance(31)
    (claim,) = await bench.store.claim(timedelta(seconds=30), 10)
    assert claim.is_interrupted


class StoppingStore(WatchedStore):
    """The stop comes while a claim is under way, and something happens before the worker sees it."""

    worker: Worker
    event: Event | None = None
    engine: Engine

    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        claims = await super().claim(lease, limit)
        if claims and not self.worker._is_stopping:
            self.worker.stop()
            if self.event:
                await self.engine.handle(self.event)
        return claims


@pytest.mark.parametrize("has_replied", [False, True], ids=["the bot's", "a person has replied"])
async def test_what_it_claimed_while_stopping_is_handed_back_as_if_untouched(tmp_path: Path, has_replied: bool) -> None:
    store = StoppingStore(ManualClock())
    bench = Bench(tmp_path, store)
    store.worker, store.engine = bench.worker, bench.engine
    known = await bench.greet()
    if has_replied:
        store.event = replied(known, "Asha here", bench.clock.now())
    await within(asyncio.create_task(bench.worker.run()))
    assert bench.channel.together == bench.channel.sent == 0
    (claim,) = await store.claim(timedelta(seconds=30), 10)
    assert isinstance(claim.effect, SendMessage)
    assert (claim.effect.author, claim.is_interrupted) == ("agent" if has_replied else "bot", False)


async def test_claims_that_come_after_their_lease_are_not_begun(tmp_path: Path) -> None:
    """A machine was asleep between the claim and its answer: another worker has found the send interrupted, and people
    have got the conversation."""

    class Asleep(WatchedStore):
        async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
            claims = await super().claim(lease, limit)
            if not claims:
                bench.worker.stop()
            elif not others:
                bench.clock.advance(lease.total_seconds() + 1)
                others.extend(await super().claim(lease, limit))
                await bench.engine.handle(unknown(others[0], bench.clock.now()))
            return claims

    others: list[Claim] = []
    bench = Bench(tmp_path, Asleep(ManualClock()))
    known = await bench.greet()
    bench.channel.may_finish.set()
    await within(asyncio.create_task(bench.worker.run()))
    assert [one.is_interrupted for one in others] == [True]
    assert not bench.channel.began.is_set()
    assert await bench.status(known) is MessageStatus.UNKNOWN


async def test_it_renews_what_takes_long_even_if_a_renewal_fails(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lease_seconds=0.03)
    bench.store.renewals_refused = 1
    await bench.greet()
    running = asyncio.create_task(bench.worker.run())
    await within(bench.store.renewed)
    bench.channel.may_finish.set()
    bench.worker.stop()
    await within(running)
    assert bench.store.renewals_refused == 0


async def test_with_nothing_to_do_there_is_nothing_to_renew(tmp_path: Path) -> None:
    bench = Bench(tmp_path, lease_seconds=0.003)
    running = asyncio.create_task(bench.worker.run())
    await asyncio.wait([running], timeout=0.02)
    bench.worker.stop()
    await within(running)
    assert not bench.store.renewed.is_set()


async def test_it_goes_on_when_the_store_was_away(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    bench.store.claims_refused = 2
    bench.channel.may_finish.set()
    known = await bench.greet()
    running = asyncio.create_task(bench.worker.run())
    await within(bench.store.settled)
    bench.worker.stop()
    await within(running)
    assert await bench.status(known) is MessageStatus.ACCEPTED


async def test_a_bug_in_one_piece_of_work_does_not_stop_the_worker(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    await bench.greet()
    running = asyncio.create_task(bench.worker.run())
    await within(bench.channel.began)
    bench.store.is_broken = True
    bench.channel.may_finish.set()
    await asyncio.wait(list(bench.worker._running), timeout=SOON)
    bench.store.is_broken = False
    other = await bench.greet("15550100888")
    await within(bench.store.settled)
    bench.worker.stop()
    await within(running)
    assert await bench.status(other) is MessageStatus.ACCEPTED


async def test_it_does_no_more_at_once_than_it_is_allowed(tmp_path: Path) -> None:
    bench = Bench(tmp_path, concurrency=2)
    for number in range(5):
        await bench.greet(f"1555010000{number}")
    running = asyncio.create_task(bench.worker.run())
    await within(bench.channel.began)
    await asyncio.wait([running], timeout=0.02)
    bench.channel.may_finish.set()
    await within(bench.channel.has_sent_five)
    bench.worker.stop()
    await within(running)
    assert bench.channel.most_together == 2


async def test_a_store_that_is_away_is_told_of_once_and_when_it_is_back(tmp_path: Path) -> None:
    """It is asked four times a second; a log that is full of one sentence hides the next."""
    bench = Bench(tmp_path)
    bench.store.claims_refused = 50
    bench.channel.may_finish.set()
    with structlog.testing.capture_logs() as lines:
        running = asyncio.create_task(bench.worker.run())
        await bench.greet()
        await within(bench.store.settled)
        bench.worker.stop()
        await within(running)
    assert bench.store.claims_refused == 0
    assert [line["event"] for line in lines] == ["cannot claim", "claims again"]
