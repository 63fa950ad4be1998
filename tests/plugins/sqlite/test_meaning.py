"""SQLite searches by meaning too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from frontdesk.knowledge.embeddings import Embeddings
from frontdesk.plugin import ConfigError
from frontdesk_plugins.sqlite.knowledge import SqliteKnowledge
from frontdesk_plugins.sqlite.vectors import Vectors
from knowledge.meaning import MeaningContract, Open, endpoint, http

__all__ = ["endpoint", "http"]


class TestSqliteMeaning(MeaningContract):
    @pytest.fixture
    def open_index(self, tmp_path: Path) -> Open:
        def open_index(embeddings: Embeddings) -> SqliteKnowledge:
            return SqliteKnowledge(tmp_path / "knowledge.db", embeddings)

        return open_index


def test_a_library_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sqlite_vec", None)
    with pytest.raises(
        ConfigError, match=r"needs sqlite_vec, which is not installed; run: pip install 'frontdesk\[embe"
    ):
        Vectors(tmp_path / "vectors.db").open()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "vectors.db").write_bytes(b"no database" * 1_000)
    with pytest.raises(ConfigError, match="remove that file, which is made again"):
        Vectors(tmp_path / "vectors.db").open()
