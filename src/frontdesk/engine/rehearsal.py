"""A recorded conversation under other flows, from its start: what would have been said and asked instead.

What the contact and people did stays as it was recorded. What the world answered (hosts, the model, timers) counts only
where the other flows ask for the same: the same call, a draft for the same task, a timer of the same kind. Anything
else that was recorded is left out and told, and what nobody answered stays unanswered.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.decide import decide
from frontdesk.core.effect import CallHttp, DraftReply, Effect, NotifyDesk, SendMessage, WakeAt, kind_of
from frontdesk.core.event import Event, MessageReceived, Outcome
from frontdesk.core.flow import Book, UnknownBook
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.core.transcript import as_text
from frontdesk.ports import JournalEntry


class Rehearsed(Struct, frozen=True, kw_only=True):
    """One decision. `about`: what the contact wrote, "" where they did not; what was said and asked, and would be."""

    seq: int
    event_type: str
    about: str
    recorded: tuple[str, ...]
    rehearsed: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether anybody would have noticed."""
        return self.recorded != self.rehearsed


class LeftOut(Struct, frozen=True, kw_only=True):
    """A recorded outcome of something that would not have been asked for."""

    seq: int
    event_type: str
    of: str


class Rehearsal(Struct, frozen=True, kw_only=True):
    """The whole conversation; `state` is where it would have ended."""

    version: str
    decisions: tuple[Rehearsed, ...]
    left_out: tuple[LeftOut, ...]
    state: Conversation


async def rehearse(journal: AsyncIterator[JournalEntry], stored: Conversation, policy: Policy, book: Book) -> Rehearsal:
    """Decide the journal again as if `book` had been in force all the time."""
    rehearsing = _Rehearsing(stored, policy, book)
    async for entry in journal:
        rehearsing.take(entry)
    return Rehearsal(
        version=book.version,
        decisions=tuple(rehearsing.decisions),
        left_out=tuple(rehearsing.left_out),
        state=rehearsing.state,
    )


class _Shelf:
    """One version only."""

    def __init__(self, book: Book) -> None:
        self._book = book

    def book(self, version: str) -> Book:
        if version != self._book.version:
            raise UnknownBook(version)
        return self._book

    def shows_buttons(self, _channel: str) -> bool:
        return True


class _Rehearsing:
    """`_asked` is what was recorded as asked for, `_waiting` what the other flows asked for and nobody answered yet."""

    def __init__(self, stored: Conversation, policy: Policy, book: Book) -> None:
        self.state = Conversation(id=stored.id, channel=stored.channel)
        self.decisions: list[Rehearsed] = []
        self.left_out: list[LeftOut] = []
        self._policy = policy
        self._book = book
        self._shelf = _Shelf(book)
        self._asked: dict[str, Effect] = {}
        self._waiting: dict[str, Effect] = {}

    def take(self, entry: JournalEntry) -> None:
        self._asked.update((effect.id, effect) for effect in entry.effects)
        event: Event | None = entry.event
        tag = str(entry.event.__struct_config__.tag)
        if isinstance(entry.event, Outcome):
            event = self._outcome(entry.event)
            if event is None:
                asked = self._asked.get(entry.event.effect_id)
                of = _told(asked) if asked else entry.event.effect_id
                self.left_out.append(LeftOut(seq=entry.seq, event_type=tag, of=of))
        effects = self._decide(event) if event is not None else ()
        about = as_text(entry.event.content) if isinstance(entry.event, MessageReceived) else ""
        recorded, rehearsed = tuple(_visible(entry.effects)), tuple(_visible(effects))
        if recorded or rehearsed or about:
            self.decisions.append(
                Rehearsed(seq=entry.seq, event_type=tag, about=about, recorded=recorded, rehearsed=rehearsed)
            )

    def _outcome(self, event: Outcome) -> Event | None:
        """The outcome as that of what the other flows asked for in its place; None where they did not."""
        asked = self._asked.get(event.effect_id)
        if asked is None:
            return None
        same = self._waiting.get(event.effect_id)
        place = same if same is not None and _key(same) == _key(asked) else None
        place = place or next((one for one in self._waiting.values() if _key(one) == _key(asked)), None)
        if place is None:
            return None
        if event.__struct_config__.tag != "effect_postponed":
            del self._waiting[place.id]
        renamed: Event = msgspec.structs.replace(event, effect_id=place.id)  # type: ignore[assignment]  # of its kind
        return renamed

    def _decide(self, event: Event) -> tuple[Effect, ...]:
        stamped = msgspec.structs.replace(event, flows=self._book.version)
        decision: Decision = decide(self.state, stamped, self._policy, self._shelf)
        self.state = decision.conversation
        self._waiting = {known: one for known, one in self._waiting.items() if kind_of(one) not in decision.withdrawn}
        self._waiting.update((effect.id, effect) for effect in decision.effects)
        return decision.effects


def _key(effect: Effect) -> tuple[str, ...]:
    """What makes the world's answer to one effect that to another."""
    match effect:
        case CallHttp():
            return "call", effect.host, effect.method, effect.path, effect.body
        case DraftReply():
            return "draft", effect.prompt.task
        case SendMessage():
            return "send", effect.author
        case _:
            return (kind_of(effect),)


def _visible(effects: tuple[Effect, ...]) -> Iterator[str]:
    """What contacts, hosts, the model and people notice."""
    return (_told(effect) for effect in effects if isinstance(effect, SendMessage | CallHttp | DraftReply | NotifyDesk))


def _told(effect: Effect) -> str:
    match effect:
        case SendMessage():
            return f"{effect.author} says: {as_text(effect.content)}"
        case CallHttp():
            return f"asks host {effect.host}: {effect.method} {effect.path} {effect.body}".rstrip()
        case DraftReply():
            return f"asks the model to {effect.prompt.task}: {effect.prompt.question}".rstrip(": ")
        case NotifyDesk():
            return f"tells people: {effect.reason}"
        case WakeAt():
            return f"a timer ({effect.purpose})"
        case _:
            return str(effect.__struct_config__.tag)
