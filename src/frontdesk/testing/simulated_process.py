"""The service under test: a process with the real engine and performer, on ports that have seams.

A process is all that a crash takes away. The store is watched: what it commits is what the invariants judge.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from frontdesk.config import LadderSettings
from frontdesk.core.conversation import Conversation
from frontdesk.core.event import Event, Outcome
from frontdesk.core.message import Message
from frontdesk.core.money import Caps, Hold, Refusal, Total, usd
from frontdesk.core.plan import Decision
from frontdesk.core.usage import Spent
from frontdesk.engine.budget import Budget
from frontdesk.engine.engine import Engine
from frontdesk.engine.ladder import Ladder
from frontdesk.engine.media import MediaFolder
from frontdesk.engine.metrics import Metrics
from frontdesk.engine.perceiving import Perceiving
from frontdesk.engine.performer import Performer
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.ports import (
    Backlog,
    Claim,
    ConversationSummary,
    Decide,
    FetchedMedia,
    JournalEntry,
    Notice,
    Standing,
    Store,
    StoreUnavailable,
)
from frontdesk.testing.doubles import ManualClock, MemoryStore
from frontdesk.testing.simulated_money import some_models
from frontdesk.testing.simulated_senses import SECTIONS, Senses
from frontdesk.testing.simulated_shop import SimulatedHost, SimulatedLibrary
from frontdesk.testing.simulated_world import (
    CHANNEL,
    LEASE_SECONDS,
    Host,
    NoKnowledge,
    Pause,
    Vendor,
    limited,
)

if TYPE_CHECKING:
    from frontdesk.testing.simulator import Simulation

LEASE = timedelta(seconds=LEASE_SECONDS)
METRICS = Metrics()


class Storage(Store, Protocol):
    """A store whose verbs never wait, for the simulator."""

    def restart(self) -> None:
        """A new process has begun; the old one is dead."""

    def earliest(self) -> datetime | None:
        """When something is ready next."""


class MemoryStorage(MemoryStore):
    """The double; leases of the dead end by time."""

    def restart(self) -> None:
        """See `Storage`."""

    def earliest(self) -> datetime | None:
        """See `Storage`."""
        return min((row.ready_at for row in self._outbox.values() if row.ready_at), default=None)


class System:
    """What is put to the test; planted bugs and other stores replace a part."""

    is_sole = False
    """Whether only one process may use the store at a time."""

    def store(self, clock: ManualClock) -> Storage:
        """The store, which survives."""
        return MemoryStorage(clock)

    def vendor(self, host: Host) -> Vendor:
        """The channel that every process has."""
        return Vendor(host)

    def engine(self, *parts: Any, **named: Any) -> Engine:
        """A process's engine."""
        return Engine(*parts, **named)

    def performer(self, **parts: Any) -> Performer:
        """A process's performer."""
        return Performer(**parts)

    def budget(self, *parts: Any) -> Budget:
        """A process's budget."""
        return Budget(*parts)

    async def take(self, engine: Engine, events: Sequence[Event], answer: Callable[[], None]) -> None:
        """A webhook request."""
        for event in events:
            await engine.handle(event)
        answer()


class Task:
    """A coroutine under the scheduler's hand."""

    __slots__ = ("claim", "coroutine", "done", "failed", "name", "process")

    def __init__(self, name: str, coroutine: Coroutine[Any, Any, object], process: Process) -> None:
        self.name = name
        self.coroutine = coroutine
        self.process = process
        self.claim: Claim | None = None
        self.done: Callable[[], None] = _nothing
        self.failed: Callable[[], None] = _nothing


def _nothing() -> None:
    return None


class WatchedStore:
    """The store as a process sees it: with seams, faults, and a ledger of what was committed."""

    def __init__(self, inner: Storage, simulation: Simulation) -> None:
        self._inner = inner
        self._simulation = simulation
        self._ledger = simulation.ledger

    async def _begin(self) -> None:
        await Pause()
        if self._simulation.faults.strike("store unavailable", 0.3):
            raise StoreUnavailable("the disk is full")

    async def apply(self, event: Event, decide: Decide) -> Decision | None:
        """See the port."""
        await self._begin()
        steps: list[tuple[Conversation, Event, Decision]] = []

        def watching(conversation: Conversation, event: Event) -> Decision:
            decision = decide(conversation, event)
            steps.append((conversation, event, decision))
            return decision

        decision = await self._inner.apply(event, watching)
        if isinstance(event, Outcome):
            self._ledger.reported.add((event.effect_id, event.attempt))
        for step in steps:
            self._simulation.note("commit", step[1])
            self._ledger.committed(*step)
        for known in dict.fromkeys(step[0].id for step in steps):
            self._ledger.saw(list(await self._inner.messages(known)))
        await Pause()
        return decision

    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        """See the port."""
        await self._begin()
        claims = await self._inner.claim(lease, limit)
        for claim in claims:
            self._simulation.note("claim", claim)
            self._ledger.claimed(claim)
        await Pause()
        return claims

    async def renew(self, claims: Sequence[Claim], lease: timedelta) -> frozenset[str]:
        """See the port."""
        await self._begin()
        held = await self._inner.renew(claims, lease)
        await Pause()
        return held

    async def keep(self, notices: Sequence[Notice]) -> None:
        """See the port."""
        await self._begin()
        await self._inner.keep(notices)
        await Pause()

    async def prune(self, before: datetime) -> None:
        """See the port."""
        await self._inner.prune(before)

    async def notices(self, limit: int) -> Sequence[Notice]:
        """See the port."""
        return await self._inner.notices(limit)

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """See the port."""
        return await self._inner.conversation(conversation_id)

    async def conversations(self, limit: int) -> Sequence[ConversationSummary]:
        """See the port."""
        return await self._inner.conversations(limit)

    async def find(self, channel: str, address: str) -> str | None:
        """See the port."""
        return await self._inner.find(channel, address)

    async def messages(self, conversation_id: str) -> Sequence[Message]:
        """See the port."""
        return await self._inner.messages(conversation_id)

    def journal(self, conversation_id: str) -> AsyncIterator[JournalEntry]:
        """See the port."""
        return self._inner.journal(conversation_id)

    async def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        """See the port."""
        await self._begin()
        await self._inner.keep_book(version, sources)
        await Pause()

    async def book(self, version: str) -> Mapping[str, str] | None:
        """See the port."""
        await self._begin()
        return await self._inner.book(version)

    def conversations_on(self, channel: str) -> AsyncIterator[Conversation]:
        """See the port."""
        return self._inner.conversations_on(channel)

    def standing(self) -> AsyncIterator[Standing]:
        """See the port."""
        return self._inner.standing()

    async def reserve(self, hold: Hold, caps: Caps) -> Refusal | None:
        """See the port."""
        await self._begin()
        refusal = await self._inner.reserve(hold, caps)
        self._simulation.note("reserve", f"{hold.id} {usd(hold.nano_usd)}: {refusal or 'granted'}")
        if refusal is None:
            self._ledger.purses.granted(hold)
        else:
            self._ledger.purses.refused += 1
        await Pause()
        return refusal

    async def write_off(self, before: datetime) -> int:
        """See the port."""
        await self._begin()
        written = await self._inner.write_off(before)
        await Pause()
        return written

    async def totals(self, keys: Collection[str]) -> Mapping[str, Total]:
        """See the port."""
        return await self._inner.totals(keys)

    async def spent(self, since: datetime) -> Sequence[Spent]:
        """See the port."""
        return await self._inner.spent(since)

    async def backlog(self) -> Backlog:
        """See the port."""
        return await self._inner.backlog()

    async def check(self) -> None:
        """See the port."""
        await self._inner.check()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class MemoryMedia(MediaFolder):
    """Keeps nothing."""

    def __init__(self) -> None:
        super().__init__(Path())

    async def keep(self, message_id: str, fetched: FetchedMedia) -> str:
        """See `MediaFolder`."""
        await Pause()
        return f"media/{message_id}"

    async def read(self, stored_as: str, bytes_max: int) -> bytes | None:
        """See `MediaFolder`."""
        await Pause()
        return b"file"


class WakeUps(InProcessSignal):
    """The signal: wakes the workers of all processes, or gets lost. Nobody listens, and nothing is limited."""

    def __init__(self, simulation: Simulation) -> None:
        super().__init__()
        self._simulation = simulation

    def wake(self, after_seconds: float = 0.0) -> None:
        """See the port."""
        if not self._simulation.faults.strike("lost wake-ups"):
            self._simulation.at(after_seconds, self._simulation.wake_workers)

    async def wait(self, timeout_seconds: float) -> None:
        """See the port."""
        await Pause(timeout_seconds)


class Process:
    """All that dies at a crash. Works as `engine.worker.Worker` does, whose own loop belongs to asyncio."""

    def __init__(self, simulation: Simulation, number: int) -> None:
        self.simulation = simulation
        self.number = number
        self.is_stopping = False
        self.running: dict[str, Claim] = {}
        self.is_renewing = False
        self.parked: Task | None = None
        self.asleep: dict[Task, None] = {}
        system, clock, signal = simulation.system, simulation.clock, WakeUps(simulation)
        self.store = WatchedStore(simulation.storage, simulation)
        self.engine = system.engine(
            self.store, simulation.policy, signal, clock, METRICS, library=SimulatedLibrary(simulation.shop)
        )
        limit = partial(limited, clock=clock)
        media, senses = MemoryMedia(), Senses(simulation)
        self.performer = system.performer(
            engine=self.engine,
            channels={CHANNEL: simulation.vendor},
            language_model=Ladder(some_models(simulation), LadderSettings(), clock, METRICS, limit),
            knowledge=NoKnowledge(),
            media=media,
            clock=clock,
            metrics=METRICS,
            chance=simulation.rng.random,
            sleep=_sleep,
            limit=limit,
            budget=(budget := system.budget(self.store, simulation.money, clock, METRICS, self.engine.note)),
            perceiving=Perceiving({"voice": senses, "picture": senses}, SECTIONS, media, clock, budget, limit),
            calls=SimulatedHost(simulation.shop),
        )
        simulation.start(Task("worker", self._work(), self))
        simulation.start(Task("tidying", self._tidy(), self))

    async def _work(self) -> None:
        rng = self.simulation.rng
        while not self.is_stopping:
            try:
                claims = await self.store.claim(LEASE, rng.randint(1, 6))
            except StoreUnavailable:
                claims = ()
            if claims and self.simulation.faults.strike("graceful stop", 0.5):
                # The signal came while the claim was under way.
                self.simulation.stop(self)
            if self.is_stopping and claims:
                await self.performer.hand_back(claims)
                return
            for claim in claims:
                self._perform(claim)
            if not claims:
                await Pause(None)

    def _perform(self, claim: Claim) -> None:
        task = Task(f"{claim.effect.__struct_config__.tag} {claim.effect.id[-6:]}", self.performer.work(claim), self)
        key = f"{claim.effect.id}/{claim.attempt}"
        self.running[key] = task.claim = claim

        def gone() -> None:
            del self.running[key]

        def done() -> None:
            gone()
            self.simulation.ledger.finished(claim)

        task.done, task.failed = done, gone
        self.simulation.start(task)
        if not self.is_renewing:
            self.is_renewing = True
            self.simulation.start(Task("renewal", self._renew(), self))

    async def _tidy(self) -> None:
        """Far sooner than the worker does it: what is told after all is then in the books twice, and never less."""
        try:
            await self.store.write_off(self.simulation.clock.now() - LEASE)
        except StoreUnavailable:
            return

    async def _renew(self) -> None:
        while self.running:
            await Pause(LEASE_SECONDS / 3)
            if self.running and not self.simulation.faults.strike("no renewal", 3.0):
                try:
                    await self.store.renew(list(self.running.values()), LEASE)
                except StoreUnavailable:
                    continue
        self.is_renewing = False


async def _sleep(seconds: float) -> None:
    await Pause(seconds)
