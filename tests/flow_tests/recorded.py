"""Conversations with the sample shop, recorded by the engine in a real SQLite store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from frontdesk.core.effect import CallHttp, DraftReply, SendMessage, WakeAt
from frontdesk.core.event import (
    Address,
    AgentReplied,
    CallReturned,
    Contact,
    EffectFinished,
    Event,
    MessageReceived,
    Outcome,
    ReplyDrafted,
    SendSucceeded,
    TimerFired,
    identify,
)
from frontdesk.core.message import Choice, Content, Media, Text
from frontdesk.core.policy import Policy
from frontdesk.engine.engine import Engine
from frontdesk.engine.flow_folder import compile_in_thread
from frontdesk.engine.library import Library
from frontdesk.engine.metrics import Metrics
from frontdesk.flow_tests.matching import offered
from frontdesk.flows.book import compile_book
from frontdesk.flows.folder import read_sources
from frontdesk.in_process_signal import InProcessSignal
from frontdesk.ports import Claim, JournalEntry
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.sqlite.store import SqliteStore

ROOT = Path(__file__).parent.parent.parent
SHOP = read_sources(ROOT / "config/flows")
PHONE = "919876543210"
BEGAN_AT = datetime(2026, 11, 2, 5, 30, 7, tzinfo=UTC)
LEASE = timedelta(seconds=60)
Made = TypeVar("Made", bound=Outcome)


class Recording:
    """The shop, a customer and the world between. `calls` answers `GET /orders/A1001`, `drafts` the model's."""

    def __init__(self, store: SqliteStore, engine: Engine, clock: ManualClock) -> None:
        self.store = store
        self.engine = engine
        self.clock = clock
        self.calls: dict[str, dict[str, Any]] = {}
        self.drafts: list[str] = []
        self.sent: list[Content] = []
        self.name = "Asha Verma"
        self._count = 0

    async def wrote(self, content: Content | str, seconds: float = 7.3) -> None:
        """The customer writes after a while, and what follows at once happens."""
        await self.passes(seconds)
        self._count += 1
        event = MessageReceived(
            id=identify("m", str(self._count)),
            at=self.clock.now(),
            channel="main",
            contact=Contact(addresses=(Address("phone", PHONE),), name=self.name),
            provider_message_id=f"wamid.{self._count}",
            sent_at=self.clock.now(),
            content=Text(body=content) if isinstance(content, str) else content,
        )
        await self.engine.handle(event)
        await self.passes(0.4)
        await self.passes(2.0)

    async def tapped(self, title: str) -> None:
        """A button of the last message that has any."""
        menu = next(content for content in reversed(self.sent) if offered(content))
        await self.wrote(next(Choice(id=known, title=found) for known, found in offered(menu) if found == title))

    async def answered(self, text: str) -> None:
        """An agent writes."""
        await self.passes(40)
        event = AgentReplied(
            id=f"agent-{self._count}", at=self.clock.now(), channel="main", conversation_id=await self.known(),
            agent="priya", content=Text(body=text),
        )  # fmt: skip
        await self.engine.handle(event)
        await self.passes(1)

    async def known(self) -> str:
        """The conversation's id."""
        found = await self.store.find("main", PHONE)
        assert found
        return found

    async def journal(self) -> list[JournalEntry]:
        return [entry async for entry in self.store.journal(await self.known())]

    async def passes(self, seconds: float) -> None:
        """Time goes by, and the worker does what comes due."""
        until = self.clock.now() + timedelta(seconds=seconds)
        while self.clock.now() < until:
            left = (until - self.clock.now()).total_seconds()
            self.clock.advance(min(left, 0.5 if seconds < 60 else 30.0))
            while claims := await self.store.claim(LEASE, 10):
                for claim in claims:
                    await self.engine.handle(self._performed(claim))

    def _performed(self, claim: Claim) -> Event:
        match claim.effect:
            case SendMessage(content=content):
                self.sent.append(content)
                return self._outcome(SendSucceeded, claim, provider_message_id=f"wamid.out.{claim.effect.id}")
            case WakeAt(purpose=purpose, about=about):
                return self._outcome(TimerFired, claim, purpose=purpose, about=about)
            case CallHttp(method=method, path=path):
                return self._outcome(CallReturned, claim, **self.calls[f"{method} {path}"])
            case DraftReply():
                return self._outcome(ReplyDrafted, claim, text=self.drafts.pop(0))
            case _:
                return self._outcome(EffectFinished, claim)

    def _outcome(self, kind: type[Made], claim: Claim, **fields: Any) -> Made:
        return kind(
            id=f"{claim.effect.id}/{claim.attempt}",
            at=self.clock.now(),
            channel=claim.channel,
            conversation_id=claim.conversation_id,
            effect_id=claim.effect.id,
            attempt=claim.attempt,
            **fields,
        )


@asynccontextmanager
async def recording(folder: Path, sources: Mapping[str, str] = SHOP) -> AsyncIterator[Recording]:
    """The shop on a store in `folder`, under these flows."""
    clock = ManualClock(BEGAN_AT)
    async with SqliteStore(folder / "frontdesk.db", clock) as store:
        library = Library(store, compile_in_thread)
        await library.put_in_force(compile_book(sources), sources)
        engine = Engine(store, Policy(), InProcessSignal(), clock, Metrics(), library=library)
        yield Recording(store, engine, clock)


Play = Callable[[Recording], Awaitable[None]]


async def asked_for_an_order(shop: Recording) -> None:
    """The menu, a call, a draft, and things that tell who it is."""
    shop.calls["GET /orders/A1001"] = {
        "status": 200,
        "values": {"flow.status": "shipped", "flow.expected_on": "2026-11-04", "flow.carrier": "Verma Couriers"},
    }
    shop.drafts = ["Yes, Asha, of order 123456789 too."]
    await shop.wrote("Hello, this is asha")
    await shop.tapped("Order status")
    await shop.wrote("I am Asha, my number is +91 98765 43210, ref 123456789")
    await shop.wrote("A1001", seconds=31)
    await shop.wrote("Can I change the address? My mail is asha@verma.example, Asha")


async def left_a_question_alone(shop: Recording) -> None:
    """A reminder, the end after silence, and an old button."""
    await shop.wrote("hello")
    await shop.passes(700)
    await shop.passes(7_300)
    await shop.tapped("Book a visit")
    await shop.wrote("tomorrow")


async def complained(shop: Recording) -> None:
    """A person takes over and answers."""
    await shop.wrote("I have a complaint")
    await shop.wrote("The sole came off. Call 9876543210.")
    await shop.wrote(Media(kind="image", media_id="m1", caption="Asha's shoe"))
    await shop.answered("Hello Asha, this is Priya.")
    await shop.wrote("thank you")
