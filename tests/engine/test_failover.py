"""A channel whose account is refused is stood in for: nothing is lost, nothing doubled, and everybody comes home."""

from __future__ import annotations

import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from engine.test_performer import Oracle, Refusing, Silent
from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import NotifyDesk, SendMessage
from frontdesk.core.event import MessageReceived
from frontdesk.core.policy import Policy
from frontdesk.engine.engine import Engine
from frontdesk.engine.failover import Failover
from frontdesk.engine.gate import PAUSE_SECONDS
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.performer import Performer
from frontdesk.ports import OutcomeUnknown, OutgoingMessage, PermanentFailure, Sent, TemporaryFailure
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import PHONE, replied, wrote
from frontdesk_plugins.in_process import InProcessSignal

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=30)
BARRED = TemporaryFailure("the token has expired", code="190", concerns="account")


class Line(Silent):
    """A channel that is up, refuses everything, or loses its answers."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.mood = "up"
        self.taken: list[OutgoingMessage] = []

    async def send(self, message: OutgoingMessage) -> Sent:
        match self.mood:
            case "refused":
                raise BARRED
            case "silent":
                raise OutcomeUnknown("no answer came")
            case "window":
                raise PermanentFailure("the window is closed", code="131047", needs_template=True)
        self.taken.append(message)
        return Sent(provider_message_id=f"{self.name}-{len(self.taken)}")


class Office:
    """Two channels, and a worker that is stepped by hand."""

    def __init__(self, folder: Path) -> None:
        self.clock = ManualClock()
        self.store = Refusing(self.clock)
        self.main, self.other = Line("main"), Line("other")
        self.engine = Engine(
            self.store, Policy(greeting=""), InProcessSignal(), self.clock, Metrics(), channels=["main", "other"]
        )
        oracle = Oracle()
        self.performer = Performer(
            engine=self.engine,
            channels={"main": self.main, "other": self.other},
            language_model=oracle,
            knowledge=oracle,
            media=MediaFolder(folder),
            clock=self.clock,
            metrics=Metrics(),
            failover=Failover(self.engine, {"main": "other"}, self.clock),
            chance=lambda: 0.5,
            sleep=_no_sleep,
        )

    async def meets(self, phone: str = PHONE, channel: str = "main") -> str:
        """A contact writes, and a person has the conversation; its id."""
        event: MessageReceived = wrote("hello", self.clock.now(), phone, phone=phone)
        decision = await self.engine.handle(_on(event, channel))
        assert decision is not None
        known = decision.conversation.id
        await self.says(known, "hello back")
        return known

    async def says(self, known: str, text: str) -> None:
        """A person answers."""
        await self.engine.handle(replied(known, text, self.clock.now()))

    async def work(self, rounds: int = 20) -> None:
        """Until nothing is ready."""
        for _ in range(rounds):
            claims = await self.store.claim(LEASE, 100)
            if not claims:
                return
            for claim in claims:
                await self.performer.report(await self.performer.perform(claim))
        raise AssertionError("it never comes to rest")

    async def state(self, known: str) -> Conversation:
        state = await self.store.conversation(known)
        assert state is not None
        return state

    async def told(self, known: str) -> list[str]:
        """What people were told."""
        entries = [entry async for entry in self.store.journal(known)]
        return [effect.reason for entry in entries for effect in entry.effects if isinstance(effect, NotifyDesk)]


async def _no_sleep(_: float) -> None:
    return None


def _on(event: Any, channel: str) -> Any:
    return msgspec.structs.replace(event, channel=channel, id=f"{event.id}{channel}")


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


async def test_what_a_vendor_refuses_goes_by_the_standby_once_and_everybody_is_told(office: Office) -> None:
    office.main.mood = "refused"
    known = await office.meets()
    await office.work()
    assert ([one.reference for one in office.main.taken], len(office.other.taken)) == ([], 1)
    state = await office.state(known)
    assert (state.channel, state.home) == ("other", "main")
    assert "answers go by channel other until main works again" in await office.told(known)
    kinds = [notice.kind for notice in await office.store.notices(10)]
    assert sorted(kinds) == ["channel_paused", "failover"]
    assert await office.store.find("main", PHONE) == await office.store.find("other", PHONE) == known


async def test_a_conversation_stays_and_comes_home_when_the_vendor_works(office: Office) -> None:
    office.main.mood = "refused"
    known = await office.meets()
    await office.work()
    await office.says(known, "second")
    await office.work()
    assert len(office.other.taken) == 2
    office.main.mood = "up"
    office.clock.advance(PAUSE_SECONDS + 1)
    await office.says(known, "third")
    await office.work()
    assert (len(office.main.taken), len(office.other.taken)) == (1, 2)
    state = await office.state(known)
    assert (state.channel, state.home) == ("main", "")


async def test_one_conversation_at_a_time_goes_home_to_see(office: Office) -> None:
    office.main.mood = "refused"
    everybody = [await office.meets(f"1555{number:07}") for number in range(5)]
    await office.work()
    office.clock.advance(PAUSE_SECONDS + 1)
    for known in everybody:
        await office.says(known, "again")
    await office.work()
    assert len(office.other.taken) == 10
    went_home = 0
    for known in everybody:
        words = [one.content.body for one in await office.store.messages(known) if one.author == "system"]  # type: ignore[union-attr]
        went_home += "goes on by channel main, before by other" in words
    assert went_home == 1


async def test_what_nobody_knows_the_fate_of_is_never_sent_another_way(office: Office) -> None:
    office.main.mood = "silent"
    known = await office.meets()
    await office.work()
    office.main.mood = "refused"
    await office.says(known, "second")
    another = await office.meets("15550000001")
    await office.work()
    assert [one.to[0].value for one in office.other.taken] == ["15550000001"]
    assert (await office.state(known)).channel == "main"
    assert (await office.state(another)).channel == "other"


async def test_a_refusal_of_one_message_is_no_reason(office: Office) -> None:
    office.main.mood = "window"
    known = await office.meets()
    await office.work()
    assert not office.other.taken
    assert (await office.state(known)).channel == "main"


async def test_a_standby_that_is_refused_too_stands_in_for_nobody(office: Office) -> None:
    office.main.mood = office.other.mood = "refused"
    first = await office.meets()
    await office.work()
    second = await office.meets("15550000001")
    await office.work()
    assert (await office.state(first)).channel == "other"
    assert (await office.state(second)).channel == "main"
    office.main.mood = office.other.mood = "up"
    office.clock.advance(3 * PAUSE_SECONDS)
    await office.work()
    assert len(office.main.taken) + len(office.other.taken) == 2


async def test_a_contact_who_is_known_on_the_standby_waits(office: Office) -> None:
    await office.meets(channel="other")
    await office.work()
    office.main.mood = "refused"
    known = await office.meets()
    await office.work()
    assert (await office.state(known)).channel == "main"
    assert len(office.other.taken) == 1


@pytest.mark.parametrize("refuses", range(1, 5))
async def test_a_store_that_is_away_costs_no_message_and_makes_none_unknown(office: Office, refuses: int) -> None:
    office.main.mood = "refused"
    known = await office.meets()
    office.store.refuses = refuses
    await office.work()
    office.clock.advance(PAUSE_SECONDS + 1)
    await office.work()
    assert len(office.other.taken) == 1
    assert not (await office.state(known)).unknown_sends


@pytest.mark.parametrize("seed", range(40))
async def test_whatever_the_vendors_do_each_message_is_sent_once(tmp_path: Path, seed: int) -> None:
    dice, office = random.Random(seed), Office(tmp_path)
    everybody = [await office.meets(f"1555{number:07}") for number in range(4)]
    for number in range(60):
        office.main.mood = dice.choice(("up", "refused", "refused"))
        office.other.mood = dice.choice(("up", "up", "refused"))
        await office.says(dice.choice(everybody), f"message {number}")
        office.store.refuses = dice.choice((0, 0, 0, 1))
        office.clock.advance(dice.uniform(0, 40))
        await office.work(200)
        office.store.refuses = 0
    office.main.mood = office.other.mood = "up"
    for _ in range(40):
        office.clock.advance(100)
        await office.work(200)
    references = Counter(one.reference for one in (*office.main.taken, *office.other.taken))
    decided = [
        effect.id
        for known in everybody
        async for entry in office.store.journal(known)
        for effect in entry.effects
        if isinstance(effect, SendMessage)
    ]
    assert references == Counter(decided)
    assert office.other.taken
    assert not (await office.store.backlog()).states
