"""SQLite's full-text search keeps the promises of a knowledge search."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from frontdesk.plugin import ConfigError
from frontdesk.ports import Knowledge
from frontdesk.testing.contracts import KnowledgeContract
from frontdesk_plugins.sqlite.knowledge import SqliteKnowledge, read_passages


class TestSqliteKnowledge(KnowledgeContract):
    @pytest.fixture
    async def knowledge(self, folder: Path) -> AsyncIterator[Knowledge]:
        async with SqliteKnowledge(folder) as knowledge:
            yield knowledge


@pytest.mark.anyio
async def test_an_empty_folder_knows_nothing(tmp_path: Path) -> None:
    async with SqliteKnowledge(tmp_path) as knowledge:
        assert await knowledge.search("anything", 5) == []


@pytest.mark.anyio
@pytest.mark.parametrize("query", ["deliver", "delivery", "deliveries", "delivered", "delivering"])
async def test_relatives_that_have_another_stem_are_found_too(tmp_path: Path, query: str) -> None:
    (tmp_path / "a.md").write_text("# Delivery\n\nIt is quick.\n")
    (tmp_path / "b.md").write_text("# Delinquents\n\nThey are slow.\n")
    async with SqliteKnowledge(tmp_path) as knowledge:
        assert [passage.title for passage in await knowledge.search(query, 5)] == ["Delivery"]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"knowledge\.folder: there is no folder .*none; make it"):
        list(read_passages(tmp_path / "none"))


def test_a_file_is_cut_at_its_headings_and_keeps_what_stands_before_them(tmp_path: Path) -> None:
    (tmp_path / "opening_hours.md").write_bytes("\ufeffWe are open.\n\n# Sundays\n\nClosed.\n#no heading\n".encode())
    assert list(read_passages(tmp_path)) == [
        ("opening_hours.md#0", "opening hours", "We are open."),
        ("opening_hours.md#1", "Sundays", "Closed.\n#no heading"),
    ]


def test_a_file_that_is_not_utf_8_is_named_with_the_cure(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_bytes("für".encode("latin-1"))
    with pytest.raises(ConfigError, match=r"old\.md cannot be read .*; save it as UTF-8"):
        list(read_passages(tmp_path))
