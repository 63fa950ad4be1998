"""The world of a simulation: contacts who write, people who take part, a vendor and a language model that fail.

Every seed lets a random subset of the faults strike, each at its own rate: a run in which everything fails at once
explores less than many in which a few things do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Coroutine, Generator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any, Generic, Literal, Protocol, Self, TypeVar

import msgspec

from frontdesk.core.event import (
    ErrorReport,
    Event,
    StatusChanged,
    identify,
)
from frontdesk.core.message import Media, MessageStatus
from frontdesk.core.prompt import Passage
from frontdesk.ports import (
    Claim,
    FetchedMedia,
    OutcomeUnknown,
    OutgoingMessage,
    PermanentFailure,
    Received,
    Sent,
    TemporaryFailure,
    WebhookRequest,
)
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.invariants import Call, Ledger

Result = TypeVar("Result")

CHANNEL = "main"
LEASE_SECONDS = 30.0

FAULTS = (
    "crash",
    "graceful stop",
    "stall",
    "no renewal",
    "lost wake-ups",
    "store unavailable",
    "duplicate delivery",
    "delayed delivery",
    "answer lost",
    "never accepted",
    "refused: message",
    "refused: contact",
    "refused: channel",
    "refused: account",
    "refused for good",
    "no status",
    "early status",
    "duplicate status",
    "failed late",
    "no reference",
    "slow vendor",
    "vendor's client broken",
    "read mark refused",
    "media refused",
    "model slow",
    "model unavailable",
    "model unknown",
    "model refuses",
    "model garbage",
    "model silent",
    "model hands off",
    "model broken",
    "model wants",
    "nobody listens",
    "listens too long",
    "broken off while listening",
    "listening is broken",
    "price untold",
    "rules broken",
    "host slow",
    "host away",
    "host silent",
    "host broken",
    "flows change",
)
"""What may go wrong, by name; a run counts what did."""


CONCERNS: tuple[Literal["message", "contact", "channel", "account"], ...] = (
    "message",
    "contact",
    "channel",
    "account",
)


class Faults:
    """Which faults strike in this run, how often, and how often they did."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._rates = {name: rng.choice((0.03, 0.1, 0.3)) for name in FAULTS if rng.random() < 0.35}
        self.struck: Counter[str] = Counter()
        self.are_over = False

    def strike(self, name: str, scale: float = 1.0) -> bool:
        """Whether this fault happens now."""
        rate = self._rates.get(name)
        if rate is None or self.are_over or self._rng.random() >= rate * scale:
            return False
        self.struck[name] += 1
        return True


class Pause:
    """What a coroutine awaits to let the others run: a seam. `seconds`: for at least that long; None: until somebody
    wakes it."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float | None = 0.0) -> None:
        self.seconds = seconds

    def __await__(self) -> Generator[float | None, None, None]:
        yield self.seconds


async def limited(coroutine: Coroutine[Any, Any, Result], /, timeout: float, *, clock: ManualClock) -> Result:  # noqa: ASYNC109
    """What `asyncio.wait_for` does, for coroutines that the simulator steps: at the end of the time it is closed."""
    return await _Limited(coroutine, clock.now() + timedelta(seconds=timeout), clock)


class _Limited(Generic[Result]):
    def __init__(self, coroutine: Coroutine[Any, Any, Result], ends_at: datetime, clock: ManualClock) -> None:
        self._coroutine = coroutine
        self._ends_at = ends_at
        self._clock = clock

    def __await__(self) -> Generator[float | None, None, Result]:
        try:
            while True:
                try:
                    pause = self._coroutine.send(None)
                except StopIteration as stop:
                    result: Result = stop.value
                    return result
                left = (self._ends_at - self._clock.now()).total_seconds()
                if pause is None or pause >= left:
                    yield max(0.0, left)
                    raise TimeoutError
                yield pause
        finally:
            self._coroutine.close()


POISON = "Where is my parcel, it has been on its way since last week?"
"""A message on whose number of words the rules fail, see `Trap`."""


class Trap(int):
    """A policy's number that fails when it is compared with 13: a bug in the rules, for one kind of message."""

    def __lt__(self, other: int) -> bool:
        if other == 13:
            raise ZeroDivisionError("rules broken")
        return int(self) < other


class Host(Protocol):
    """What the world needs of the simulator."""

    rng: Random
    clock: ManualClock
    faults: Faults
    ledger: Ledger
    has_flows: bool

    def at(self, seconds: float, run: Callable[[], None]) -> None:
        """Do something in the world after a span."""

    def deliver(self, events: tuple[Event, ...]) -> None:
        """The vendor calls our webhook until it is answered 200."""

    def note(self, who: str, what: str) -> None:
        """Add a line to the trace."""

    def claim_of_caller(self) -> Claim:
        """The claim under which the running coroutine works."""


class Vendor:
    """The channel's double: a vendor with a ledger that may lie about everything but what it took."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._numbers = 0

    def receive(self, request: WebhookRequest) -> Received:
        """Deliveries are simulated as events."""
        raise AssertionError("the simulator brings its events itself")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def send(self, message: OutgoingMessage) -> Sent:
        """See the port."""
        host = self._host
        call = host.ledger.called(message, host.claim_of_caller(), host.clock.now())
        try:
            await Pause()
            return await self._answer(call)
        finally:
            del host.ledger.calls[call.number]

    async def _answer(self, call: Call) -> Sent:
        faults, rng = self._host.faults, self._host.rng
        if not call.message.to:
            raise PermanentFailure("nobody to send to", code="131008")
        latency = rng.choice((0.1, 0.5, 8.0)) * rng.uniform(0.5, 1.0)
        if faults.strike("slow vendor"):
            latency += rng.uniform(LEASE_SECONDS, 3 * LEASE_SECONDS)
        refusal = self._refusal()
        if refusal:
            await Pause(latency)
            raise refusal
        if faults.strike("never accepted"):
            await Pause(latency)
            raise OutcomeUnknown("connection reset")
        if faults.strike("vendor's client broken"):
            raise KeyError("messages")
        provider_message_id = self._new_id()
        # The request is out: the vendor takes it even if our process dies meanwhile.
        self._host.at(rng.uniform(0.0, latency), lambda: self._take(call, provider_message_id))
        await Pause(latency)
        if faults.strike("answer lost"):
            raise OutcomeUnknown("time-out")
        return Sent(provider_message_id=provider_message_id)

    def _new_id(self) -> str:
        self._numbers += 1
        return f"wamid.{self._numbers}"

    def _refusal(self) -> TemporaryFailure | PermanentFailure | None:
        faults, rng = self._host.faults, self._host.rng
        retry_after = rng.choice((None, 1.0, 20.0))
        for concerns in CONCERNS:
            if faults.strike(f"refused: {concerns}"):
                return TemporaryFailure(concerns, code=concerns, retry_after=retry_after, concerns=concerns)
        if faults.strike("refused for good"):
            return PermanentFailure("undeliverable", code="131026", needs_template=rng.random() < 0.3)
        return None

    def _take(self, call: Call, provider_message_id: str) -> None:
        host, faults, rng = self._host, self._host.faults, self._host.rng
        host.note("vendor", f"takes {call.message.reference} as {provider_message_id}")
        host.ledger.took(call, provider_message_id)
        if faults.strike("no status"):
            return
        delay = 0.0 if faults.strike("early status") else rng.uniform(0.5, 8.0)
        last = rng.choice((MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ))
        for status in (MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ):
            self._report(call, provider_message_id, status, delay * rng.uniform(0.5, 2.0))
            if status is last:
                break
        if faults.strike("failed late"):
            self._report(call, provider_message_id, MessageStatus.FAILED, rng.uniform(5.0, 200.0))

    def _report(self, call: Call, provider_message_id: str, status: MessageStatus, delay: float) -> None:
        host, faults = self._host, self._host.faults
        event = StatusChanged(
            id=identify(CHANNEL, "status", provider_message_id, status),
            at=host.clock.now(),
            channel=CHANNEL,
            provider_message_id=provider_message_id,
            status=status,
            changed_at=host.clock.now(),
            reference=None if faults.strike("no reference") else call.message.reference,
            errors=(ErrorReport(code="131026", title="undeliverable"),) if status is MessageStatus.FAILED else (),
        )
        host.at(delay, lambda: host.deliver((event,)))
        if faults.strike("duplicate status"):
            host.at(delay * 1.5, lambda: host.deliver((event,)))

    async def mark_read(self, provider_message_id: str, *, is_typing: bool) -> None:
        """See the port."""
        await Pause()
        if self._host.faults.strike("read mark refused"):
            raise TemporaryFailure("busy")

    async def fetch(self, media: Media) -> FetchedMedia:
        """See the port."""
        await Pause()
        if self._host.faults.strike("media refused", 3.0):
            raise self._host.rng.choice((TemporaryFailure("busy"), PermanentFailure("gone", code="131052")))
        return FetchedMedia(body=b"file", mime_type="image/jpeg")


class NoKnowledge:
    """Knows nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def search(self, query: str, limit: int, scope: Sequence[str] = ()) -> Sequence[Passage]:
        """See the port."""
        await Pause()
        return ()


def told_now(event: Event, clock: ManualClock) -> Event:
    """The same fact, learned now."""
    return msgspec.structs.replace(event, at=clock.now())
