"""The versions of the flows that a process has at hand: the one in force, and those on which conversations still stand.

Every version is kept in the store before its first event is decided by it, so that whoever meets an event or a
conversation of a version that is not at hand finds it there: another process that was told of the change later, a
process that was started anew, a replay. `book` never waits, for it is asked in the middle of a decision; it raises
`UnknownBook`, and whoever asked for the decision loads the version and asks again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from frontdesk.core.flow import Book, Flows, NoFlows, UnknownBook
from frontdesk.ports import Store

BOOKS_MAX = 16
"""Versions in memory besides the one in force: a thousand flows are some 10 MB."""

CURE = "restore a backup of the store that has it; until then people have to see to who stands on it"

Compile = Callable[[Mapping[str, str]], Awaitable[Book]]
"""Makes a book of the files as they were kept; not in the event loop's thread, for that takes its time."""


class BookLost(Exception):
    """A version of the flows cannot be had any more: a sentence with the cure."""


class Shelf(Flows, Protocol):
    """Where versions are found that are not at hand."""

    @property
    def current(self) -> str:
        """The version that is in force, "" where there are no flows."""

    async def load(self, version: str) -> Book:
        """The book of that version. Raises BookLost and StoreUnavailable."""


class NoLibrary(NoFlows):
    """A business without flows."""

    current = ""

    async def load(self, version: str) -> Book:
        """There is none."""
        raise BookLost(f"version {version} of the flows is asked for, and there are none here; set [flows] folder")


NO_LIBRARY = NoLibrary()


class Library:
    """`core.flow.Flows` over the store. `plain_channels` have neither buttons nor lists. `lock` lets one at a time
    load, so that what many wait for is read once."""

    def __init__(
        self,
        store: Store,
        compile_book: Compile,
        *,
        plain_channels: Collection[str] = (),
        books_max: int = BOOKS_MAX,
        lock: AbstractAsyncContextManager[object] | None = None,
    ) -> None:
        self._store = store
        self._compile = compile_book
        self._plain_channels = plain_channels
        self._books_max = books_max
        self._lock = lock or asyncio.Lock()
        self._current: Book | None = None
        self._others: OrderedDict[str, Book] = OrderedDict()

    @property
    def current(self) -> str:
        """The version that is in force, "" where there are no flows."""
        return self._current.version if self._current else ""

    @property
    def current_book(self) -> Book | None:
        """The flows that are in force; None where there are none."""
        return self._current

    def book(self, version: str) -> Book:
        """The book of that version. Raises UnknownBook."""
        found = self._find(version)
        if found is None:
            raise UnknownBook(version)
        return found

    def shows_buttons(self, channel: str) -> bool:
        """Whether the channel has buttons and lists."""
        return channel not in self._plain_channels

    async def put_in_force(self, book: Book, sources: Mapping[str, str]) -> None:
        """Keep the version, and only then let what comes be decided by it. Raises StoreUnavailable; then the one before
        stays in force."""
        await self._store.keep_book(book.version, sources)
        before, self._current = self._current, book
        self._others.pop(book.version, None)
        if before is not None:
            self._remember(before)

    async def load(self, version: str) -> Book:
        """The book of that version, from the store if need be. Raises BookLost and StoreUnavailable."""
        async with self._lock:
            found = self._find(version) or await self._load(version)
            self._remember(found)
            return found

    async def _load(self, version: str) -> Book:
        sources = await self._store.book(version)
        if sources is None:
            raise BookLost(f"version {version} of the flows is in no store; {CURE}")
        try:
            book = await self._compile(sources)
        except Exception as error:
            raise BookLost(f"version {version} of the flows cannot be read any more ({error}); {CURE}") from error
        return msgspec.structs.replace(book, version=version)  # the name under which it was kept and is asked for

    def _find(self, version: str) -> Book | None:
        if self._current is not None and self._current.version == version:
            return self._current
        found = self._others.get(version)
        if found is not None:
            self._others.move_to_end(version)
        return found

    def _remember(self, book: Book) -> None:
        if book.version == self.current:
            return
        self._others[book.version] = book
        self._others.move_to_end(book.version)
        while len(self._others) > self._books_max:
            self._others.popitem(last=False)


class Borrowed:
    """The library for one event: what was loaded for it stays at hand until it is decided, however many versions others
    ask for meanwhile. A version that cannot be had fails the rules, and not whoever waits for them."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._own: dict[str, Book | BookLost] = {}

    def book(self, version: str) -> Book:
        """The book of that version. Raises UnknownBook, and BookLost where it was looked for in vain."""
        found = self._own.get(version)
        if isinstance(found, BookLost):
            raise found
        return found or self._shelf.book(version)

    def shows_buttons(self, channel: str) -> bool:
        """Whether the channel has buttons and lists."""
        return self._shelf.shows_buttons(channel)

    async def fetch(self, version: str) -> None:
        """Look for a version. Raises StoreUnavailable."""
        try:
            self._own[version] = await self._shelf.load(version)
        except BookLost as lost:
            self._own[version] = lost
