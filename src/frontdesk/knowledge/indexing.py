"""Brings an index up to date with a folder: only files whose content is new are read, and one that cannot be used
costs none of the others."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

from msgspec import Struct

from frontdesk.core.prompt import Passage
from frontdesk.knowledge.passages import Unreadable
from frontdesk.knowledge.reading import digest, is_read, read_bytes, read_passages
from frontdesk.ports import Clock, KnowledgeFile, KnowledgeIndex

FILES_MAX = 5_000

Look: TypeAlias = "tuple[tuple[str, int, int, int], ...] | str"
"""The files with their inodes, sizes and times; or why they cannot be looked at."""

Told: TypeAlias = Callable[[str, int, int], None]
"""What is done now, how much of it is done, and of how much."""


class FolderLost(Exception):
    """There is nothing to read: why, without the cure."""


class Change(Struct, frozen=True, kw_only=True):
    """What a pass has changed, as names of files. `refused` with the reasons."""

    indexed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    refused: Mapping[str, str] = {}


class _Read(Struct, frozen=True, kw_only=True):
    """A file's content as it was found. `trouble`: why it is not used; `is_gone`: it was taken away a moment ago, and
    nothing is wrong with it."""

    digest: str
    data: bytes = b""
    trouble: str = ""
    is_gone: bool = False


def silently(_what: str, _done: int, _of: int) -> None:
    """A `Told` that tells nobody."""


def look_at(folder: Path) -> Look:
    """What the files look like from outside, those in folders below included. Blocks."""
    try:
        return tuple(sorted((name, *_outside(path)) for name, path in _files(folder)))
    except (OSError, FolderLost) as error:
        return str(error)


def _outside(path: Path) -> tuple[int, int, int]:
    """Of a file that is gone, or a link to nowhere, nothing: the others are looked at all the same."""
    try:
        stat = path.stat()
    except OSError:
        return 0, 0, 0
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file that is read, by its name in ids. Raises FolderLost."""
    if not folder.is_dir():
        raise FolderLost(f"there is no folder {folder}")
    count = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            known = path.relative_to(folder).as_posix()
            if not is_read(known):
                continue
            count += 1
            if count > FILES_MAX:
                raise FolderLost(f"{folder} has more than {FILES_MAX} files")
            yield known, path


def not_indexed(folder: Path, known: Collection[str]) -> list[str]:
    """The files of a folder that an index does not know. Blocks."""
    try:
        return sorted(one for one in (_storable(name) for name, _ in _files(folder)) if one not in known)
    except FolderLost:
        return []


def troubles_of(folder: Path) -> dict[str, str]:
    """Why which files could not be used, without an index. Blocks. Raises FolderLost."""
    reads = {name: _read(path) for name, path in sorted(_files(folder))}
    found = {_storable(name): read.trouble or _passages(name, read.data)[1] for name, read in reads.items()}
    return {name: trouble for name, trouble in found.items() if trouble}


async def index_folder(
    index: KnowledgeIndex, folder: Path, clock: Clock, told: Told = silently, *, may_be_empty: bool = True
) -> Change:
    """One pass. Raises FolderLost, where nothing may be lost also if no file is left, and StoreUnavailable."""
    paths = await asyncio.to_thread(lambda: dict(sorted(_files(folder))))
    async with index.indexing():
        known = {file.name: file for file in await index.files()}
        if known and not paths and not may_be_empty:
            raise FolderLost(f"no files are in {folder} any more")
        indexed, refused, gone = [], {}, list[str]()
        for number, (name, path) in enumerate(paths.items()):
            told(name, number, len(paths))
            read = await asyncio.to_thread(_read, path)
            if read.is_gone:
                gone.append(name)
                continue
            if _is_known(known.get(_storable(name)), read):
                continue
            trouble = await _take(index, name, read, clock)
            if trouble:
                refused[name] = trouble
            else:
                indexed.append(name)
        removed = sorted(known.keys() - {_storable(name) for name in paths if name not in gone})
        if removed:
            await index.remove(removed)
        told("", len(paths), len(paths))
    return Change(indexed=tuple(indexed), removed=tuple(removed), refused=refused)


def _storable(name: str) -> str:
    """A file's name as text: a file system may hand over what is none."""
    return name.encode(errors="replace").decode()


def _read(path: Path) -> _Read:
    try:
        data = read_bytes(path)
    except Unreadable as error:
        is_gone = not os.path.lexists(path)
        return _Read(digest=digest(str(error).encode()), trouble=str(error), is_gone=is_gone)
    return _Read(digest=digest(data), data=data)


def _is_known(file: KnowledgeFile | None, read: _Read) -> bool:
    return file is not None and read.digest == (file.refused if file.trouble else file.digest)


async def _take(index: KnowledgeIndex, name: str, read: _Read, clock: Clock) -> str:
    """Put the file, or refuse it and say why."""
    trouble = read.trouble
    passages: list[Passage] = []
    if not trouble:
        passages, trouble = await asyncio.to_thread(_passages, name, read.data)
    if trouble:
        await index.refuse(_storable(name), digest=read.digest, trouble=trouble)
        return trouble
    file = KnowledgeFile(name=name, digest=read.digest, passages=len(passages), indexed_at=clock.now())
    await index.put(file, passages)
    return ""


def _passages(name: str, data: bytes) -> tuple[list[Passage], str]:
    if name != _storable(name):
        return [], "its name is no Unicode; rename it"
    try:
        return read_passages(name, data), ""
    except Unreadable as error:
        return [], str(error)
