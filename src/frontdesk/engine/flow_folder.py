"""Brings the flows of a folder into force: at the start, and whenever they have changed and nothing is wrong with them.

At the start a mistake is refused, for a service must not run silently without what it is there for. Later it never
costs more than the change: the version before stays in force, people are told once what is wrong, and `/readyz` says
so until the folder is good again. A folder that cannot be read, that has no flows any more, or whose rules are gone is
such a mistake: whoever means that starts the service anew.

The folder is looked at every few seconds: names, sizes, times. A change has to be the same for one look more before it
is read, and once it was read, or it was caught in the middle of being written. That needs no support of the system's
and works on what is mounted from elsewhere, where events of a file system do not arrive.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal, Self, TypeAlias

import structlog
from msgspec import Struct

from frontdesk.config import FlowsSettings
from frontdesk.core.capabilities import Capabilities
from frontdesk.core.event import identify
from frontdesk.core.flow import Book
from frontdesk.engine.engine import Engine
from frontdesk.engine.library import Library
from frontdesk.engine.looks import Looks
from frontdesk.engine.metrics import Metrics
from frontdesk.flows.book import RULES_FILE, book_version, compile_book, read_book
from frontdesk.flows.finding import Finding
from frontdesk.flows.folder import FolderError, read_sources
from frontdesk.plugin import ConfigError
from frontdesk.ports import Clock, Notice, StoreUnavailable

log = structlog.get_logger("frontdesk.flows")

TOLD_MAX = 3
"""Findings that are told in a sentence; `frontdesk flow check` tells all."""

Look: TypeAlias = "tuple[tuple[str, int, int, int], ...] | str"
"""The files with their inodes, sizes and times; or why they cannot be looked at."""

Outcome: TypeAlias = Literal["taken", "unchanged", "refused", "failed"]


async def compile_in_thread(sources: Mapping[str, str]) -> Book:
    """A book of files that were kept, for the library. Raises `flows.book.BookError`."""
    return await asyncio.to_thread(compile_book, sources)


class Refused(Exception):
    """The folder's flows cannot be used: a sentence without its cure. `content` names what was refused."""

    def __init__(self, reason: str, content: str) -> None:
        super().__init__(reason)
        self.content = content


class Shown(Struct, frozen=True, kw_only=True):
    """What was read. `book` None: there are no flows."""

    book: Book | None = None
    sources: Mapping[str, str] = {}
    warnings: int = 0
    is_folder_there: bool = True


class FlowFolder:
    """The folder, and the task that watches it while this is open. `keeps` false: look at the start only, and change
    nothing in the store."""

    def __init__(  # noqa: PLR0913 -- one name a part; by keyword only
        self,
        *,
        settings: FlowsSettings,
        is_required: bool,
        hosts: Collection[str],
        has_model: bool,
        channels: Mapping[str, Capabilities] = {},
        library: Library,
        engine: Engine,
        metrics: Metrics,
        clock: Clock,
        keeps: bool = True,
    ) -> None:
        self._folder = Path(settings.folder) if settings.folder else None
        self._looks = Looks(settings.watch_seconds)
        self._is_required = is_required
        self._hosts = frozenset(hosts)
        self._has_model = has_model
        self._channels = channels
        self._library = library
        self._engine = engine
        self._metrics = metrics
        self._clock = clock
        self._keeps = keeps
        self._sources: Mapping[str, str] = {}
        self._done: Look | None = None
        self._told = ""
        self._watching: asyncio.Task[None] | None = None
        self.trouble = ""
        """Why what is in the folder is not in force, as one sentence with the cure, or ""."""
        self.found = Shown()
        """What the start has found."""

    async def __aenter__(self) -> Self:
        """Raises ConfigError and StoreUnavailable."""
        if self._folder is None:
            return self
        self._done = await asyncio.to_thread(look_at, self._folder)
        self.found = await self._first(self._folder)
        if self._keeps:
            if self.found.book is not None:
                await self._put_in_force(self.found.book, self.found.sources)
            self._watching = asyncio.create_task(self._watch(), name="flows")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def ask(self) -> None:
        """Look at the folder now, whether it seems changed or not."""
        self._looks.ask()

    async def _first(self, folder: Path) -> Shown:
        try:
            shown = await asyncio.to_thread(self._read, folder)
        except Refused as refused:
            raise ConfigError(f"the flows in {folder} cannot be used: {refused}; {self._cure}") from refused
        if self._is_required and not shown.is_folder_there:
            raise ConfigError(f"flows.folder: there is no folder {folder}; make it, or leave the key out")
        return shown

    @property
    def _cure(self) -> str:
        return f"run frontdesk flow check {self._folder}"

    async def _watch(self) -> None:
        """For ever: look, wait for a change to settle, take it."""
        before = self._done
        while self._folder is not None:
            is_asked = await self._looks.next()
            now = await asyncio.to_thread(look_at, self._folder)
            if is_asked or (now != self._done and now == before):
                await self._reload(now)
            before = now

    async def _reload(self, seen: Look) -> None:
        outcome = await self._try()
        self._metrics.flow_reloads.labels(outcome).inc()
        self._done = None  # what was changed while it was read, or could not be kept, is looked at again
        if outcome != "failed" and self._folder is not None:
            after = await asyncio.to_thread(look_at, self._folder)
            self._done = seen if after == seen else None

    async def _try(self) -> Outcome:
        """Read and take what is in the folder now."""
        folder = self._folder
        assert folder is not None  # noqa: S101 -- watched only where there is one
        try:
            is_new = await self._take(folder)
        except Refused as refused:
            return await self._refuse(refused)
        except StoreUnavailable as error:
            log.warning("flows wait", reason=str(error))
            return "failed"
        self.trouble = self._told = ""
        return "taken" if is_new else "unchanged"

    async def _take(self, folder: Path) -> bool:
        """Whether there was something new. Raises Refused and StoreUnavailable."""
        shown = await asyncio.to_thread(self._read, folder)
        self._refuse_loss(shown)
        if shown.book is None or shown.book.version == self._library.current:
            return False
        await self._put_in_force(shown.book, shown.sources)
        return True

    def _refuse_loss(self, shown: Shown) -> None:
        """What was there and is missing is more likely to be on its way than to be meant."""
        if self._library.current and shown.book is None:
            raise Refused("no flows are there any more" if shown.is_folder_there else "the folder is gone", "empty")
        if RULES_FILE in self._sources and RULES_FILE not in shown.sources:
            raise Refused(f"{RULES_FILE} is gone", f"no rules {book_version(shown.sources)}")

    def _read(self, folder: Path) -> Shown:
        """The flows of the folder; for a thread. Raises Refused."""
        if not folder.exists():
            return Shown(is_folder_there=False)
        try:
            sources = read_sources(folder)
        except FolderError as error:
            raise Refused(str(error).rstrip("."), str(error)) from error
        if not sources:
            return Shown()
        try:
            reading = read_book(sources, hosts=self._hosts, has_model=self._has_model, channels=self._channels)
        except Exception as error:
            # A bug of ours: it must neither end the watch nor the service that runs.
            log.exception("flows not read", folder=str(folder))
            reason = f"Frontdesk fails on them ({type(error).__name__}: {error}), please report that"
            raise Refused(reason, book_version(sources)) from error
        if reading.book is None:
            raise Refused(told(reading.findings), book_version(sources))
        return Shown(book=reading.book, sources=sources, warnings=len(reading.findings))

    async def _put_in_force(self, book: Book, sources: Mapping[str, str]) -> None:
        await self._library.put_in_force(book, sources)
        self._sources = sources
        self._metrics.flows.info({"version": book.version})
        log.info("flows in force", version=book.version, flows=len(book.flows))

    async def _refuse(self, refused: Refused) -> Outcome:
        """The version before stays; people are told once what is wrong, in all processes together."""
        self.trouble = f"the flows in {self._folder} were changed but not taken: {refused}; {self._cure}"
        known = identify("flows_refused", refused.content)
        if known == self._told:
            return "refused"
        now = self._clock.now()
        notice = Notice(id=known, at=now, channel="", kind="flows_refused", text=self.trouble, is_alarm=True)
        try:
            await self._engine.note([notice])
        except StoreUnavailable as error:
            log.warning("alarm not kept", reason=str(error), text=notice.text)
            return "failed"
        self._told = known
        return "refused"


def told(findings: Sequence[Finding]) -> str:
    """The first errors, with their places."""
    errors = [one for one in findings if one.is_error]
    shown = "; ".join(f"{one.file}:{one.line}:{one.column}: {one.sentence.rstrip('.')}" for one in errors[:TOLD_MAX])
    return shown + (f"; and {len(errors) - TOLD_MAX} more" if len(errors) > TOLD_MAX else "")


def look_at(folder: Path) -> Look:
    """What the folder's files look like from outside."""
    try:
        with os.scandir(folder) as entries:
            seen = [(entry.name, entry.stat()) for entry in entries if not entry.name.startswith(".")]
    except OSError as error:
        return str(error.strerror)
    return tuple(sorted((name, stat.st_ino, stat.st_size, stat.st_mtime_ns) for name, stat in seen))
