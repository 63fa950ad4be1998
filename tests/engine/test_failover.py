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
from frontdesk.core.capabilities import EVERYTHING, Capabilities
from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import NotifyDesk, SendMessage
from frontdesk.core.event import Address, EffectPostponed, MessageReceived
from frontdesk.core.message import Content, Media, MessageStatus
from frontdesk.core.policy import Policy
from frontdesk.engine.engine import Engine
from frontdesk.engine.failover import LONG_WAIT, Failover
from frontdesk.engine.gate import PAUSE_SECONDS
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.performer import Performer
from frontdesk.ports import OutcomeUnknown, OutgoingMessage, PermanentFailure, Sent, StoreUnavailable, TemporaryFailure
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import PHONE, replied, wrote
from frontdesk_plugins.in_process import InProcessSignal

pytestmark = pytest.mark.anyio

LEASE = timedelta(seconds=30)
ALL = Capabilities()
LESS = Capabilities(sends=EVERYTHING - {"sticker"}, keeps_files=False, reaches=frozenset({"phone"}))
STICKER = Media(kind="sticker", link="https://shop.example/thanks.webp")
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


class Blind(Refusing):
    """Cannot be read for a while either."""

    is_blind = False

    async def conversation(self, conversation_id: str) -> Conversation | None:
        if self.is_blind:
            raise StoreUnavailable("the disk is gone")
        return await super().conversation(conversation_id)


class Office:
    """Two channels, and a worker that is stepped by hand."""

    def __init__(self, folder: Path, *, main: Capabilities = ALL, other: Capabilities = ALL) -> None:
        self.clock = ManualClock()
        self.store = Blind(self.clock)
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
            failover=Failover(self.engine, {"main": "other"}, self.clock, {"main": main, "other": other}),
            chance=lambda: 0.5,
            sleep=_no_sleep,
        )

    async def meets(self, phone: str = PHONE, channel: str = "main", address: Address | None = None) -> str:
        """A contact writes, and a person has the conversation; its id."""
        event: MessageReceived = wrote("hello", self.clock.now(), phone, phone=phone)
        if address:
            contact = msgspec.structs.replace(event.contact, addresses=(address,))
            event = msgspec.structs.replace(event, contact=contact)
        decision = await self.engine.handle(_on(event, channel))
        assert decision is not None
        known = decision.conversation.id
        await self.says(known, "hello back")
        return known

    async def says(self, known: str, text: str) -> None:
        """A person answers."""
        await self.engine.handle(replied(known, text, self.clock.now()))

    async def shows(self, known: str, content: Content) -> None:
        """A person sends something else than words."""
        reply = replied(known, type(content).__name__, self.clock.now())
        await self.engine.handle(msgspec.structs.replace(reply, content=content))

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


async def settled(office: Office, known: str) -> list[MessageStatus]:
    """What became of all that was to be said."""
    return [one.status for one in await office.store.messages(known) if one.author == "agent"]


async def test_what_the_standby_cannot_carry_waits_for_its_channel_and_all_after_it_too(tmp_path: Path) -> None:
    office = Office(tmp_path, other=LESS)
    known = await office.meets()
    await office.work()
    office.main.mood = "refused"
    await office.shows(known, STICKER)
    await office.says(known, "and a word")
    await office.work()
    assert not office.other.taken
    assert (await office.state(known)).channel == "main"
    office.main.mood = "up"
    office.clock.advance(PAUSE_SECONDS + 1)
    await office.work()
    assert [type(one.content).__name__ for one in office.main.taken] == ["Text", "Media", "Text"]
    assert not office.other.taken
    assert MessageStatus.FAILED not in await settled(office, known)


async def test_a_conversation_that_is_away_goes_home_to_wait_for_what_only_home_can_carry(tmp_path: Path) -> None:
    office = Office(tmp_path, other=LESS)
    office.main.mood = "refused"
    known = await office.meets()
    await office.shows(known, STICKER)
    await office.says(known, "and a word")
    await office.work()
    assert len(office.other.taken) == 1
    assert (await office.state(known)).channel == "main"
    office.main.mood = "up"
    office.clock.advance(PAUSE_SECONDS + 1)
    await office.work()
    assert [type(one.content).__name__ for one in office.main.taken] == ["Media", "Text"]
    assert len(office.other.taken) == 1
    assert MessageStatus.FAILED not in await settled(office, known)


async def test_a_contact_whose_address_the_standby_cannot_write_to_waits(tmp_path: Path) -> None:
    office = Office(tmp_path, other=LESS)
    office.main.mood = "refused"
    known = await office.meets(address=Address("scoped_id", "US.1"))
    await office.work()
    assert (await office.state(known)).channel == "main"
    assert await settled(office, known) == [MessageStatus.QUEUED]


async def test_people_are_told_once_of_what_waits_for_long(tmp_path: Path) -> None:
    office = Office(tmp_path, other=LESS)
    office.main.mood = "refused"
    known = await office.meets()
    await office.work()
    await office.shows(known, STICKER)
    told: list[str] = []
    for _ in range(8):
        await office.work()
        told = [one.text for one in await office.store.notices(10) if one.kind == "waits_for_channel"]
        waited = office.clock.now() - (await office.store.messages(known))[-1].at
        assert len(told) == (waited > LONG_WAIT)
        office.clock.advance(PAUSE_SECONDS * 3)
    assert told[0] == (
        f"a message of conversation {known}, and all after it, waits until main works again, for other cannot carry "
        "it: no message of kind sticker can be sent by it; put main right, or reach the contact in another way"
    )


async def test_people_are_told_of_a_contact_who_waits_because_the_standby_knows_them(office: Office) -> None:
    await office.meets(channel="other")
    office.main.mood = "refused"
    known = await office.meets()
    for _ in range(12):
        await office.work()
        office.clock.advance(PAUSE_SECONDS * 3)
    (told,) = [one.text for one in await office.store.notices(20) if one.kind == "waits_for_channel"]
    assert f"a message of conversation {known}, and all after it, waits until main works again" in told
    assert "cannot carry it: the contact has another conversation there" in told


async def test_what_only_the_standby_can_carry_goes_by_it_though_home_works_again(tmp_path: Path) -> None:
    office = Office(tmp_path, main=LESS)
    office.main.mood = "refused"
    known = await office.meets()
    await office.work()
    office.main.mood = "up"
    office.clock.advance(PAUSE_SECONDS + 1)
    await office.shows(known, STICKER)
    await office.says(known, "and a word")
    await office.work()
    assert [type(one.content).__name__ for one in office.other.taken] == ["Text", "Media"]
    assert [type(one.content).__name__ for one in office.main.taken] == ["Text"]


async def test_a_store_that_does_not_answer_lets_nothing_leave_by_a_channel_that_cannot_carry_it(
    tmp_path: Path,
) -> None:
    office = Office(tmp_path, other=LESS)
    office.main.mood = "refused"
    known = await office.meets()
    await office.work()
    await office.shows(known, STICKER)
    (claim,) = await office.store.claim(LEASE, 100)
    office.store.is_blind = True
    outcome = await office.performer.perform(claim)
    office.store.is_blind = False
    assert isinstance(outcome, EffectPostponed)
    assert len(office.other.taken) == 1


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("other", [ALL, LESS], ids=["a standby as good", "one that can less"])
async def test_whatever_the_vendors_do_each_message_is_sent_once(
    tmp_path: Path, seed: int, other: Capabilities
) -> None:
    dice, office = random.Random(seed), Office(tmp_path, other=other)
    everybody = [await office.meets(f"1555{number:07}") for number in range(4)]
    for number in range(60):
        office.main.mood = dice.choice(("up", "refused", "refused"))
        office.other.mood = dice.choice(("up", "up", "refused"))
        await office.says(dice.choice(everybody), f"message {number}")
        if dice.random() < 0.2:
            await office.shows(dice.choice(everybody), STICKER)
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
    if other is LESS:
        assert STICKER not in [one.content for one in office.other.taken]
    assert not (await office.store.backlog()).states
