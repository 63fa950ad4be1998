"""What every store promises that can be moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, Self

import msgspec
import pytest

from frontdesk.archive import Archive, Movable
from frontdesk.core.archive import PARTS, Key, Mark, Part, Record, StoredAddress, StoredEffect, Tally
from frontdesk.core.effect import DraftReply, SendMessage, WakeAt
from frontdesk.core.event import AgentEchoed, CallEnded, ConsentChanged, HandedOff, MessageEdited, NoteAdded
from frontdesk.core.message import Media, MessageStatus, Text
from frontdesk.core.money import Caps
from frontdesk.engine.moving import Moved, Step, move, reopen
from frontdesk.plugin import ConfigError
from frontdesk.ports import Notice, Store, StoreUnavailable
from frontdesk.testing.contracts.books import SOURCES, everybody, run_on, standing_on
from frontdesk.testing.contracts.ledger import asked, hold_for, paid
from frontdesk.testing.contracts.outbox import LEASE, rules
from frontdesk.testing.doubles import ManualClock
from frontdesk.testing.examples import CHANNEL, PHONE, fired, postponed, replied, succeeded, told, unknown, wrote

StoreAt = Callable[[], Any]
"""Builds a store, not opened yet, at one place; again and again the same place."""


def is_quiet(_step: Step) -> None:
    """Shows nothing."""


async def live(store: Store, clock: ManualClock) -> None:
    """Fill a store with something of everything: all states of the outbox, a lane that waits, an address that changed
    hands, a status that came too early, versions of flows, who stands in one, words that databases do not like."""
    for number in range(12):
        clock.advance(1.000_001)
        await store.apply(wrote(f"Question {number}?\0👩‍🌾", clock.now(), phone=f"155501{number:04}"), rules)
    first, second, *others = await store.claim(LEASE, 6)
    await store.apply(succeeded(first, clock.now(), "wamid.sent"), rules)
    await store.apply(told(MessageStatus.DELIVERED, clock.now(), "wamid.sent"), rules)
    await store.apply(unknown(second, clock.now()), rules)
    await store.apply(postponed(others[0], clock.now(), 3_600), rules)
    await store.apply(told(MessageStatus.READ, clock.now(), "wamid.early"), rules)
    for text in ("Asha here", "One moment", "It is on its way"):
        await store.apply(replied(others[1].conversation_id, text, clock.now()), rules)
    before = wrote("my order is 99", clock.now(), scoped_id="US.1")
    await store.apply(before, rules)
    await store.apply(wrote("hi", clock.now(), scoped_id="US.2"), rules)
    about: Any = {"at": clock.now(), "channel": CHANNEL}
    contact: Any = {**about, "contact": before.contact}
    known = others[2].conversation_id
    photo = Media(kind="image", media_id="7", mime_type="image/png", caption="“broken”")
    for event in (
        wrote(photo, clock.now(), phone="1555020"),
        NoteAdded(id="note", conversation_id=known, agent="asha", body="VIP\0", **about),
        HandedOff(id="handed", conversation_id=known, reason="asked", **about),
        CallEnded(id="call", call_id="c", called_at=clock.now(), **contact),
        ConsentChanged(id="consent", category="marketing", is_granted=False, **contact),
        AgentEchoed(id="echo", provider_message_id="wamid.echo", content=Text(body="by phone"), **contact),
        MessageEdited(
            id="edit", provider_message_id=before.provider_message_id, content=Text(body="order 98"), **contact
        ),
    ):
        await store.apply(event, rules)
    calm = Notice(id="calm", at=clock.now(), channel=CHANNEL, kind="security", text="t\0", raw="{}")
    await store.keep([calm, msgspec.structs.replace(calm, id="alarm", is_alarm=True)])
    await store.apply(wrote("menu", clock.now(), phone="1555030"), standing_on(run_on("v1")))
    await store.keep_book("v1", SOURCES)
    await store.keep_book("v2", {})
    await spend(store, clock)


async def spend(store: Store, clock: ManualClock) -> None:
    """Drafts that were paid for, and one that is being asked for."""
    await store.apply(wrote("And you?", clock.now(), phone="1555040"), rules)
    clock.advance(60)
    for claim in await store.claim(timedelta(seconds=1), 100):
        if isinstance(claim.effect, WakeAt) and claim.effect.purpose == "burst":
            await store.apply(fired(claim, clock.now()), rules)
    drafts = [one for one in await store.claim(timedelta(seconds=1), 100) if isinstance(one.effect, DraftReply)]
    for claim in drafts:
        await store.reserve(hold_for(claim, clock.now(), 10**12 + 1), Caps())
    await store.apply(paid(drafts[0], clock.now(), asked("0.000000001", "half \0 a word"), asked("1.5")), rules)
    clock.advance(2)


async def everything(archive: Archive, limit: int = 1_000) -> dict[Part, list[Record]]:
    """All records, read in pieces."""
    found: dict[Part, list[Record]] = {}
    for part in PARTS:
        found[part], after = [], None
        while records := await archive.dump(part, after, limit):
            found[part] += records
            after = records[-1].key
    return found


def by_key(found: dict[Part, list[Record]]) -> dict[Part, list[Record]]:
    """The same in an order that is nobody's own."""
    return {part: sorted(records, key=lambda one: one.key) for part, records in found.items()}


class Fuse:
    """Burns through after some writes, to either side: then the process is as good as dead."""

    def __init__(self, writes: int) -> None:
        self._writes = writes

    def burn(self) -> None:
        if not self._writes:
            raise StoreUnavailable("the cable was pulled")
        self._writes -= 1


class Frail:
    """An archive with a fuse, that hands out few records at once, and loses one of each piece if it is told to."""

    def __init__(self, archive: Archive, fuse: Fuse, *, loses: bool = False) -> None:
        self._archive = archive
        self._fuse = fuse
        self._loses = loses

    def __getattr__(self, name: str) -> Any:
        return getattr(self._archive, name)

    @property
    def place(self) -> str:
        return self._archive.place

    async def dump(self, part: Part, after: Key | None, limit: int) -> Sequence[Record]:
        return await self._archive.dump(part, after, min(limit, 7))

    async def set_mark(self, mark: Mark | None) -> None:
        self._fuse.burn()
        await self._archive.set_mark(mark)

    async def restore(self, part: Part, records: Sequence[Record], mark: Mark) -> None:
        self._fuse.burn()
        await self._archive.restore(part, records[self._loses :], mark)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return None


class ArchiveContract:
    """The promises of `frontdesk.ports.Movable` and `Archive`. A subclass adds the fixtures `source` and `target`: two
    places, both empty, where stores that read `clock` can be built."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture
    def clock(self) -> ManualClock:
        """The stores' clock."""
        return ManualClock()

    @pytest.fixture
    async def lived(self, source: StoreAt, clock: ManualClock) -> StoreAt:
        """The source, with something of everything in it."""
        async with source() as store:
            await live(store, clock)
        return source

    async def move(
        self, source: Movable, target: Movable, clock: ManualClock, writes: int = 1_000, *, loses: bool = False
    ) -> Moved:
        """Move from the one to the other; after so many writes it dies."""
        fuse = Fuse(writes)
        async with source.archive(is_target=False) as leaving, target.archive(is_target=True) as arriving:
            return await move(Frail(leaving, fuse), Frail(arriving, fuse, loses=loses), clock, is_quiet)

    async def read(self, store: Movable) -> dict[Part, list[Record]]:
        """All that a store holds."""
        async with store.archive(is_target=False) as archive:
            return await everything(archive)

    async def test_something_of_everything_is_there_to_be_moved(self, lived: StoreAt) -> None:
        found = await self.read(lived())
        assert all(found.values())
        states = {one.state for one in found["outbox"] if isinstance(one, StoredEffect)}
        assert states == {"pending", "waiting", "started", "unknown"}
        assert any(isinstance(one, StoredAddress) and one.previous_conversation_id for one in found["addresses"])

    async def test_pieces_of_any_size_give_every_record_once(self, lived: StoreAt) -> None:
        async with lived().archive(is_target=False) as archive:
            whole = await everything(archive)
            assert await everything(archive, 3) == whole
            for part, records in whole.items():
                assert len({one.key for one in records}) == len(records) == await archive.count(part)

    async def test_what_arrives_is_what_left(self, lived: StoreAt, target: StoreAt, clock: ManualClock) -> None:
        before = await self.read(lived())
        found = await self.move(lived(), target(), clock)
        assert found.is_equal
        assert by_key(await self.read(target())) == by_key(before) == by_key(await self.read(lived()))

    async def test_a_piece_that_is_repeated_changes_nothing(
        self, lived: StoreAt, target: StoreAt, clock: ManualClock
    ) -> None:
        before = await self.read(lived())
        mark = Mark(state="arriving", move="m", other="elsewhere", at=clock.now())
        async with target().archive(is_target=True) as archive:
            await archive.set_mark(mark)
            for _ in range(2):
                for part in PARTS:
                    await archive.restore(part, before[part], mark)
            assert by_key(await everything(archive)) == by_key(before)
            assert await archive.mark() == mark

    async def test_the_checksum_tells_the_smallest_difference(self, lived: StoreAt) -> None:
        found = await self.read(lived())
        for part, records in found.items():
            whole, shuffled, changed = Tally(), Tally(), Tally()
            whole.add(records)
            shuffled.add(reversed(records))
            has_channel = part not in ("journal", "books", "charges", "holds", "totals")
            changed.add([*records[1:], msgspec.structs.replace(records[0], channel="other")] if has_channel else [])
            assert whole.checksum == shuffled.checksum != changed.checksum

    async def test_conversations_go_on_in_the_new_place(
        self, lived: StoreAt, target: StoreAt, clock: ManualClock
    ) -> None:
        async with lived() as store:
            ids = [one.id for one in await store.conversations(100)]
            past = {known: await store.messages(known) for known in ids}
            journal = {known: [entry async for entry in store.journal(known)] for known in ids}
            mine, told_to = await store.find(CHANNEL, PHONE), (await store.backlog()).states
            standing = await everybody(store)
        await self.move(lived(), target(), clock)
        async with target() as store:
            assert {known: await store.messages(known) for known in ids} == past
            assert {known: [entry async for entry in store.journal(known)] for known in ids} == journal
            assert (await store.backlog()).states == told_to
            assert await everybody(store) == standing
            assert [one.run for one in standing.values()] == [run_on("v1")]
            assert await store.book("v1") == SOURCES
            decision = await store.apply(wrote("and one thing more", clock.now()), rules)
            assert decision is not None
            assert decision.conversation.id == mine
            assert [entry.seq async for entry in store.journal(mine)][-1] == len(journal[mine]) + 1
            assert await store.apply(journal[ids[0]][0].event, rules) is None

    async def test_a_lease_is_moved_and_its_effect_counts_as_interrupted(
        self, source: StoreAt, target: StoreAt, clock: ManualClock
    ) -> None:
        async with source() as store:
            decision = await store.apply(wrote("hi", clock.now()), rules)
            (held,) = await store.claim(LEASE, 10)
            await store.apply(replied(decision.conversation.id, "Asha here", clock.now()), rules)
        await self.move(source(), target(), clock)
        clock.advance(LEASE.total_seconds() + 1)
        async with target() as store:
            (again,) = await store.claim(LEASE, 10)
            assert (again.effect, again.attempt, again.is_interrupted) == (held.effect, held.attempt + 1, True)
            await store.apply(unknown(held, clock.now()), rules)
            assert (await store.renew([again], LEASE)) == {again.effect.id}
            await store.apply(succeeded(again, clock.now(), "wamid.1"), rules)
            (then,) = [one for one in await store.claim(LEASE, 10) if isinstance(one.effect, SendMessage)]
            assert then.effect.content == Text(body="Asha here")

    async def test_neither_is_served_before_the_end_and_the_source_not_after(
        self, lived: StoreAt, target: StoreAt, clock: ManualClock
    ) -> None:
        with pytest.raises(StoreUnavailable, match="the cable was pulled"):
            await self.move(lived(), target(), clock, writes=5)
        for store in (lived(), target()):
            with pytest.raises(ConfigError, match=r"is not finished; run frontdesk migrate-storage again"):
                await store.__aenter__()
        assert (await self.move(lived(), target(), clock)).is_equal
        with pytest.raises(ConfigError, match=r"was moved to .* at 2026-11-01 .*--reopen"):
            await lived().__aenter__()
        async with target() as store:
            await store.check()

    @pytest.mark.parametrize("writes", [1, 2, 5])
    async def test_a_move_that_dies_between_any_two_writes_goes_on(
        self, lived: StoreAt, target: StoreAt, clock: ManualClock, writes: int
    ) -> None:
        before, found, runs = await self.read(lived()), None, 0
        while found is None:
            runs += 1
            assert runs < 50
            with suppress(StoreUnavailable):
                found = await self.move(lived(), target(), clock, writes)
                continue
            for store in (lived(), target()) if runs > 2 else (lived(),):
                with pytest.raises(ConfigError, match=r"is not finished|was moved to"):
                    await store.__aenter__()
        assert found.is_equal
        assert by_key(await self.read(target())) == by_key(before)

    async def test_what_differs_is_told_and_cannot_be_used(
        self, lived: StoreAt, target: StoreAt, clock: ManualClock
    ) -> None:
        found = await self.move(lived(), target(), clock, loses=True)
        assert not found.is_equal
        with pytest.raises(ConfigError, match=r"is not the same as .*name an empty store instead"):
            await target().__aenter__()
        with pytest.raises(ConfigError, match="is not the same as"):
            await self.move(lived(), target(), clock)
        async with lived() as store:
            await store.check()

    async def test_two_stores_are_never_mixed(self, lived: StoreAt, target: StoreAt, clock: ManualClock) -> None:
        async with target() as store:
            await store.apply(wrote("hi", clock.now(), phone="1777"), rules)
        with pytest.raises(ConfigError, match="is not empty, and a move never mixes two stores; name an empty one"):
            await self.move(lived(), target(), clock)
        async with lived() as store:
            await store.check()

    async def test_the_target_of_another_move_is_refused(
        self, lived: StoreAt, target: StoreAt, clock: ManualClock
    ) -> None:
        with pytest.raises(StoreUnavailable):
            await self.move(lived(), target(), clock, writes=3)
        async with lived().archive(is_target=False) as archive:
            assert (await reopen(archive)).state == "leaving"
        async with lived() as store:
            await store.apply(wrote("meanwhile", clock.now()), rules)
        with pytest.raises(ConfigError, match="is not finished"):
            await self.move(lived(), target(), clock)

    async def test_what_was_moved_is_served_again_only_when_it_is_reopened(
        self, lived: StoreAt, target: StoreAt, clock: ManualClock
    ) -> None:
        await self.move(lived(), target(), clock)
        async with lived().archive(is_target=False) as archive:
            await reopen(archive)
            with pytest.raises(ConfigError, match="was not moved"):
                await reopen(archive)
        async with lived() as store:
            assert await store.claim(timedelta(seconds=1), 1) is not None
            await store.check()

    async def test_what_is_served_is_not_moved(self, lived: StoreAt, target: StoreAt, clock: ManualClock) -> None:
        async with lived():
            with pytest.raises(ConfigError, match="stop it"):
                await self.move(lived(), target(), clock)
        async with target():
            with pytest.raises(ConfigError, match="stop it"):
                await self.move(lived(), target(), clock)
        assert (await self.move(lived(), target(), clock)).is_equal

    async def test_nobody_else_moves_it_at_the_same_time(self, lived: StoreAt) -> None:
        async with lived().archive(is_target=False):
            with pytest.raises(ConfigError, match=r"stop it|wait for its end"):
                await lived().archive(is_target=False).__aenter__()
