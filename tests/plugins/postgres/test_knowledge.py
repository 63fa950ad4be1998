"""PostgreSQL's full-text search keeps the promises of a knowledge search, for several processes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from frontdesk.knowledge.evaluation import evaluate, read_questions
from frontdesk.knowledge.indexing import index_folder
from frontdesk.plugin import ConfigError, Secret
from frontdesk.ports import KnowledgeFile, StoreUnavailable
from frontdesk.testing.contracts import KnowledgeIndexContract
from frontdesk.testing.doubles import ManualClock
from frontdesk_plugins.postgres.knowledge import PostgresKnowledge
from frontdesk_plugins.postgres.options import KnowledgeOptions

pytestmark = pytest.mark.anyio


@pytest.fixture
async def index(url: str) -> AsyncIterator[PostgresKnowledge]:
    async with PostgresKnowledge(KnowledgeOptions(url=Secret(url))) as index:
        yield index


class TestPostgresKnowledge(KnowledgeIndexContract):
    @pytest.fixture
    async def index(self, url: str) -> AsyncIterator[PostgresKnowledge]:
        async with PostgresKnowledge(KnowledgeOptions(url=Secret(url))) as index:
            yield index

    @pytest.fixture
    async def other_index(self, index: PostgresKnowledge, url: str) -> AsyncIterator[PostgresKnowledge]:
        async with PostgresKnowledge(KnowledgeOptions(url=Secret(url))) as other:
            yield other


async def test_the_sample_shop_is_found_as_well_as_with_sqlite(index: PostgresKnowledge) -> None:
    await index_folder(index, Path("config/knowledge"), ManualClock())
    found = await evaluate(read_questions(Path("config/knowledge/eval.yaml")), index.search)
    assert found.recall_at_5 >= 0.9
    assert found.mrr >= 0.85
    best, *_ = await index.search("Can I return shoes that do not fit?", 5)
    assert best.id == "returns.md#returns-and-refunds"  # and not the short passage about children's shoes


async def test_tables_of_an_older_release_are_made_anew_and_of_a_newer_one_refused(
    index: PostgresKnowledge, bare: asyncpg.Connection, url: str
) -> None:
    await index.put(KnowledgeFile(name="a.md", digest="1"), [])
    for version, count in ((1, 1), (0, 0)):
        await bare.execute("UPDATE knowledge_layout SET version = $1", version)
        async with PostgresKnowledge(KnowledgeOptions(url=Secret(url))) as other:
            assert len(await other.files()) == count
    await bare.execute("UPDATE knowledge_layout SET version = 2")
    with pytest.raises(ConfigError, match="has layout 2, this frontdesk knows 1; install the newer release again"):
        async with PostgresKnowledge(KnowledgeOptions(url=Secret(url))):
            pass


async def test_who_indexes_and_dies_holds_up_nobody(index: PostgresKnowledge, bare: asyncpg.Connection) -> None:
    async with index.indexing():
        await bare.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
        )
        async with index.indexing():
            pass


async def test_what_is_not_there_is_said_with_a_cure(index: PostgresKnowledge, bare: asyncpg.Connection) -> None:
    await bare.execute("DROP TABLE knowledge_passage")
    with pytest.raises(StoreUnavailable, match="start the service once"):
        await index.search("horse", 5)
    with pytest.raises(StoreUnavailable, match="is not open"):
        await PostgresKnowledge(KnowledgeOptions(url=Secret("postgresql://"))).files()
