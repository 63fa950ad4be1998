"""What the service asks of the world: channels, a language model, knowledge, a store, a signal, a clock.

What may go wrong is part of the ports and stands in `failures`, which this module gives on; what a store does to be
moved to another place stands in `archive`. Everything that a provider opens it opens in `__aenter__` and closes in
`__aexit__`; building one does no I/O.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from typing import Protocol, Self, TypeAlias, runtime_checkable

from msgspec import UNSET, Struct, UnsetType

from frontdesk.core.conversation import Conversation
from frontdesk.core.effect import Effect
from frontdesk.core.event import Address, Event, ModelCall, Usage
from frontdesk.core.message import Content, Media, Message
from frontdesk.core.plan import Decision
from frontdesk.core.position import Run
from frontdesk.core.prompt import Passage, Prompt
from frontdesk.core.tool import ToolCall
from frontdesk.failures import (
    Concerns as Concerns,
    OutcomeUnknown as OutcomeUnknown,
    PermanentFailure as PermanentFailure,
    ProviderFailure as ProviderFailure,
    RequestRefused as RequestRefused,
    StoreUnavailable as StoreUnavailable,
    TemporaryFailure as TemporaryFailure,
)
from frontdesk.money import Ledger

Decide: TypeAlias = Callable[[Conversation, Event], Decision]


class WebhookRequest(Struct, frozen=True, kw_only=True):
    """A request as it came: header names in lower case, the body's bytes untouched. `part`: what stands behind the
    channel's name in the address, for vendors that call several addresses (`/webhooks/main/status`)."""

    method: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    part: str = ""


WRONG_NUMBER = "wrong_number"


class Notice(Struct, frozen=True, kw_only=True):
    """Something to keep and show that belongs to no conversation: the account's news, a field nobody knows
    (`kind` = the vendor's field), a body that cannot be read (`quarantine`), posts whose fields are not where they
    should be (`mapping`), news of a number that is not the channel's (`WRONG_NUMBER`), an event on which the rules
    failed (`dead_letter`). `is_alarm`: a person has to act."""

    id: str
    at: datetime
    channel: str
    kind: str
    text: str
    raw: str = ""
    is_alarm: bool = False


class Received(Struct, frozen=True, kw_only=True):
    """What a request held, and the words it is answered with (status 200, plain text). `troubles`: what is wrong with
    the way in, by the part of it, as a sentence with its cure; "" where that part works (again)."""

    events: tuple[Event, ...] = ()
    notices: tuple[Notice, ...] = ()
    answer: str = ""
    troubles: dict[str, str] | UnsetType = UNSET


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


@runtime_checkable
class LooksUp(Protocol):
    """A channel whose vendor can be asked what became of a message."""

    async def look_up(self, message: OutgoingMessage, sent_at: datetime) -> Received:
        """What became of a message that was sent at or after `sent_at` and of which no answer came: statuses that bear
        its reference, or nothing where the vendor does not know for certain. Raises TemporaryFailure or
        PermanentFailure."""


@runtime_checkable
class Polls(Protocol):
    """A channel whose vendor can be asked what its webhooks should have told."""

    @property
    def poll_seconds(self) -> float:
        """How often to ask; 0.0: not at all."""

    async def poll(self) -> Received:
        """What happened lately. Facts have the same ids as those of webhooks. Raises TemporaryFailure or
        PermanentFailure."""


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


@runtime_checkable
class Knowledge(Protocol):
    """What the business knows, in passages."""

    async def search(self, query: str, limit: int, scope: Sequence[str] = ()) -> Sequence[Passage]:
        """The best passages for any text a contact may write, best first; none where nothing matches. `scope`: the
        files that may be used (their paths below the folder, with slashes); empty for all. Raises StoreUnavailable
        where the index cannot be asked now."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


class KnowledgeFile(Struct, frozen=True, kw_only=True):
    """A file of the folder as an index knows it. `digest` is of the content whose passages are kept, "" where there are
    none. `trouble`: why the content with the digest `refused` could not be used, with the cure; what was kept before
    stays."""

    name: str
    digest: str = ""
    passages: int = 0
    indexed_at: datetime | None = None
    refused: str = ""
    trouble: str = ""


@runtime_checkable
class KnowledgeIndex(Protocol):
    """A knowledge search that the service gives its passages: it watches the folder and reads the files. What is kept
    can be made again from the files at any time."""

    @property
    def trouble(self) -> str:
        """Why the search works less well than it should, as one sentence with the cure, or ""."""

    def indexing(self) -> AbstractAsyncContextManager[None]:
        """To be the only one, in all processes, who changes the index; waits for it. Raises StoreUnavailable."""

    async def files(self) -> Sequence[KnowledgeFile]:
        """Every file that was put or refused, by name. Raises StoreUnavailable, as all below."""

    async def put(self, file: KnowledgeFile, passages: Sequence[Passage]) -> None:
        """Keep a file with its passages instead of those it had, all or nothing."""

    async def refuse(self, name: str, *, digest: str, trouble: str) -> None:
        """Remember that a file's content cannot be used. The passages it had stay."""

    async def remove(self, names: Collection[str]) -> None:
        """Forget files with all their passages."""

    async def embed(self, told: Callable[[int, int], None]) -> None:
        """Compute what a search by meaning needs, for passages that lack it; `told` how many of how many there are.
        Nothing where that is not configured. Raises ProviderFailure."""


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


class Store(Ledger, Protocol):
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

    def conversations_on(self, channel: str) -> AsyncIterator[Conversation]:
        """Every conversation whose messages leave by that channel, by their ids."""

    def standing(self) -> AsyncIterator[Standing]:
        """Who has a flow under way, in no particular order; costs nothing for those who have not."""

    async def backlog(self) -> Backlog:
        """What is not settled yet."""

    async def check(self) -> None:
        """Whether a write would be taken now. Raises StoreUnavailable."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


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
