"""Keeps the index of what the business knows as its folder is: at the start, and whenever files have changed.

Other than a flow, a file that cannot be used costs nothing but itself: what it said before is searched on, people are
told once, and `/readyz` is degraded and says so until the file is good again or gone. The start waits for the words of
all files, and not for vectors: those are computed while questions are answered already, and tried again until they
are there.

The folder is looked at as that of the flows is (`engine.flow_folder`): a change has to be the same for one look more.
Where several processes share an index, the index lets one work at a time, and the others find the work done. They must
be given the same files: a process whose folder is another's of last week brings last week back when it starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Self

import structlog

from frontdesk.config import KnowledgeSettings
from frontdesk.core.event import identify
from frontdesk.engine.engine import Engine
from frontdesk.engine.looks import Looks
from frontdesk.engine.metrics import Metrics
from frontdesk.knowledge.indexing import Change, FolderLost, Look, index_folder, look_at, troubles_of
from frontdesk.plugin import ConfigError
from frontdesk.ports import Clock, Knowledge, KnowledgeFile, KnowledgeIndex, Notice, ProviderFailure, StoreUnavailable

log = structlog.get_logger("frontdesk.knowledge")

TOLD_MAX = 3
"""Files that are told in a sentence; `frontdesk knowledge list` tells all."""

AGAIN_LOOKS = 15
"""Looks between two tries of what failed for reasons that pass: 30 s."""


class KnowledgeFolder:
    """The folder, and the task that watches it while this is open. A knowledge search that is no `KnowledgeIndex` has
    its own ways, and nothing is done for it. `keeps` false: read the files at the start, and change nothing."""

    def __init__(
        self,
        *,
        settings: KnowledgeSettings,
        knowledge: Knowledge,
        engine: Engine,
        metrics: Metrics,
        clock: Clock,
        keeps: bool = True,
    ) -> None:
        self._folder = Path(settings.folder)
        self._looks = Looks(settings.watch_seconds)
        self._index = knowledge if isinstance(knowledge, KnowledgeIndex) else None
        self._engine = engine
        self._metrics = metrics
        self._clock = clock
        self._keeps = keeps
        self._loss = ""
        self._files_trouble = ""
        self._done: Look | None = None
        self._tell: list[Notice] = []
        self._watching: asyncio.Task[None] | None = None

    @property
    def trouble(self) -> str:
        """Why less is known than the folder holds, as one sentence with the cure, or ""."""
        own = self._loss or self._files_trouble
        return own or (self._index.trouble if self._index else "")

    async def __aenter__(self) -> Self:
        """Raises ConfigError and StoreUnavailable."""
        if self._index is None:
            return self
        if not await asyncio.to_thread(self._folder.is_dir):
            raise ConfigError(f"knowledge.folder: there is no folder {self._folder}; make it, or name another")
        if self._keeps:
            self._done = await asyncio.to_thread(look_at, self._folder)
            await self._first(self._index)
            self._watching = asyncio.create_task(self._watch(self._index), name="knowledge")
        else:
            self._files_trouble = told(self._folder, await self._looked_through())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)

    def ask(self) -> None:
        """Look at the folder now, whether it seems changed or not."""
        self._looks.ask()

    async def _looked_through(self) -> list[KnowledgeFile]:
        try:
            troubles = await asyncio.to_thread(troubles_of, self._folder)
        except FolderLost as lost:
            raise ConfigError(f"knowledge.folder: {lost}; make it smaller, or name another") from lost
        return [KnowledgeFile(name=name, trouble=trouble) for name, trouble in troubles.items()]

    async def _first(self, index: KnowledgeIndex) -> None:
        try:
            await self._note(await index_folder(index, self._folder, self._clock))
        except FolderLost as lost:
            raise ConfigError(f"knowledge.folder: {lost}; make it smaller, or name another") from lost
        await self._show(index)

    async def _watch(self, index: KnowledgeIndex) -> None:
        """For ever: look, wait for a change to settle, take it; and try again what failed."""
        before, failed = self._done, not await self._embed(index)
        looks = 0
        while True:
            is_asked = await self._looks.next()
            looks += 1
            now = await asyncio.to_thread(look_at, self._folder)
            if is_asked or (now != self._done and now == before):
                failed = not await self._reload(index, now)
            elif looks % AGAIN_LOOKS == 0:
                failed = await self._again(index, failed=failed)
            before = now

    async def _again(self, index: KnowledgeIndex, *, failed: bool) -> bool:
        """What another process found is shown here too; whether what failed has failed again."""
        with suppress(StoreUnavailable):
            await self._show(index)
        await self._send()
        return failed and not await self._embed(index)

    async def _reload(self, index: KnowledgeIndex, seen: Look) -> bool:
        """Whether all of it could be done."""
        try:
            change = await index_folder(index, self._folder, self._clock, may_be_empty=False)
            await self._show(index)
        except FolderLost as lost:
            self._loss = (
                f"the knowledge of before is still used, for {lost}; put the files back, or start the service anew"
            )
            self._done = seen
            return True
        except StoreUnavailable as error:
            log.warning("knowledge waits", reason=str(error))
            return False
        except Exception as error:
            # A bug of ours: it must neither end the watch nor the service that answers from what it knew.
            log.exception("knowledge not read", folder=str(self._folder))
            self._loss = (
                f"Frontdesk fails on the files in {self._folder} ({type(error).__name__}: {error}); please report "
                "that, and take the newest file out"
            )
            self._done = seen
            return True
        self._loss = ""
        await self._note(change)
        after = await asyncio.to_thread(look_at, self._folder)
        self._done = seen if after == seen else None  # what was changed while it was read is looked at again
        return await self._embed(index)

    async def _embed(self, index: KnowledgeIndex) -> bool:
        try:
            await index.embed(lambda _done, _of: None)
        except (ProviderFailure, StoreUnavailable) as failure:
            log.warning("knowledge not embedded", reason=str(failure))
            return False
        except Exception:
            log.exception("knowledge not embedded")  # a bug of ours: words are searched on, and files are watched
            return False
        return True

    async def _show(self, index: KnowledgeIndex) -> None:
        files = await index.files()
        self._files_trouble = told(self._folder, files)
        self._metrics.knowledge_passages.set(sum(file.passages for file in files))
        self._metrics.knowledge_files.labels("used").set(sum(bool(file.digest) for file in files))
        self._metrics.knowledge_files.labels("refused").set(sum(bool(file.trouble) for file in files))

    async def _note(self, change: Change) -> None:
        """Count what was done, and tell people of files that cannot be used."""
        for outcome, count in (
            ("indexed", len(change.indexed)),
            ("removed", len(change.removed)),
            ("refused", len(change.refused)),
        ):
            if count:
                self._metrics.knowledge_reads.labels(outcome).inc(count)
                log.info("knowledge", outcome=outcome, files=count)
        now = self._clock.now()
        self._tell += [
            Notice(
                id=identify("knowledge_refused", name, trouble, now.date().isoformat()),
                at=now,
                channel="",
                kind="knowledge_refused",
                text=sentence(self._folder, name, trouble),
                is_alarm=True,
            )
            for name, trouble in change.refused.items()
        ]
        await self._send()

    async def _send(self) -> None:
        if not self._tell:
            return
        try:
            await self._engine.note(self._tell)
        except StoreUnavailable as error:
            log.warning("alarm not kept", reason=str(error))
        else:
            self._tell = []


def sentence(folder: Path, name: str, trouble: str) -> str:
    """Why a file is not used as it is now, with the cure."""
    return f"the knowledge in {folder / name} is not used as it is now: {trouble}"


def told(folder: Path, files: Sequence[KnowledgeFile]) -> str:
    """The first files that cannot be used, as one sentence; "" where all can."""
    troubled = [file for file in files if file.trouble]
    shown = "; ".join(sentence(folder, file.name, file.trouble) for file in troubled[:TOLD_MAX])
    return shown + (f"; and {len(troubled) - TOLD_MAX} files more" if len(troubled) > TOLD_MAX else "")
