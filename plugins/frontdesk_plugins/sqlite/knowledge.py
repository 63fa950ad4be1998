"""Search over what the business knows, with SQLite's FTS5, in a file of its own beside the store's.

Its own file, because nothing in it has to be kept: it is made again from the folder at any time, so that a layout of
another release and a damaged file are thrown away, it is in no backup and no move, and the store's one writer is not
held up by the import of a book. The command line may write here while the service runs: a lock beside the file lets one
process index at a time, and the journal is the old one, not the WAL, which wants one writing process.

Words are found as `frontdesk.knowledge.words` cuts and folds them; the tokenizer only takes them apart again.
Everything happens in threads: an index on a slow disk must not hold up who does not ask it.
"""

from __future__ import annotations

import asyncio
import fcntl
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Self, TypeVar

import msgspec

from frontdesk.core.prompt import Passage
from frontdesk.knowledge.embeddings import Embeddings, both
from frontdesk.knowledge.words import Asked, asked, terms
from frontdesk.plugin import ConfigError
from frontdesk.ports import KnowledgeFile, StoreUnavailable
from frontdesk_plugins.sqlite.queries import KNOWLEDGE
from frontdesk_plugins.sqlite.vectors import Vectors

LAYOUT = 1
"""Of the tables; one more where they change, and all files are indexed anew."""

LOCK_SECONDS = 0.05
"""Between two looks at a lock that another process holds."""

_OLD_TABLES = ("drop_term", "drop_passage", "drop_file")
_TABLES = ("create_file", "create_passage", "create_passage_file", "create_term")
_Result = TypeVar("_Result")


class SqliteKnowledge:
    """See the module. `embeddings` None: words only."""

    def __init__(self, path: Path, embeddings: Embeddings | None = None) -> None:
        self._path = path
        self._embeddings = embeddings
        self._vectors = Vectors(path.with_name("vectors.db")) if embeddings else None
        self._connection: sqlite3.Connection | None = None
        self._turn = threading.Lock()

    async def __aenter__(self) -> Self:
        """Raises ConfigError."""
        await asyncio.to_thread(self._open)
        if self._vectors:
            await asyncio.to_thread(self._vectors.open)
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._vectors:
            self._vectors.close()
        if self._connection:
            self._connection.close()

    @property
    def trouble(self) -> str:
        """See the port."""
        return self._embeddings.trouble if self._embeddings else ""

    async def search(self, query: str, limit: int, scope: Sequence[str] = ()) -> Sequence[Passage]:
        """See the port."""
        within = msgspec.json.encode(scope).decode()

        async def by_words(count: int) -> Sequence[Passage]:
            words = asked(query)
            return await self._do(lambda connection: _found(connection, words, count, within)) if words else ()

        async def by_meaning(vector: list[float], count: int) -> Sequence[Passage]:
            return await self._nearest(vector, count, within)

        return await both(query, limit, self._embeddings, by_words, by_meaning)

    async def _nearest(self, vector: list[float], count: int, within: str) -> Sequence[Passage]:
        if self._vectors is None or self._embeddings is None:
            return ()
        options = self._embeddings.options
        ids = await asyncio.to_thread(
            self._vectors.nearest, vector, self._embeddings.model, within, 1.0 - options.similarity_min, count
        )
        rows = await self._do(
            lambda connection: connection.execute(
                KNOWLEDGE["passages_of"], (msgspec.json.encode(ids).decode(),)
            ).fetchall()
        )
        return [Passage(id=row[0], title=row[1], text=row[2]) for row in rows]

    @asynccontextmanager
    async def indexing(self) -> AsyncIterator[None]:
        """See the port."""
        try:
            lock = await asyncio.to_thread(self._path.with_suffix(".lock").open, "a")
        except OSError as error:
            raise StoreUnavailable(
                f"{self._path} cannot be locked ({error.strerror}); make its folder writable"
            ) from error
        with lock:
            while not _is_taken(lock.fileno()):  # noqa: ASYNC110 -- another process gives it back
                await asyncio.sleep(LOCK_SECONDS)
            yield

    async def files(self) -> Sequence[KnowledgeFile]:
        """See the port."""
        rows = await self._do(lambda connection: connection.execute(KNOWLEDGE["files"]).fetchall())
        return [
            KnowledgeFile(
                name=name,
                digest=digest,
                passages=passages,
                indexed_at=datetime.fromisoformat(at) if at else None,
                refused=refused,
                trouble=trouble,
            )
            for name, digest, passages, at, refused, trouble in rows
        ]

    async def put(self, file: KnowledgeFile, passages: Sequence[Passage]) -> None:
        """See the port."""
        at = file.indexed_at.isoformat() if file.indexed_at else None

        def put(connection: sqlite3.Connection) -> None:
            _forget(connection, file.name)
            connection.execute(KNOWLEDGE["put_file"], (file.name, file.digest, len(passages), at))
            for passage in passages:
                row = connection.execute(
                    KNOWLEDGE["add_passage"], (passage.id, file.name, passage.title, passage.text)
                ).lastrowid
                known = (row, " ".join(terms(passage.title)), " ".join(terms(passage.text)))
                connection.execute(KNOWLEDGE["add_terms"], known)

        await self._do(put)

    async def refuse(self, name: str, *, digest: str, trouble: str) -> None:
        """See the port."""
        await self._do(lambda connection: connection.execute(KNOWLEDGE["refuse_file"], (name, digest, trouble)))

    async def remove(self, names: Collection[str]) -> None:
        """See the port."""

        def remove(connection: sqlite3.Connection) -> None:
            for name in names:
                _forget(connection, name)
                connection.execute(KNOWLEDGE["remove_file"], (name,))

        await self._do(remove)

    async def embed(self, told: Callable[[int, int], None]) -> None:
        """See the port."""
        if self._embeddings is None or self._vectors is None:
            return
        rows = await self._do(lambda connection: connection.execute(KNOWLEDGE["all_passages"]).fetchall())
        passages = {row[0]: (row[1], Passage(id=row[0], title=row[2], text=row[3])) for row in rows}
        await self._vectors.complete(passages, self._embeddings, told)

    async def _do(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        """One transaction in a thread, one at a time. Raises StoreUnavailable."""
        return await asyncio.to_thread(self._transaction, work)

    def _transaction(self, work: Callable[[sqlite3.Connection], _Result]) -> _Result:
        with self._turn:
            if self._connection is None:
                raise StoreUnavailable("the knowledge is not open; open it first")
            try:
                with self._connection:
                    return work(self._connection)
            except sqlite3.Error as error:
                raise StoreUnavailable(
                    f"{self._path} cannot be used ({error}); free some disk space, or remove it and start again: "
                    "it is made from the folder"
                ) from error

    def _open(self) -> None:
        with _opening(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = _connected(self._path)
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_SCHEMA):
                    raise
                self._path.unlink()
                self._connection = _connected(self._path)


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
    try:
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] == LAYOUT:
                return connection
            for name in (*_OLD_TABLES, *_TABLES):
                connection.execute(KNOWLEDGE[name])
            connection.execute(f"PRAGMA user_version = {LAYOUT}")
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        told = error.strerror if isinstance(error, OSError) else error
        raise ConfigError(f"{path} cannot be used ({told}); make it writable, or set another `data_dir`") from error


def _is_taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _forget(connection: sqlite3.Connection, name: str) -> None:
    connection.execute(KNOWLEDGE["remove_terms"], (name,))
    connection.execute(KNOWLEDGE["remove_passages"], (name,))


def _found(connection: sqlite3.Connection, words: Sequence[Asked], limit: int, scope: str) -> list[Passage]:
    """A word itself counts more than what only begins like it: it matches twice."""
    forms = dict.fromkeys(form for word in words for form in _forms(word))
    wanted: dict[str, Any] = {"expression": " OR ".join(forms), "scope": scope, "limit": limit}
    rows = connection.execute(KNOWLEDGE["search"], wanted).fetchall()
    return [Passage(id=row[0], title=row[1], text=row[2], score=-row[3]) for row in rows]


def _forms(word: Asked) -> Iterator[str]:
    yield f'"{word.word}"'
    if word.beginning:
        yield f'"{word.beginning}" *'
