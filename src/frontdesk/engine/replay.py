"""Decide a recorded conversation again and tell every difference."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import msgspec
from msgspec import Struct

from frontdesk.core.conversation import Conversation
from frontdesk.core.decide import decide
from frontdesk.core.effect import Effect
from frontdesk.core.event import Event
from frontdesk.core.flow import UnknownBook
from frontdesk.core.plan import Decision
from frontdesk.core.policy import Policy
from frontdesk.engine.library import NO_LIBRARY, BookLost, Borrowed, Shelf
from frontdesk.ports import JournalEntry, StoreUnavailable


class Difference(Struct, frozen=True, kw_only=True):
    """One entry of the journal that would be decided differently today: JSON lines of effects."""

    seq: int
    event_id: str
    event_type: str
    recorded: tuple[str, ...]
    replayed: tuple[str, ...]


class Replay(Struct, frozen=True, kw_only=True):
    """What a replay found. `state` is where it ended; `state_differs` whether the store has another one."""

    entries: int
    differences: tuple[Difference, ...]
    state: Conversation
    state_differs: bool

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs, to the byte."""
        return not self.differences and not self.state_differs


async def replay(
    journal: AsyncIterator[JournalEntry], stored: Conversation, policy: Policy, library: Shelf = NO_LIBRARY
) -> Replay:
    """Fold the journal from an empty conversation under `policy`, each event with the flows that were in force then,
    which the library finds in the store. An event on which the rules fail is a difference. Raises StoreUnavailable."""
    borrowed = Borrowed(library)
    state = Conversation(id=stored.id, channel=stored.channel)
    differences: list[Difference] = []
    count = 0
    async for entry in journal:
        count += 1
        try:
            decision = await decide_again(state, entry.event, policy, borrowed)
        except StoreUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 -- what production made a dead letter
            differences.append(_difference(entry, (f"the rules fail: {type(error).__name__}: {error}",)))
            continue
        state = decision.conversation
        replayed = tuple(_lines(decision.effects))
        if replayed != tuple(_lines(entry.effects)):
            differences.append(_difference(entry, replayed))
    return Replay(
        entries=count,
        differences=tuple(differences),
        state=state,
        state_differs=msgspec.json.encode(state) != msgspec.json.encode(stored),
    )


async def decide_again(state: Conversation, event: Event, policy: Policy, flows: Borrowed) -> Decision:
    """The decision about a recorded event, with the versions of the flows that it needs. Raises what the rules raise,
    BookLost and StoreUnavailable."""
    wanted: set[str] = set()
    while True:
        try:
            return decide(state, event, policy, flows)
        except UnknownBook as unknown:
            if unknown.version in wanted:
                raise BookLost(f"the rules do not find version {unknown.version} of the flows") from unknown
            wanted.add(unknown.version)
            await flows.fetch(unknown.version)


def _difference(entry: JournalEntry, replayed: tuple[str, ...]) -> Difference:
    return Difference(
        seq=entry.seq,
        event_id=entry.event.id,
        event_type=str(entry.event.__struct_config__.tag),
        recorded=tuple(_lines(entry.effects)),
        replayed=replayed,
    )


def _lines(effects: tuple[Effect, ...]) -> Iterator[str]:
    return (msgspec.json.encode(effect).decode() for effect in effects)
