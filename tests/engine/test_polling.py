"""What webhooks did not tell is asked for, and what became of a message before people are asked."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from engine.test_performer import Bench, Refusing, Silent
from frontdesk.core.conversation import Conversation, Handler
from frontdesk.core.event import SendSucceeded, SendUnknown, TimerFired
from frontdesk.core.message import MessageStatus
from frontdesk.core.policy import Policy
from frontdesk.engine.engine import Engine
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.polling import Polling
from frontdesk.ports import Claim, OutcomeUnknown, OutgoingMessage, PermanentFailure, Received, TemporaryFailure
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import PHONE, replied, told, wrote
from frontdesk_plugins.in_process import InProcessSignal

pytestmark = pytest.mark.anyio


class Logged(Silent):
    """A channel whose vendor has a log."""

    def __init__(self, *answers: Received | Exception, poll_seconds: float = 60.0) -> None:
        super().__init__()
        self.answers = list(answers)
        self.asked: list[tuple[OutgoingMessage, datetime]] = []
        self.polls = 0
        self.poll_seconds = poll_seconds

    def _answer(self) -> Received:
        answer = self.answers.pop(0) if self.answers else Received()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def look_up(self, message: OutgoingMessage, sent_at: datetime) -> Received:
        self.asked.append((message, sent_at))
        return self._answer()

    async def poll(self) -> Received:
        self.polls += 1
        return self._answer()


class Office:
    """An engine over a store in memory, and what polls it."""

    def __init__(self, channel: Silent) -> None:
        self.clock = ManualClock()
        self.store = Refusing(self.clock)
        self.signal = InProcessSignal()
        self.engine = Engine(self.store, Policy(), self.signal, self.clock, Metrics(), channels=["main"])
        self.channel = channel
        self.polling = Polling(self.engine, {"main": channel}, self.signal)


async def test_what_the_log_tells_is_decided_and_only_once() -> None:
    message = wrote("hello", ManualClock().now())
    channel = Logged(Received(events=(message,)), Received(events=(message,)))
    office = Office(channel)
    for _ in range(2):
        await office.polling.poll("main", channel)
    known = await office.store.find("main", PHONE)
    assert known is not None
    assert len([one for one in await office.store.messages(known) if one.author == "contact"]) == 1


async def test_a_log_that_cannot_be_asked_is_a_trouble_until_it_can() -> None:
    channel = Logged(TemporaryFailure("MSG91 answered 503"), Received(troubles={"inbound": "no field"}), Received())
    office = Office(channel)
    await office.polling.poll("main", channel)
    assert office.engine.troubles() == ["channel main: its log cannot be asked: MSG91 answered 503"]
    await office.polling.poll("main", channel)
    assert office.engine.troubles() == ["channel main: no field"]
    office.engine.told("main", {"inbound": ""})
    assert office.engine.troubles() == []
    channel.answers = [Received(troubles={"log": "nothing can be read in it"}), Received()]
    await office.polling.poll("main", channel)
    assert office.engine.troubles() == ["channel main: nothing can be read in it"]
    await office.polling.poll("main", channel)
    assert office.engine.troubles() == []


async def test_a_store_that_is_away_costs_a_round_and_no_more() -> None:
    message = wrote("hello", ManualClock().now())
    channel = Logged(Received(events=(message,)), Received(events=(message,)))
    office = Office(channel)
    office.store.refuses = 1
    await office.polling.poll("main", channel)
    assert await office.store.find("main", PHONE) is None
    await office.polling.poll("main", channel)
    assert await office.store.find("main", PHONE) is not None


@pytest.mark.parametrize(("channel", "polls"), [(Silent(), 0), (Logged(poll_seconds=0.0), 0), (Logged(), 1)])
async def test_only_channels_that_want_it_are_polled(channel: Silent, polls: int) -> None:
    office = Office(channel)
    running = asyncio.create_task(office.polling.run())
    await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert getattr(channel, "polls", 0) == polls


async def test_the_log_of_the_vendor_before_is_asked_too() -> None:
    present, former = Logged(), Logged(TemporaryFailure("MSG91 answered 503"), Received(troubles={"log": "no rows"}))
    office = Office(present)
    running = asyncio.create_task(Polling(office.engine, {"main": present}, office.signal, {"main": former}).run())
    await asyncio.sleep(0.02)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert (present.polls, former.polls) == (1, 1)
    assert office.engine.troubles() == ["channel main: its log cannot be asked: MSG91 answered 503"]
    await office.polling.poll("main", present)
    await office.polling.poll("main", former, "former ")
    assert office.engine.troubles() == ["channel main: no rows"]


async def test_of_two_processes_one_asks() -> None:
    channel = Logged()
    office = Office(channel)
    both = [asyncio.create_task(Polling(office.engine, {"main": channel}, office.signal).run()) for _ in range(2)]
    await asyncio.sleep(0.02)
    for running in both:
        running.cancel()
    await asyncio.gather(*both, return_exceptions=True)
    assert channel.polls == 1


class Stage(Bench):
    """A performer whose engine is the store's."""

    async def claims(self, kind: str) -> list[Claim]:
        """The ready effects of a kind."""
        ready = await self.store.claim(timedelta(seconds=30), 100)
        return [claim for claim in ready if claim.effect.__struct_config__.tag == kind]


async def unknown_send(stage: Stage, channel: Logged) -> Claim:
    """A send whose answer was lost, and the claim of the timer that ends the wait for a status."""
    await stage.engine.handle(wrote("hi", stage.clock.now()))
    return await unknown_answer(stage, channel)


async def unknown_answer(stage: Stage, channel: Logged) -> Claim:
    """The one message that is ready leaves, and its answer is lost."""
    channel.failures = [OutcomeUnknown("time-out")]
    (claim,) = await stage.claims("send_message")
    outcome = await stage.performer.perform(claim)
    assert isinstance(outcome, SendUnknown)
    await stage.engine.handle(outcome)
    stage.clock.advance(Policy().unknown_after_seconds + 1)
    (timer,) = await stage.claims("wake_at")
    return timer


async def conversation(stage: Stage, claim: Claim) -> Conversation:
    state = await stage.store.conversation(claim.conversation_id)
    assert state is not None
    return state


async def test_before_a_send_is_given_up_its_vendor_is_asked(tmp_path: Path) -> None:
    channel = Logged()
    stage = Stage(tmp_path, channel)
    timer = await unknown_send(stage, channel)
    before = await conversation(stage, timer)
    (reference,) = before.unknown_sends
    channel.answers = [Received(events=(told(MessageStatus.DELIVERED, stage.clock.now(), "wamid.9", reference),))]
    fired = await stage.performer.perform(timer)
    assert isinstance(fired, TimerFired)
    ((message, sent_at),) = channel.asked
    assert (message.reference, message.to) == (reference, before.addresses)
    assert stage.clock.now() - sent_at > timedelta(seconds=Policy().unknown_after_seconds)
    await stage.engine.handle(fired)
    after = await conversation(stage, timer)
    assert (after.unknown_sends, after.handler) == ((), Handler.BOT)


async def test_what_is_known_to_be_another_message_is_not_taken_for_it(tmp_path: Path) -> None:
    channel = Logged()
    stage = Stage(tmp_path, channel)
    await stage.engine.handle(wrote("hi", stage.clock.now()))
    (claim,) = await stage.claims("send_message")
    first = await stage.performer.perform(claim)
    assert isinstance(first, SendSucceeded)
    await stage.engine.handle(first)
    await stage.engine.handle(replied(claim.conversation_id, "one", stage.clock.now()))
    timer = await unknown_answer(stage, channel)
    unknown = (await conversation(stage, timer)).unknown_sends
    status = told(MessageStatus.DELIVERED, stage.clock.now(), first.provider_message_id, unknown[0])
    channel.answers = [Received(events=(status,))]
    await stage.performer.perform(timer)
    assert (await conversation(stage, timer)).unknown_sends == unknown


@pytest.mark.parametrize(
    "answer", [Received(), TemporaryFailure("busy"), PermanentFailure("no", code="1"), KeyError("data")], ids=repr
)
async def test_whatever_the_vendor_says_the_timer_fires(tmp_path: Path, answer: Received | Exception) -> None:
    channel = Logged()
    stage = Stage(tmp_path, channel)
    timer = await unknown_send(stage, channel)
    channel.answers = [answer]
    await stage.engine.handle(await stage.performer.perform(timer))
    assert (await conversation(stage, timer)).handler is Handler.QUEUE


async def test_a_store_that_is_away_does_not_stop_the_timer(tmp_path: Path) -> None:
    channel = Logged()
    stage = Stage(tmp_path, channel)
    timer = await unknown_send(stage, channel)
    channel.answers = [Received(events=(told(MessageStatus.SENT, stage.clock.now(), "wamid.9", "nobody"),))]
    stage.store.refuses = 1
    assert isinstance(await stage.performer.perform(timer), TimerFired)


async def test_other_timers_ask_nobody(tmp_path: Path) -> None:
    channel = Logged()
    stage = Stage(tmp_path, channel)
    await stage.engine.handle(wrote("When do you open on Sundays?", stage.clock.now()))
    stage.clock.advance(10)
    (timer,) = await stage.claims("wake_at")
    await stage.performer.perform(timer)
    assert not channel.asked


async def test_a_message_that_nobody_knows_is_not_looked_for(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    await stage.engine.handle(wrote("hi", stage.clock.now()))
    known = await stage.store.find("main", PHONE)
    assert known is not None
    assert await stage.engine.sent_message("nobody", "nothing") is None
    assert await stage.engine.sent_message(known, "nothing") is None
