"""What a store does to be moved to another place: a port of its own, for `migrate-storage` alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, Self, runtime_checkable

from frontdesk.core.archive import Key, Mark, Part, Record


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
