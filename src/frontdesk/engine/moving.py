"""Moves everything from one store to another, in pieces, and can be killed at any moment.

The marks, in their order; whatever the moment, neither store can be served half moved, and running the move again goes
on where it stopped:

    source leaving               from now on nobody writes to it
    target arriving              only where it is empty; with every piece comes the key of its last record
    both are read back and compared
    source left, target free     the target may be served; the source refuses, until it is reopened

Where they differ the target is marked as useless and the source is free again.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from frontdesk.archive import Archive
from frontdesk.core.archive import PARTS, Mark, Part, Tally
from frontdesk.plugin import ConfigError
from frontdesk.ports import Clock

PIECE = 500
"""Records in memory, and in one transaction."""


class Step(Struct, frozen=True, kw_only=True):
    """How far a part has come. `work`: it is copied, or read back from one of the two."""

    work: str
    part: Part
    done: int
    total: int


class Comparison(Struct, frozen=True, kw_only=True):
    """A part as it was read back from both sides."""

    part: Part
    source_count: int
    source_checksum: str
    target_count: int
    target_checksum: str

    @property
    def is_equal(self) -> bool:
        """Whether both hold the same records."""
        return (self.source_count, self.source_checksum) == (self.target_count, self.target_checksum)


class Moved(Struct, frozen=True, kw_only=True):
    """What a move came to."""

    source: str
    target: str
    is_equal: bool
    parts: tuple[Comparison, ...]


Tell = Callable[[Step], None]


async def move(source: Archive, target: Archive, clock: Clock, tell: Tell) -> Moved:
    """Move, or go on with a move that was interrupted. Raises ConfigError where one of the two may not be touched, and
    StoreUnavailable; then the move can be run again."""
    mark = await _begin(source, target, clock)
    for part in PARTS[PARTS.index(mark.part) :]:
        mark = await _copy(source, target, mark if mark.part == part else _at(mark, part), tell)
    parts = tuple([await _compare(source, target, part, tell) for part in PARTS])
    found = Moved(source=source.place, target=target.place, is_equal=all(one.is_equal for one in parts), parts=parts)
    if found.is_equal:
        leaving = await source.mark()
        if leaving is None or leaving.state != "left":
            await source.set_mark(Mark(state="left", move=mark.move, other=target.place, at=clock.now()))
        await target.set_mark(None)
    else:
        await target.set_mark(Mark(state="differs", move=mark.move, other=source.place, at=clock.now()))
        await source.set_mark(None)
    return found


async def reopen(source: Archive) -> Mark:
    """Take the mark off a store that was moved away, or whose move is given up; the mark. Raises ConfigError."""
    mark = await source.mark()
    if mark is None:
        raise ConfigError(f"{source.place} was not moved and can be served as it is; name the store that was moved")
    if mark.state in ("arriving", "differs"):
        raise ConfigError(mark.sentence(source.place))
    await source.set_mark(None)
    return mark


async def _begin(source: Archive, target: Archive, clock: Clock) -> Mark:
    """The target's mark, from which to go on."""
    leaving, arriving = await source.mark(), await target.mark()
    if leaving and leaving.state in ("arriving", "differs"):
        raise ConfigError(leaving.sentence(source.place))
    if arriving:
        if arriving.state == "arriving" and leaving and leaving.move == arriving.move:
            return arriving
        raise ConfigError(arriving.sentence(target.place))
    if leaving and (leaving.state == "left" or leaving.other != target.place):
        raise ConfigError(leaving.sentence(source.place))
    if not await target.is_empty():
        raise ConfigError(f"{target.place} is not empty, and a move never mixes two stores; name an empty one")
    if leaving is None:
        leaving = Mark(state="leaving", move=secrets.token_hex(8), other=target.place, at=clock.now())
        await source.set_mark(leaving)
    arriving = Mark(state="arriving", move=leaving.move, other=source.place, at=clock.now())
    try:
        await target.set_mark(arriving)
    except ConfigError:
        await source.set_mark(None)
        raise
    return arriving


def _at(mark: Mark, part: Part) -> Mark:
    return msgspec.structs.replace(mark, part=part, after=None)


async def _copy(source: Archive, target: Archive, mark: Mark, tell: Tell) -> Mark:
    """Copy what comes after the mark, of its part."""
    part, total = mark.part, await source.count(mark.part)
    done = await target.count(part) if mark.after else 0
    tell(Step(work="copied", part=part, done=done, total=total))
    while records := await source.dump(part, mark.after, PIECE):
        mark = msgspec.structs.replace(mark, after=records[-1].key)
        await target.restore(part, records, mark)
        done += len(records)
        tell(Step(work="copied", part=part, done=done, total=total))
    return mark


async def _compare(source: Archive, target: Archive, part: Part, tell: Tell) -> Comparison:
    before = await _tally(source, part, "read back from the source", tell)
    after = await _tally(target, part, "read back from the target", tell)
    return Comparison(
        part=part,
        source_count=before.count,
        source_checksum=before.checksum,
        target_count=after.count,
        target_checksum=after.checksum,
    )


async def _tally(archive: Archive, part: Part, work: str, tell: Tell) -> Tally:
    tally, after, total = Tally(), None, await archive.count(part)
    while records := await archive.dump(part, after, PIECE):
        tally.add(records)
        after = records[-1].key
        tell(Step(work=work, part=part, done=tally.count, total=total))
    return tally


def differences(found: Moved) -> Sequence[str]:
    """What differs, in words."""
    return [
        f"{one.part}: {one.source_count} records against {one.target_count}"
        if one.source_count != one.target_count
        else f"{one.part}: {one.source_count} records with another checksum"
        for one in found.parts
        if not one.is_equal
    ]
