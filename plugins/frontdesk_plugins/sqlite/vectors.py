"""The vectors of passages, with sqlite-vec, in a file of their own.

By APSW and not by Python's own `sqlite3`, which many Pythons are built without the loading of extensions for. The two
bring a SQLite each, so that they must never open the same file in one process: closing it in one gives back the other's
locks.
"""

from __future__ import annotations

import asyncio
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from frontdesk.core.prompt import Passage
from frontdesk.knowledge.embeddings import Embeddings, embedded, fingerprint
from frontdesk.plugin import ConfigError
from frontdesk_plugins.sqlite.queries import KNOWLEDGE


class Vectors:
    """See the module. Every method but `complete` blocks."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: Any = None
        self._turn = threading.Lock()

    def open(self) -> None:
        """Raises ConfigError."""
        try:
            import apsw
            import sqlite_vec
        except ImportError as error:
            raise ConfigError(
                f"knowledge.embeddings needs {error.name}, which is not installed; "
                "run: pip install 'frontdesk[embeddings]'"
            ) from error
        try:
            connection = apsw.Connection(str(self._path))
            connection.set_busy_timeout(5_000)
            connection.enable_load_extension(True)  # noqa: FBT003 -- the library's own word
            connection.load_extension(sqlite_vec.loadable_path())
            connection.enable_load_extension(False)  # noqa: FBT003 -- as above
            connection.execute(KNOWLEDGE["create_vector"])
        except (apsw.Error, AttributeError) as error:
            raise ConfigError(
                f"sqlite-vec cannot be loaded into {self._path} ({error}); remove that file, which is made again, and "
                "run: pip install --force-reinstall 'frontdesk[embeddings]'"
            ) from error
        self._connection = connection

    def close(self) -> None:
        """Close the file."""
        if self._connection:
            self._connection.close()

    def nearest(self, vector: Sequence[float], model: str, scope: str, distance_max: float, limit: int) -> list[str]:
        """Ids of the passages nearest in meaning, the nearest first. `scope` as a JSON list of files."""
        wanted = {
            "wanted": _packed(vector),
            "model": model,
            "scope": scope,
            "distance_max": distance_max,
            "limit": limit,
        }
        with self._turn:
            return [row[0] for row in self._connection.execute(KNOWLEDGE["nearest"], wanted)]

    async def complete(
        self,
        passages: Mapping[str, tuple[str, Passage]],
        embeddings: Embeddings,
        told: Callable[[int, int], None],
    ) -> None:
        """Vectors for those of the passages (with their files, by id) that have none, and for no others. The same text
        is computed once, whatever it is called. Raises ProviderFailure."""
        prints = {known: fingerprint(passage) for known, (_, passage) in passages.items()}
        await asyncio.to_thread(self._write, lambda: self._keep_only(list(passages)))
        missing = await asyncio.to_thread(self._reuse, passages, prints, embeddings.model)
        texts = {prints[known]: embedded(passages[known][1]) for known in missing}

        async def keep(vectors: Mapping[str, Sequence[float]]) -> None:
            rows = [
                (known, passages[known][0], prints[known], embeddings.model, _packed(vectors[prints[known]]))
                for known in missing
                if prints[known] in vectors
            ]
            await asyncio.to_thread(self._write, lambda: self._connection.executemany(KNOWLEDGE["put_vector"], rows))

        await embeddings.passages(texts, keep, told)

    def _reuse(self, passages: Mapping[str, tuple[str, Passage]], prints: Mapping[str, str], model: str) -> list[str]:
        """What has no vector even by another name."""
        with self._turn:
            there = dict(self._connection.execute(KNOWLEDGE["vectors"], (model,)))
        missing: list[str] = []
        for known, one in prints.items():
            if there.get(known) == one:
                continue
            with self._turn:
                row = self._connection.execute(KNOWLEDGE["embedding"], (one, model)).fetchone()
            if row is None:
                missing.append(known)
                continue
            with self._turn:
                self._connection.execute(KNOWLEDGE["put_vector"], (known, passages[known][0], one, model, row[0]))
        return missing

    def _keep_only(self, ids: Sequence[str]) -> None:
        self._connection.execute(KNOWLEDGE["keep_vectors"], (msgspec.json.encode(ids).decode(),))

    def _write(self, work: Callable[[], object]) -> None:
        with self._turn, self._connection:
            work()


def _packed(vector: Sequence[float]) -> bytes:
    return struct.pack(f"<{len(vector)}f", *vector)
