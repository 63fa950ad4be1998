"""PostgreSQL searches by meaning too, with pgvector."""

from __future__ import annotations

import asyncpg
import httpx
import pytest

from frontdesk.knowledge.embeddings import Embeddings
from frontdesk.plugin import ConfigError, Secret
from frontdesk_plugins.postgres.knowledge import PostgresKnowledge, make_vectors
from frontdesk_plugins.postgres.options import KnowledgeOptions
from knowledge.meaning import Endpoint, MeaningContract, Open, embeddings, endpoint, http

__all__ = ["endpoint", "http"]


class TestPostgresMeaning(MeaningContract):
    @pytest.fixture
    def open_index(self, url: str) -> Open:
        def open_index(embeddings: Embeddings) -> PostgresKnowledge:
            return PostgresKnowledge(KnowledgeOptions(url=Secret(url)), embeddings)

        return open_index


@pytest.mark.anyio
async def test_who_may_not_create_the_extension_is_told(
    url: str, bare: asyncpg.Connection, endpoint: Endpoint, http: httpx.AsyncClient
) -> None:
    await bare.execute("DROP ROLE IF EXISTS knowledge_guest")
    await bare.execute("CREATE ROLE knowledge_guest LOGIN PASSWORD 'guest'")
    await bare.execute("GRANT CREATE ON SCHEMA public TO knowledge_guest")
    place = url.partition("@")[2]
    options = KnowledgeOptions(url=Secret(f"postgresql://knowledge_guest:guest@{place}"))
    with pytest.raises(ConfigError, match="run as a superuser in this database: CREATE EXTENSION vector"):
        async with PostgresKnowledge(options, embeddings(endpoint, http)):
            pass


class BareServer:
    """A connection to a server that has never heard of vectors."""

    async def fetchrow(self, _query: str) -> tuple[bool, bool]:
        return False, False


@pytest.mark.anyio
async def test_a_server_without_the_extension_is_told_what_to_install() -> None:
    with pytest.raises(ConfigError, match="which this PostgreSQL does not have; install it there"):
        await make_vectors(BareServer())
