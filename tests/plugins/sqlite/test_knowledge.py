"""SQLite's full-text search keeps the promises of a knowledge search, and throws away what it cannot read."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontdesk.core.prompt import Passage
from frontdesk.plugin import ConfigError
from frontdesk.ports import KnowledgeFile, StoreUnavailable
from frontdesk.testing.contracts import KnowledgeIndexContract
from frontdesk_plugins.sqlite.knowledge import SqliteKnowledge

pytestmark = pytest.mark.anyio
HORSES = (KnowledgeFile(name="a.md", digest="1", passages=1), [Passage(id="a.md", title="Title", text="horses")])


class TestSqliteKnowledge(KnowledgeIndexContract):
    @pytest.fixture
    async def index(self, tmp_path: Path) -> AsyncIterator[SqliteKnowledge]:
        async with SqliteKnowledge(tmp_path / "data/knowledge.db") as index:
            yield index

    @pytest.fixture
    async def other_index(self, index: SqliteKnowledge, tmp_path: Path) -> AsyncIterator[SqliteKnowledge]:
        async with SqliteKnowledge(tmp_path / "data/knowledge.db") as other:
            yield other


async def test_what_was_indexed_is_there_at_the_next_start(tmp_path: Path) -> None:
    for number in range(2):
        async with SqliteKnowledge(tmp_path / "knowledge.db") as knowledge:
            if number == 0:
                await knowledge.put(*HORSES)
            assert [one.id for one in await knowledge.search("horse", 5)] == ["a.md"]


@pytest.mark.parametrize("damage", ["no database", "another layout"])
async def test_what_cannot_be_read_is_made_anew(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "knowledge.db"
    async with SqliteKnowledge(path) as knowledge:
        await knowledge.put(*HORSES)
    if damage == "no database":
        path.write_bytes(b"no database" * 1_000)
    else:
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA user_version = 99")
        connection.close()
    async with SqliteKnowledge(path) as knowledge:
        assert list(await knowledge.files()) == []
        await knowledge.put(*HORSES)
        assert [one.id for one in await knowledge.search("horse", 5)] == ["a.md"]


async def test_a_place_that_cannot_be_used_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(
        ConfigError, match=r"knowledge\.db cannot be used .*; make it writable, or set another `data_dir`"
    ):
        async with SqliteKnowledge(tmp_path / "data/knowledge.db"):
            pass


async def test_what_breaks_meanwhile_says_what_to_do(tmp_path: Path) -> None:
    knowledge = SqliteKnowledge(tmp_path / "knowledge.db")
    async with knowledge:
        with sqlite3.connect(tmp_path / "knowledge.db") as connection:
            connection.execute("DROP TABLE term")
        connection.close()
        with pytest.raises(StoreUnavailable, match="remove it and start again: it is made from the folder"):
            await knowledge.search("horse", 5)
    with pytest.raises(StoreUnavailable, match="is not open"):
        await SqliteKnowledge(tmp_path / "other.db").files()


@pytest.mark.parametrize("query", ["deliver", "delivery", "deliveries", "delivered", "delivering"])
async def test_relatives_of_a_word_are_found_and_strangers_are_not(tmp_path: Path, query: str) -> None:
    async with SqliteKnowledge(tmp_path / "knowledge.db") as knowledge:
        for name, title in (("a.md", "Delivery"), ("b.md", "Delinquents")):
            await knowledge.put(
                KnowledgeFile(name=name, digest="1"), [Passage(id=name, title=title, text="It is quick.")]
            )
        assert [passage.title for passage in await knowledge.search(query, 5)] == ["Delivery"]
