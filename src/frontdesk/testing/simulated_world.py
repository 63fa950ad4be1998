"""The world of a simulation: contacts who write, people who take part, a vendor and a language model that fail.

Every seed lets a random subset of the faults strike, each at its own rate: a run in which everything fails at once
explores less than many in which a few things do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Generator, Sequence
from datetime import timedelta
from random import Random
from typing import Any, Literal, Protocol, Self

import msgspec

from frontdesk.core.event import (
    Address,
    AgentEchoed,
    AgentReplied,
    Assigned,
    CallEnded,
    Contact,
    ErrorReport,
    Event,
    HandedOff,
    MessageEdited,
    MessageReceived,
    MessageRevoked,
    NoteAdded,
    Released,
    Resolved,
    StatusChanged,
    identify,
)
from frontdesk.core.message import Choice, Content, Media, MessageStatus, Reaction, Text
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.ports import (
    Claim,
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
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.invariants import Call, Ledger

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
    "rules broken",
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
        raise NotImplementedError

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
        if self._host.faults.strike("media refused"):
            raise self._host.rng.choice((TemporaryFailure("busy"), PermanentFailure("gone", code="131052")))
        return FetchedMedia(body=b"file", mime_type="image/jpeg")


class Model:
    """The language model's double."""

    def __init__(self, host: Host) -> None:
        self._host = host

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def complete(self, prompt: Prompt, passages: Sequence[Passage]) -> Completion:
        """See the port."""
        faults, rng = self._host.faults, self._host.rng
        self._host.ledger.drafts_asked += 1
        await Pause(rng.uniform(0.2, 3.0))
        if faults.strike("model slow"):
            await Pause(rng.uniform(LEASE_SECONDS, 2 * LEASE_SECONDS))
        for name, failure in (
            ("model unavailable", TemporaryFailure("busy", retry_after=rng.choice((None, 2.0)))),
            ("model unknown", OutcomeUnknown("time-out")),
            ("model refuses", PermanentFailure("no credit", code="402")),
            ("model broken", ValueError("no choices")),
        ):
            if faults.strike(name):
                raise failure
        if faults.strike("model silent"):
            return Completion(text="", is_answer=False)
        if faults.strike("model garbage"):
            return Completion(text=rng.choice(("", " \n ", "\0", "**" * 50, "🙂 word. " * 90, "```\n" * 9)))
        is_handing_off = faults.strike("model hands off")
        return Completion(text=f"About “{prompt.question[:60]}”: yes.", hands_off=is_handing_off)


class NoKnowledge:
    """Knows nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None

    async def search(self, query: str, limit: int) -> Sequence[Passage]:
        """See the port."""
        await Pause()
        return ()


class People:
    """The contacts and the agents: all that they will do is planned at the start."""

    def __init__(self, host: Host, ask_desk: Callable[[Event], None]) -> None:
        self._host = host
        self._ask_desk = ask_desk
        self._written = 0
        self.ends_after = 0.0
        for number in range(host.rng.choice((1, 1, 2, 3))):
            self._plan_contact(f"1555010{number:04}")

    def _plan_contact(self, phone: str) -> None:
        rng, after = self._host.rng, self._host.rng.uniform(0.0, 5.0)
        began_at = after
        for _ in range(rng.randint(3, 10)):
            act = rng.choices(
                (self._text, self._burst, self._short, self._media, self._tap, self._robot, self._change, self._odd),
                weights=(8, 4, 5, 2, 2, 1, 2, 1),
            )[0]
            after = max(after, act(phone, after))
            after += rng.choice((0.5, 4.0, 20.0, 20.0, 150.0, 700.0)) * rng.uniform(0.5, 1.5)
            if rng.random() < 0.06:
                after += 90_000.0
        for _ in range(rng.choice((0, 1, 3, 6, 9))):
            self._plan_agent(phone, rng.uniform(began_at, min(after + 60.0, began_at + 4_000.0)))
        if rng.random() < 0.1:
            after += rng.uniform(86_000.0, 87_000.0)
            self._plan_agent(phone, after)
        self.ends_after = max(self.ends_after, after)

    def _later(self, after: float, run: Callable[[], None]) -> None:
        self._host.at(after, run)

    # What contacts do; each says when it is done

    def _say(self, phone: str, after: float, content: Content) -> MessageReceived:
        """Plan one message; it comes by webhook, now and then late or twice."""
        host = self._host
        self._written += 1
        sent_at = host.clock.now() + timedelta(seconds=after)
        wamid = f"wamid.in.{self._written}"
        event = MessageReceived(
            id=identify(CHANNEL, "message", wamid),
            at=sent_at,
            channel=CHANNEL,
            contact=_contact(phone),
            provider_message_id=wamid,
            sent_at=sent_at,
            content=content,
        )

        def write() -> None:
            host.note(phone, f"writes {wamid} {content}")
            host.ledger.wrote_at[phone] = sent_at
            delay = host.rng.uniform(1.0, 90.0) if host.faults.strike("delayed delivery") else 0.05
            host.at(delay, lambda: host.deliver((event,)))
            if host.faults.strike("duplicate delivery"):
                host.at(host.rng.uniform(0.0, 60.0), lambda: host.deliver((event,)))

        self._later(after, write)
        return event

    def _text(self, phone: str, after: float) -> float:
        is_poisoned = self._host.faults.strike("rules broken")
        self._say(phone, after, Text(body=POISON if is_poisoned else f"What does delivery {self._written} cost?"))
        return after

    def _short(self, phone: str, after: float) -> float:
        words = self._host.rng.choice(("hi", "agent please", "a human!", "ok", "thanks", "operator"))
        self._say(phone, after, Text(body=words))
        return after

    def _burst(self, phone: str, after: float) -> float:
        for number in range(self._host.rng.randint(2, 5)):
            self._say(phone, after, Text(body=f"and {self._written} {'then ' * number}?"))
            after += self._host.rng.uniform(0.05, 1.9)
        return after

    def _media(self, phone: str, after: float) -> float:
        caption = self._host.rng.choice((None, "is this mine?"))
        self._say(phone, after, Media(kind="image", media_id=f"media.{self._written}", caption=caption))
        return after

    def _tap(self, phone: str, after: float) -> float:
        self._say(phone, after, Choice(id="hours", title="Opening hours"))
        return after

    def _robot(self, phone: str, after: float) -> float:
        rng = self._host.rng
        every, words = rng.choice((2.0, 9.0)), rng.choice(("Thank you for your message!", ""))
        for number in range(rng.randint(6, 10)):
            self._say(phone, after, Text(body=words or f"Ticket {number}"))
            after += every
        return after

    def _change(self, phone: str, after: float) -> float:
        """Write, then edit or delete it."""
        rng = self._host.rng
        event = self._say(phone, after, Text(body=f"Do you have size {self._written}?"))
        after += rng.choice((0.4, 1.2, 3.0, 60.0))
        common: dict[str, Any] = {
            "id": identify(CHANNEL, "change", event.provider_message_id),
            "at": event.at,
            "channel": CHANNEL,
            "contact": event.contact,
            "provider_message_id": event.provider_message_id,
        }
        changed: Event = (
            MessageRevoked(**common)
            if rng.random() < 0.5
            else MessageEdited(**common, content=Text(body=f"Do you have colour {self._written}?"))
        )
        self._later(after, lambda: self._host.deliver((changed,)))
        return after

    def _odd(self, phone: str, after: float) -> float:
        if self._host.rng.random() < 0.5:
            self._say(phone, after, Reaction(provider_message_id="wamid.1", emoji="👍"))
            return after
        called = CallEnded(
            id=identify(CHANNEL, "call", phone, str(after)),
            at=self._host.clock.now(),
            channel=CHANNEL,
            contact=_contact(phone),
            call_id=str(after),
            called_at=self._host.clock.now(),
        )
        self._later(after, lambda: self._host.deliver((called,)))
        return after

    # What people at the business do

    def _plan_agent(self, phone: str, after: float) -> None:
        rng = self._host.rng
        kind = rng.choice((AgentReplied, AgentReplied, *[Released] * 5, Resolved, Assigned, HandedOff, NoteAdded))
        if rng.random() < 0.2:
            echoed = AgentEchoed(
                id=identify(CHANNEL, "echo", phone, str(after)),
                at=self._host.clock.now(),
                channel=CHANNEL,
                contact=_contact(phone),
                provider_message_id=f"wamid.echo.{phone}.{after}",
                content=Text(body="Asha here, one moment"),
            )
            self._later(after, lambda: self._host.deliver((echoed,)))
            return
        self._later(after, lambda: self._act(phone, kind, identify("desk", phone, str(after))))
        if rng.random() < 0.7:
            self._later(
                after + rng.uniform(1.0, 90.0), lambda: self._act(phone, Released, identify("free", str(after)))
            )

    def _act(self, phone: str, kind: type[Any], event_id: str) -> None:
        states = self._host.ledger.states.values()
        known = next((state.id for state in states if Address("phone", phone) in state.addresses), None)
        if known is None:
            return
        fields: dict[type[Any], dict[str, object]] = {
            AgentReplied: {"agent": "asha", "content": Text(body="Asha here")},
            Assigned: {"agent": "asha"},
            HandedOff: {"reason": "by hand"},
            NoteAdded: {"agent": "asha", "body": "a regular"},
        }
        event: Event = kind(
            id=event_id, at=self._host.clock.now(), channel=CHANNEL, conversation_id=known, **fields.get(kind, {})
        )
        self._ask_desk(event)


def _contact(phone: str) -> Contact:
    return Contact(addresses=(Address("phone", phone),), name="Mira")


def told_now(event: Event, clock: ManualClock) -> Event:
    """The same fact, learned now."""
    return msgspec.structs.replace(event, at=clock.now())


Sleep = Callable[[float], Awaitable[None]]
