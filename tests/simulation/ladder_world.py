"""A day on which language models fail: the real rules, engine, performer and ladder, customers who write, and backends
that are dead, slow, hanging or talk nonsense. Seeded; time is a manual clock, coroutines are stepped by hand.

What is promised, and checked:

- everybody who writes hears something, from a model or from the rules, within the deadline;
- where one backend works, everybody is answered by it;
- a backend that is down is soon left alone, one probe at a time finds out when it is back, and then it is used again;
- every call, also of a try that failed, is in the journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from random import Random
from typing import Any, Literal, Self

import structlog.testing
from msgspec import Struct

from frontdesk.config import LadderSettings
from frontdesk.core.event import DraftFailed, EffectPostponed, ReplyDrafted
from frontdesk.core.message import Media
from frontdesk.core.policy import Policy
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.engine.engine import Engine
from frontdesk.engine.ladder import Ladder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.performer import Performer
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.ports import (
    Completion,
    FetchedMedia,
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    Received,
    Sent,
    TemporaryFailure,
    WebhookRequest,
)
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.examples import wrote
from frontdesk.testing.simulated_process import MemoryMedia
from frontdesk.testing.simulated_world import NoKnowledge, Pause, limited

Mood = Literal["well", "dead", "slow", "hanging", "garbage", "refusing", "broken", "busy"]
BAD: tuple[Mood, ...] = ("dead", "slow", "hanging", "garbage", "refusing", "broken", "busy")
CUSTOMERS = 60
OUTAGE_SECONDS = 400.0
CALM_SECONDS = 700.0
"""After the outage: longer than the longest rest of a breaker."""

POLL_SECONDS = 0.25
LEASE = timedelta(hours=1)
SLACK_SECONDS = 3.0
METRICS = Metrics()


class Broken(AssertionError):
    """A promise was broken."""


class Plan(Struct, frozen=True, kw_only=True):
    """What a run is made of; planted bugs replace a class."""

    settings: LadderSettings = LadderSettings()
    ladder: type[Ladder] = Ladder
    performer: type[Performer] = Performer
    limit: Callable[..., Any] = limited


class Backend:
    """A language model in a mood."""

    def __init__(self, name: str, mood: Mood, world: World) -> None:
        self.name = name
        self.mood = mood
        self.world = world
        self.asked: list[datetime] = []
        self.is_probed = False

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        self.asked.append(self.world.clock.now())
        is_probe = self.world.begins_probe(self)
        self.is_probed |= is_probe
        try:
            await Pause(self.world.rng.uniform(0.2, 2.0))
            await self._suffer()
        finally:
            self.is_probed &= not is_probe
        return Completion(text=f"{self.name}: at nine.", model=self.name)

    async def _suffer(self) -> None:
        match self.mood:
            case "well":
                return
            case "dead":
                raise TemporaryFailure("cannot be reached", code="unreachable", concerns="account")
            case "slow":
                await Pause(self.world.rng.uniform(8.0, 60.0))
            case "hanging":
                await Pause(10_000_000.0)
            case "garbage":
                raise OutcomeUnknown("no JSON", code="garbage")
            case "refusing":
                raise PermanentFailure("no credit", code="402", concerns="account")
            case "broken":
                raise KeyError("choices")
            case "busy":
                wait = self.world.rng.choice((None, 5.0, 40.0))
                raise TemporaryFailure("busy", code="429", concerns="channel", retry_after=wait)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class Telephone:
    """The channel: what each customer heard first, and when."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.heard: dict[str, tuple[datetime, str]] = {}

    def receive(self, request: WebhookRequest) -> Received:
        return Received()

    async def send(self, message: OutgoingMessage) -> Sent:
        body = str(getattr(message.content, "body", ""))
        self.heard.setdefault(message.to[0].value, (self.clock.now(), body))
        return Sent(provider_message_id=f"wamid.{message.reference}")

    async def fetch(self, media: Media) -> FetchedMedia:
        raise AssertionError("nobody sends files")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class NobodyWaits(InProcessSignal):
    """The worker here polls."""

    def wake(self, after_seconds: float = 0.0) -> None:
        return None


class World:
    """One run. `moods` of the backends during the outage; then all but the last are well."""

    def __init__(self, seed: int, moods: Sequence[Mood], plan: Plan) -> None:
        self.rng = Random(seed)
        self.clock = ManualClock()
        self.began_at = self.clock.now()
        self.plan = plan
        self.backends = {f"b{place}": Backend(f"b{place}", mood, self) for place, mood in enumerate(moods)}
        self.policy = Policy(greeting="", marks_read=False)
        self.store = MemoryStore(self.clock)
        self.engine = Engine(self.store, self.policy, NobodyWaits(), self.clock, METRICS)
        limit = partial(plan.limit, clock=self.clock)
        self.ladder = plan.ladder(self.backends, plan.settings, self.clock, METRICS, limit)
        self.telephone = Telephone(self.clock)
        self.performer = plan.performer(
            engine=self.engine,
            channels={"main": self.telephone},
            language_model=self.ladder,
            knowledge=NoKnowledge(),
            media=MemoryMedia(),
            clock=self.clock,
            metrics=METRICS,
            chance=self.rng.random,
            sleep=_sleep,
            ladder=plan.settings,
            limit=limit,
        )
        self.wrote: dict[str, datetime] = {}
        self.broken: list[str] = []
        self.conversations: list[str] = []
        self._agenda: list[tuple[datetime, int, Coroutine[Any, Any, object]]] = []
        self._count = 0

    def begins_probe(self, backend: Backend) -> bool:
        """Whether the call that begins is the one that finds out; told by the breaker's state."""
        (rung,) = (rung for rung in self.ladder.rungs if rung.backend == backend.name)
        state = rung.breaker.state(self.clock.now())
        if state == "open":
            self.broken.append(f"{backend.name} was asked although it rests")
        if state == "half open" and backend.is_probed:
            self.broken.append(f"{backend.name} was probed by several at a time")
        return state == "half open"

    def run(self) -> None:
        """Until all have heard something. Raises Broken."""
        last = OUTAGE_SECONDS + CALM_SECONDS
        for number in range(CUSTOMERS):
            is_late = number >= CUSTOMERS - 10
            at = self.rng.uniform(last, last + 30) if is_late else self.rng.uniform(0, OUTAGE_SECONDS)
            self._at(at, self._write(f"1555{number:07}"))
        for number in range(15):  # those who find out that it is well again
            self._at(OUTAGE_SECONDS + (number + 1) * CALM_SECONDS / 16, self._write(f"1666{number:07}"))
        self._at(OUTAGE_SECONDS, self._end_outage())
        self._at(0.0, self._work(last + 120))
        try:
            with structlog.testing.capture_logs():
                self._step_all()
        finally:
            for _, _, coroutine in self._agenda:
                coroutine.close()

    def _step_all(self) -> None:
        while self._agenda:
            due_at, _, coroutine = heappop(self._agenda)
            self.clock.advance(max(0.0, (due_at - self.clock.now()).total_seconds()))
            try:
                pause = coroutine.send(None)
            except StopIteration:
                continue
            self._at(pause or 0.0, coroutine)

    def _at(self, seconds: float, coroutine: Coroutine[Any, Any, object]) -> None:
        self._count += 1
        heappush(self._agenda, (self.clock.now() + timedelta(seconds=seconds), self._count, coroutine))

    async def _write(self, phone: str) -> None:
        event = wrote("When are you open?", self.clock.now(), phone=phone)
        self.wrote[phone] = self.clock.now()
        decision = await self.engine.handle(event)
        assert decision is not None
        self.conversations.append(decision.conversation.id)

    async def _end_outage(self) -> None:
        for backend in self.backends.values():
            backend.mood = "well"

    async def _work(self, seconds: float) -> None:
        ends_at = self.began_at + timedelta(seconds=seconds)
        while self.clock.now() < ends_at:
            for claim in await self.store.claim(LEASE, 100):
                self._at(0.0, self.performer.work(claim))
            await Pause(POLL_SECONDS)

    async def calls(self) -> Counter[str]:
        """What the journal says was asked, by backend."""
        found: Counter[str] = Counter()
        for conversation in self.conversations:
            async for entry in self.store.journal(conversation):
                if isinstance(entry.event, ReplyDrafted | DraftFailed | EffectPostponed):
                    found.update(call.backend for call in entry.event.calls)
        return found


async def _sleep(seconds: float) -> None:
    await Pause(seconds)


def play(seed: int, plan: Plan | None = None) -> World:
    """A run with moods drawn from the seed, judged. Raises Broken."""
    plan = plan or Plan()
    rng = Random(seed)
    moods: list[Mood] = [rng.choice(BAD) for _ in range(rng.choice((1, 2)))]
    moods.append(rng.choice(("well", "well", *BAD)))
    world = World(seed, moods, plan)
    world.run()
    _judge(world, moods)
    return world


def _judge(world: World, moods: Sequence[Mood]) -> None:
    if world.broken:
        raise Broken(f"{moods}: {world.broken[0]}")
    settings, policy = world.plan.settings, world.policy
    longest = policy.burst_wait_seconds + settings.deadline_seconds + SLACK_SECONDS
    for phone, at in world.wrote.items():
        heard = world.telephone.heard.get(phone)
        if heard is None or (heard[0] - at).total_seconds() > longest:
            raise Broken(f"{moods}: {phone} wrote at {at:%H:%M:%S} and heard {heard}")
    outage_ends = world.began_at + timedelta(seconds=OUTAGE_SECONDS)
    answered = {phone: ": at nine." in heard[1] for phone, heard in world.telephone.heard.items()}
    if moods[-1] == "well" and not all(answered.values()):
        raise Broken(f"{moods}: a backend was well, and some were not answered")
    late = [phone for phone, at in world.wrote.items() if at > outage_ends + timedelta(seconds=CALM_SECONDS)]
    first = [world.telephone.heard[phone][1].startswith("b0") for phone in late]
    if not all(first):
        raise Broken(f"{moods}: the first choice was well again and was not asked")
    asked = len([at for at in world.backends["b0"].asked if at < outage_ends])
    if moods[0] != "slow" and asked > CUSTOMERS // 2:
        raise Broken(f"{moods}: the first choice was down and was asked {asked} times")


def told(world: World) -> tuple[Counter[str], Counter[str]]:
    """Calls as the journal and as the backends have them."""
    asking = world.calls()
    try:
        asking.send(None)
    except StopIteration as stop:
        return stop.value, Counter({name: len(one.asked) for name, one in world.backends.items() if one.asked})
    raise AssertionError("it waited")
