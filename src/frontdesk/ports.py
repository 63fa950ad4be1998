"""What the service asks of the world: channels, a language model, knowledge, a store, a signal, a clock.

    ProviderFailure
      TemporaryFailure      try again later: throttled, 5xx before acceptance, could not connect
      PermanentFailure      do not: refused, outside the window, contact gone, bad template
      OutcomeUnknown        the request may have arrived: never repeat it blindly
    RequestRefused          a webhook request that is not answered with 200
    StoreUnavailable        the disk is full or the database away; nothing was written

Three failures of providers, because a worker can do three things. Everything that a provider opens it opens in
`__aenter__` and closes in `__aexit__`; building one does no I/O.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, Protocol, Self, TypeAlias, runtime_checkable

from msgspec import Struct

from frontdesk.core.archive import Key, Mark, Part, Record
from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import Effect
from frontdesk.core.event import Address, Event, ModelCall, Usage
from frontdesk.core.message import Content, Media, Message
from frontdesk.core.plan import Decision
from frontdesk.core.position import Run
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.core.tool import ToolCall

Decide: TypeAlias = Callable[[Conversation, Event], Decision]

Concerns: TypeAlias = Literal["message", "contact", "channel", "account"]


class ProviderFailure(Exception):
    """Something outside did not do what was asked. `code` is for programs. Of a language model: `usage` is what was
    used although no answer came, `calls` are the tries.

    `concerns` tells what has to slow down or be left alone. Of a channel: this message only, this contact, the whole
    channel (its rate is used up), or the account (barred until a person acts). Of a language model: this prompt, what
    the contact wrote (no other model is asked), this model, or the whole backend."""

    def __init__(
        self, reason: str, *, code: str = "", concerns: Concerns = "message", usage: Usage | None = None
    ) -> None:
        super().__init__(reason)
        self.code = code
        self.concerns = concerns
        self.usage = usage
        self.calls: tuple[ModelCall, ...] = ()


class TemporaryFailure(ProviderFailure):
    """Try again. `retry_after` seconds, where the vendor said."""

    def __init__(
        self,
        reason: str,
        *,
        code: str = "",
        retry_after: float | None = None,
        concerns: Concerns = "message",
        attempts_max: int | None = None,
        usage: Usage | None = None,
    ) -> None:
        super().__init__(reason, code=code, concerns=concerns, usage=usage)
        self.retry_after = retry_after
        self.attempts_max = attempts_max


class PermanentFailure(ProviderFailure):
    """Never try again. `needs_template`: only an approved template may still reach the contact."""

    def __init__(
        self,
        reason: str,
        *,
        code: str,
        needs_template: bool = False,
        concerns: Concerns = "message",
        usage: Usage | None = None,
    ) -> None:
        super().__init__(reason, code=code, concerns=concerns, usage=usage)
        self.needs_template = needs_template


class OutcomeUnknown(ProviderFailure):
    """The request went out and no answer that can be trusted came back."""


class RequestRefused(Exception):
    """A webhook request to be answered with `status` (4xx); the reason is for the log, never for the caller."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class StoreUnavailable(Exception):
    """The store cannot write now; nothing of what was asked was written. The cure stands in the message."""


class WebhookRequest(Struct, frozen=True, kw_only=True):
    """A request as it came: header names in lower case, the body's bytes untouched."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime


class Notice(Struct, frozen=True, kw_only=True):
    """Something to keep and show that belongs to no conversation: the account's news, a field nobody knows
    (`kind` = the vendor's field), a body that cannot be read (`quarantine`), an event on which the rules failed
    (`dead_letter`). `is_alarm`: a person has to act."""

    id: str
    at: datetime
    channel: str
    kind: str
    text: str
    raw: str = ""
    is_alarm: bool = False


class Received(Struct, frozen=True, kw_only=True):
    """What a request held, and the words it is answered with (status 200, plain text)."""

    events: tuple[Event, ...] = ()
    notices: tuple[Notice, ...] = ()
    answer: str = ""


class OutgoingMessage(Struct, frozen=True, kw_only=True):
    """A message to send. `reference` is the effect id, to be sent along so that statuses bring it back."""

    reference: str
    to: tuple[Address, ...]
    content: Content
    in_reply_to: str | None = None


class Sent(Struct, frozen=True, kw_only=True):
    """The vendor took it."""

    provider_message_id: str


class FetchedMedia(Struct, frozen=True, kw_only=True):
    """A file of a contact's, whole and within the limits."""

    body: bytes
    mime_type: str


class Channel(Protocol):
    """One connected account."""

    def receive(self, request: WebhookRequest) -> Received:
        """Verify and translate; pure. Every item on its own: one that cannot be read becomes `Unsupported` or a
        notice and never costs its siblings. Raises RequestRefused."""

    async def send(self, message: OutgoingMessage) -> Sent:
        """Hand one message to the vendor. Raises the three failures."""

    async def fetch(self, media: Media) -> FetchedMedia:
        """Download a contact's file by its `media_id`. Raises the three failures."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


@runtime_checkable
class MarksRead(Protocol):
    """A channel that has read marks and typing dots."""

    async def mark_read(self, provider_message_id: str, *, is_typing: bool) -> None:
        """Mark this message and all before it as read. Raises the three failures."""


class Completion(Struct, frozen=True, kw_only=True):
    """What the model said. `is_answer` false: it found nothing; `hands_off`: it asks for a person; `wants`: one of the
    prompt's tools first. `sources`: ids of what it was given, and `links`, for drafting to fill, what these link to.
    `calls`: see `ModelCall`; the ladder's to fill."""

    text: str
    is_answer: bool = True
    hands_off: bool = False
    model: str = ""
    usage: Usage | None = None
    sources: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    wants: ToolCall | None = None
    calls: tuple[ModelCall, ...] = ()


class LanguageModel(Protocol):
    """Drafts answers. No streaming: WhatsApp cannot show one."""

    async def complete(
        self,
        prompt: Prompt,
        passages: Sequence[Passage],
        *,
        conversation_id: str = "",
        within_seconds: float | None = None,
    ) -> Completion:
        """One answer to the prompt's question from the passages. `conversation_id` stands for the contact where a
        vendor wants to tell them apart; it leaves the house as a keyed hash only. The caller stops waiting after
        `within_seconds` and may ask again. Raises the three failures."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


@runtime_checkable
class HasModels(Protocol):
    """A language model's provider that can be asked for one model or another."""

    def by_model(self) -> Mapping[str, LanguageModel]:
        """A language model for each, the best first; they live in what is opened with this one."""


class Knowledge(Protocol):
    """What the business knows, in passages."""

    async def search(self, query: str, limit: int) -> Sequence[Passage]:
        """The best passages for any text a contact may write, best first; none where nothing matches."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


class Claim(Struct, frozen=True, kw_only=True):
    """An effect that this worker may perform until the lease ends. `attempt` is the fencing number, `failures` how
    often it failed so far. `is_interrupted`: an earlier claim ended without an outcome."""

    effect: Effect
    conversation_id: str
    channel: str
    attempt: int
    failures: int
    is_interrupted: bool


class JournalEntry(Struct, frozen=True, kw_only=True):
    """One decision as evidence. `seq` rises by one within a conversation, from 1."""

    seq: int
    event: Event
    effects: tuple[Effect, ...]


class Backlog(Struct, frozen=True, kw_only=True):
    """What is not settled: effects by state (`pending`, `waiting`, `started`, `unknown`), the due time of the oldest
    that could have been performed by now, and how many conversations are in the queue for a person."""

    states: Mapping[str, int]
    oldest_due_at: datetime | None = None
    waiting_for_people: int = 0


class ConversationSummary(Struct, frozen=True, kw_only=True):
    """A line in the list of conversations."""

    id: str
    channel: str
    name: str
    handler: str
    updated_at: datetime


class Standing(Struct, frozen=True, kw_only=True):
    """A conversation in which a flow is under way; `name` is the contact's."""

    conversation_id: str
    name: str
    run: Run


class Store(Protocol):
    """Keeps conversations, their messages, their journal, their pending effects, and the flows they were decided by.

    Two rules govern the outbox. A conversation's messages leave one at a time in decision order: a `SendMessage` is
    ready only when none before it is unsettled. And a claim is a lease: `ready_at` becomes its end, so what a dead
    worker held is ready again by itself, with a higher fencing number.

    What a decision withdraws is gone from the outbox, begun or not: the outcome of a withdrawn draft comes too late to
    count, and a crash does not ask the model again. A `SendMessage` that has begun is the exception: it may be out, so
    its outcome is still waited for.
    """

    async def apply(self, event: Event, decide: Decide) -> Decision | None:
        """Everything or nothing: drop what was seen, find and lock the conversation, settle the effect that the event
        answers, decide, keep state, messages, journal and effects. On disk when it returns. Of one conversation, events
        are decided in the order of the calls.

        None: seen before, an outcome of a claim that was overtaken, about a conversation that does not exist, or a
        status of a message not known yet (kept, and applied as soon as it is). Raises StoreUnavailable, and what
        `decide` raises; then nothing is written.
        """

    async def claim(self, lease: timedelta, limit: int) -> Sequence[Claim]:
        """Up to `limit` ready effects, the longest ready first. Raises StoreUnavailable."""

    async def renew(self, claims: Sequence[Claim], lease: timedelta) -> frozenset[str]:
        """Prolong leases; the ids of the effects that are still ours."""

    async def keep(self, notices: Sequence[Notice]) -> None:
        """Keep notices; one with a known id is dropped. Raises StoreUnavailable."""

    async def prune(self, before: datetime) -> None:
        """Forget statuses that never found their message and notices, where they are older than `before`."""

    async def notices(self, limit: int) -> Sequence[Notice]:
        """The newest notices first."""

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """The state as it stands."""

    async def conversations(self, limit: int) -> Sequence[ConversationSummary]:
        """The most recently changed first."""

    async def find(self, channel: str, address: str) -> str | None:
        """The id of the conversation that owns an address of any kind."""

    async def messages(self, conversation_id: str) -> Sequence[Message]:
        """All messages in the order in which they were decided."""

    def journal(self, conversation_id: str) -> AsyncIterator[JournalEntry]:
        """All decisions in order."""

    async def keep_book(self, version: str, sources: Mapping[str, str]) -> None:
        """Keep the files of a version of the flows, by name, for ever: conversations may stand on it, and a replay asks
        for it years later. A version that is known stays as it is. Raises StoreUnavailable."""

    async def book(self, version: str) -> Mapping[str, str] | None:
        """The files of that version; None where it was never kept. Raises StoreUnavailable."""

    def standing(self) -> AsyncIterator[Standing]:
        """Who has a flow under way, in no particular order; costs nothing for those who have not."""

    async def backlog(self) -> Backlog:
        """What is not settled yet."""

    async def check(self) -> None:
        """Whether a write would be taken now. Raises StoreUnavailable."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


class Archive(Protocol):
    """A store that is taken out of service to be copied whole, or to be filled. Open, it is nobody else's: nobody
    serves it, and nobody else moves it. What is marked cannot be written by anybody else either, a process that was
    asleep since before included."""

    @property
    def place(self) -> str:
        """Where it is, as `migrate-storage` takes it, without a password."""

    async def mark(self) -> Mark | None:
        """The mark of an earlier move."""

    async def set_mark(self, mark: Mark | None) -> None:
        """Set the mark, or take it off. Raises ConfigError where the store is served."""

    async def is_empty(self) -> bool:
        """Whether it holds no record of any part."""

    async def count(self, part: Part) -> int:
        """How many records a part has."""

    async def dump(self, part: Part, after: Key | None, limit: int) -> Sequence[Record]:
        """The next records of a part, in an order of the store's own that does not change; from the first where
        `after` is None."""

    async def restore(self, part: Part, records: Sequence[Record], mark: Mark) -> None:
        """Keep records of one part; those that are there already stay as they are. In the same transaction set the
        mark, which tells how far the move has come."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


@runtime_checkable
class Movable(Protocol):
    """A store that can be copied into another."""

    def archive(self, *, is_target: bool) -> Archive:
        """The same store, opened for a move instead of for serving. Only a target is created where there is none.
        Opening raises ConfigError where the store is served, away, or of another release."""


class Signal(Protocol):
    """What processes call out to one another: wake-ups, news for the desk, who is there, how often something was tried.

    Losing any of it is harmless: a lost wake-up costs a polling interval, lost words are announced by the word "", and
    limits are kept by each process on its own meanwhile. So nothing here raises because a server is away, `wake` and
    `publish` never wait for a network, and nothing grows without bound. What must be right is the store's.
    """

    @property
    def trouble(self) -> str:
        """Why processes do not hear one another now, as one sentence with the cure, or ""."""

    def wake(self, after_seconds: float = 0.0) -> None:
        """There may be work, now or after a span: a worker that waits, in this process or else in another, is woken."""

    async def wait(self, timeout_seconds: float) -> None:
        """Return at the next wake-up or after the time-out."""

    def publish(self, topic: str, word: str) -> None:
        """Tell every listener in every process. A word is an id, never what somebody wrote; "" stands for any word."""

    def listen(self, topic: str) -> AsyncIterator[str]:
        """The words from now on, as they come. "": some may have been lost, look at everything again. It ends with the
        signal; let go of it to stop listening."""

    async def enter(self, room: str, who: str, seconds: float) -> None:
        """Somebody is there for so long; repeating prolongs it."""

    async def leave(self, room: str, who: str) -> None:
        """Somebody is there no more."""

    async def present(self, room: str) -> frozenset[str]:
        """Who is there."""

    async def allow(self, key: str, limit: int, per_seconds: float) -> float:
        """Take one of `limit` tries within `per_seconds` (both more than zero). 0.0: taken. Otherwise the seconds after
        which there will be one; a refused try takes nothing."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


class Clock(Protocol):
    """The time."""

    def now(self) -> datetime:
        """Aware UTC."""
