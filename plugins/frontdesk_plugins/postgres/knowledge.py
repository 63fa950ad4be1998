"""Search over what the business knows, with PostgreSQL's full text, for any number of processes.

The words are cut and folded by `frontdesk.knowledge.words` and handed over as a finished tsvector: PostgreSQL's own
parser and dictionaries know one language at a time, and take the vowel signs of Hindi for blanks. A rare word counts
more than a common one (`ts_rank` alone does not know which is which), a word itself more than what only begins like
it, for it matches twice. A long passage is not held against its words as much as `ts_rank` would (one in which three
of the asked words stand comes before a short one that has one of them in its title).

The tables are made again from the folder at any time, so that they have no migrations: those of an older release are
dropped. One process indexes at a time, by an advisory lock that a transaction holds, which works behind PgBouncer too;
it sees no rows, so that no vacuum waits for it. Vectors are kept by the text that they are of, with pgvector where the
server has it; they are compared one by one, which is fast enough for the tens of thousands that a business has.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from itertools import chain
from typing import Any, Self, TypeVar

import asyncpg

from frontdesk.core.prompt import Passage
from frontdesk.knowledge.embeddings import Embeddings, both, embedded, fingerprint
from frontdesk.knowledge.words import Asked, asked, terms
from frontdesk.plugin import ConfigError
from frontdesk.ports import KnowledgeFile, StoreUnavailable
from frontdesk_plugins.postgres.options import KnowledgeOptions
from frontdesk_plugins.postgres.queries import KNOWLEDGE
from frontdesk_plugins.postgres.schema import connect
from frontdesk_plugins.postgres.trouble import RACES, TROUBLE, is_closed, refused, unavailable

LAYOUT = 1
"""Of the tables; one more where they change, and all files are indexed anew."""

LOCK_SECONDS = 0.1
"""Between two looks at a lock that another process holds."""

POSITION_MAX = 16_383
"""The last place in a text that a tsvector knows; no passage is that long."""

NO_VECTORS = (
    "knowledge.embeddings needs the extension pgvector, which this PostgreSQL does not have; install it there "
    "(the package postgresql-NN-pgvector), or leave the section out"
)

_Result = TypeVar("_Result")


class PostgresKnowledge:
    """See the module. `embeddings` None: words only."""

    def __init__(self, options: KnowledgeOptions, embeddings: Embeddings | None = None) -> None:
        self._options = options
        self._embeddings = embeddings
        self._pool: Any = None

    async def __aenter__(self) -> Self:
        """Raises ConfigError and StoreUnavailable."""
        options = self._options
        try:
            await self._make_tables()
            self._pool = await asyncpg.create_pool(
                options.url.reveal(),
                min_size=0,
                max_size=options.pool_max,
                statement_cache_size=0,  # behind a pooler no statement may be kept, and these are few
                timeout=options.connect_timeout_seconds,
                command_timeout=options.statement_timeout_seconds,
            )
        except (*TROUBLE, asyncpg.PostgresError) as error:
            raise refused(error) from error
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._pool:
            pool, self._pool = self._pool, None
            try:
                await asyncio.wait_for(pool.close(), self._options.connect_timeout_seconds)
            except TimeoutError:
                pool.terminate()

    @property
    def trouble(self) -> str:
        """See the port."""
        return self._embeddings.trouble if self._embeddings else ""

    async def _make_tables(self) -> None:
        connection = await connect(self._options)
        try:
            async with connection.transaction():
                await connection.execute(KNOWLEDGE["lock_tables"])
                await _make_tables(connection)
                if self._embeddings:
                    await make_vectors(connection)
        finally:
            await connection.close()

    async def search(self, query: str, limit: int, scope: Sequence[str] = ()) -> Sequence[Passage]:
        """See the port."""
        within = [one.replace("\0", "") for one in scope]

        async def by_words(count: int) -> Sequence[Passage]:
            forms = list(dict.fromkeys(chain.from_iterable(map(_forms, asked(query)))))
            if not forms or count <= 0:
                return ()
            rows = await self._do(lambda connection: connection.fetch(KNOWLEDGE["search"], forms, within, count))
            return [Passage(id=row[0], title=row[1], text=row[2], score=float(row[3])) for row in rows]

        async def by_meaning(vector: list[float], count: int) -> Sequence[Passage]:
            if self._embeddings is None:
                return ()
            given = (
                _written(vector),
                self._embeddings.model,
                within,
                1 - self._embeddings.options.similarity_min,
                count,
            )
            rows = await self._do(lambda connection: connection.fetch(KNOWLEDGE["nearest"], *given))
            return [Passage(id=row[0], title=row[1], text=row[2]) for row in rows]

        return await both(query, limit, self._embeddings, by_words, by_meaning)

    @asynccontextmanager
    async def indexing(self) -> AsyncIterator[None]:
        """See the port. On a connection of its own, whose loss lets another process begin: harmless, for every change
        is whole and may be made twice."""
        with _in_words():
            connection = await connect(self._options)
        try:
            while not await self._is_first(connection, "try_to_index"):  # noqa: ASYNC110 -- another process's
                await asyncio.sleep(LOCK_SECONDS)
            yield
        finally:
            connection.terminate()  # the lock goes with it

    async def _is_first(self, connection: Any, lock: str) -> bool:
        """Begin a transaction that holds the lock, or none."""
        with _in_words():
            transaction = connection.transaction()
            await transaction.start()
            await connection.execute(KNOWLEDGE["stay_idle"])
            if await connection.fetchval(KNOWLEDGE[lock]):
                return True
            await transaction.rollback()
            return False

    async def files(self) -> Sequence[KnowledgeFile]:
        """See the port."""
        rows = await self._do(lambda connection: connection.fetch(KNOWLEDGE["files"]))
        return [
            KnowledgeFile(
                name=row[0], digest=row[1], passages=row[2], indexed_at=row[3], refused=row[4], trouble=row[5]
            )
            for row in rows
        ]

    async def put(self, file: KnowledgeFile, passages: Sequence[Passage]) -> None:
        """See the port."""

        async def put(connection: Any) -> None:
            values = (file.name, file.digest, len(passages), file.indexed_at)
            await connection.execute(KNOWLEDGE["put_file"], *values)  # and whoever puts the same file waits
            await connection.execute(KNOWLEDGE["remove_passages"], [file.name])
            await connection.execute(
                KNOWLEDGE["add_passages"],
                file.name,
                [passage.id for passage in passages],
                [passage.title for passage in passages],
                [passage.text for passage in passages],
                [_vector_of_terms(passage) for passage in passages],
                [fingerprint(passage) for passage in passages],
            )

        await self._do(put)

    async def refuse(self, name: str, *, digest: str, trouble: str) -> None:
        """See the port."""
        await self._do(lambda connection: connection.execute(KNOWLEDGE["refuse_file"], name, digest, trouble))

    async def remove(self, names: Collection[str]) -> None:
        """See the port."""

        async def remove(connection: Any) -> None:
            await connection.execute(KNOWLEDGE["remove_passages"], list(names))
            await connection.execute(KNOWLEDGE["remove_files"], list(names))

        await self._do(remove)

    async def embed(self, told: Callable[[int, int], None]) -> None:
        """See the port. Where another process is at it, nothing is left to do."""
        if self._embeddings is None:
            return
        with _in_words():
            connection = await connect(self._options)
        try:
            if await self._is_first(connection, "try_to_embed"):
                await self._complete(self._embeddings, told)
        finally:
            connection.terminate()

    async def _complete(self, embeddings: Embeddings, told: Callable[[int, int], None]) -> None:
        model = embeddings.model
        await self._do(lambda connection: connection.execute(KNOWLEDGE["forget_vectors"], model))
        rows = await self._do(lambda connection: connection.fetch(KNOWLEDGE["missing_vectors"], model))
        texts = {row[0]: embedded(Passage(id="", title=row[1], text=row[2])) for row in rows}

        async def keep(vectors: Mapping[str, Sequence[float]]) -> None:
            given = (model, list(vectors), [_written(vector) for vector in vectors.values()])
            await self._do(lambda connection: connection.execute(KNOWLEDGE["put_vectors"], *given))

        await embeddings.passages(texts, keep, told)

    async def _do(self, work: Callable[[Any], Awaitable[_Result]]) -> _Result:
        """One transaction, once more where another process was in the way. Raises StoreUnavailable."""
        if self._pool is None:
            raise StoreUnavailable("the knowledge is not open; open it first")
        with _in_words():
            try:
                return await self._transaction(work)
            except RACES:
                return await self._transaction(work)

    async def _transaction(self, work: Callable[[Any], Awaitable[_Result]]) -> _Result:
        acquiring = self._pool.acquire(timeout=self._options.connect_timeout_seconds)
        async with acquiring as connection, connection.transaction():
            return await work(connection)


@contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except (*TROUBLE, *RACES) as error:
        raise unavailable(error) from error
    except RuntimeError as error:
        if is_closed(error):
            raise unavailable(ConnectionResetError(str(error))) from error
        raise


async def _make_tables(connection: Any) -> None:
    version = 0
    if await connection.fetchval(KNOWLEDGE["layout"]):
        version = await connection.fetchval(KNOWLEDGE["known_layout"])
    if version > LAYOUT:
        raise ConfigError(
            f"the knowledge in the database has layout {version}, this frontdesk knows {LAYOUT}; "
            "install the newer release again"
        )
    if version < LAYOUT:
        await connection.execute(KNOWLEDGE["drop"])
        await connection.execute(KNOWLEDGE["create"])
        await connection.execute(KNOWLEDGE["add_layout"], LAYOUT)


async def make_vectors(connection: Any) -> None:
    """The extension and the table, where the server can have them. Raises ConfigError."""
    is_available, is_there = await connection.fetchrow(KNOWLEDGE["can_have_vectors"])
    if not is_there:
        if not is_available:
            raise ConfigError(NO_VECTORS)
        try:
            await connection.execute(KNOWLEDGE["create_extension"])
        except asyncpg.InsufficientPrivilegeError as error:
            raise ConfigError(
                "knowledge.embeddings needs the extension pgvector, and the role may not create it; "
                "run as a superuser in this database: CREATE EXTENSION vector"
            ) from error
    await connection.execute(KNOWLEDGE["create_vectors"])


def _forms(word: Asked) -> Iterator[str]:
    yield f"'{word.word}'"
    if word.beginning:
        yield f"'{word.beginning}':*"


def _vector_of_terms(passage: Passage) -> str:
    """A tsvector as it is written: the title's words have the weight A."""
    places: dict[str, list[str]] = {}
    title = terms(passage.title)
    for place, word in enumerate((*title, *terms(passage.text)), start=1):
        sign = "A" if place <= len(title) else ""
        places.setdefault(word, []).append(f"{min(place, POSITION_MAX)}{sign}")
    return " ".join(f"'{word}':{','.join(where[:255])}" for word, where in places.items())


def _written(vector: Sequence[float]) -> str:
    return f"[{','.join(map(repr, vector))}]"
