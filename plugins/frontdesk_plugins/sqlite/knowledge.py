"""Full-text search over Markdown files, with SQLite's FTS5. The index lives in memory and is built at the start: what
a shop knows is a few hundred pages at most, and files are the truth."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from frontdesk.core.prompt import Passage
from frontdesk.plugin import ConfigError
from frontdesk_plugins.sqlite.queries import SQL

_WORD = re.compile(r"\w+", re.UNICODE)
WORDS_MAX = 40
"""Words of a question that are searched for; the rest of a long message adds nothing but time."""

PREFIX_MIN = 5
"""Porter's stems keep "delivery" and "deliver" apart, so that a longer word is searched for by its beginning too."""

# So common that a match on them alone says nothing.
_STOP_WORDS = frozenset(
    "a about am an and any are as at be by can could do does for from get give has have hello hey hi how i if in is it "
    "its let like may me my no not of ok okay on or our please so tell thank thanks that the their them there they "
    "this to us was we what when where which who why will with would yes you your".split()
)


class SqliteKnowledge:
    """Passages of the `*.md` files of a folder, one for each heading."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._connection: sqlite3.Connection | None = None

    async def __aenter__(self) -> Self:
        passages = list(read_passages(self._folder))
        connection = sqlite3.connect(":memory:", check_same_thread=False)
        connection.execute(SQL["create_passage"])
        connection.executemany(SQL["add_passage"], passages)
        self._connection = connection
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._connection:
            self._connection.close()

    async def search(self, query: str, limit: int) -> Sequence[Passage]:
        """See the port. Words are matched by stem or beginning; the more of them a passage has, the better."""
        words = [word for word in _WORD.findall(query.casefold()) if word not in _STOP_WORDS][:WORDS_MAX]
        if not words or self._connection is None:
            return []
        expression = " OR ".join(dict.fromkeys(form for word in words for form in _forms(word)))
        rows = self._connection.execute(SQL["search_passages"], (expression, limit)).fetchall()
        return [Passage(id=row[0], title=row[1], text=row[2], score=-row[3]) for row in rows]


def _forms(word: str) -> Iterator[str]:
    """The word, which counts more, and what its relatives begin with."""
    yield f'"{word}"'
    if len(word) > PREFIX_MIN:
        yield f'"{word[: max(PREFIX_MIN, len(word) - 3)]}" *'


def read_passages(folder: Path) -> Iterator[tuple[str, str, str]]:
    """Id, title and text of every passage: a file is cut at its headings, which stay with what follows."""
    if not folder.is_dir():
        raise ConfigError(f"knowledge.folder: there is no folder {folder}; make it, or name another")
    for path in sorted(folder.glob("**/*.md")):
        title = path.stem.replace("-", " ").replace("_", " ")
        parts = re.split(r"^#{1,6}[ \t]+(.+?)[ \t]*$", _read(path), flags=re.MULTILINE)
        sections = [(title, parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]
        for number, (heading, text) in enumerate(sections):
            if text.strip():
                yield f"{path.relative_to(folder)}#{number}", heading, text.strip()


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read ({error}); save it as UTF-8, readable for this user") from error
