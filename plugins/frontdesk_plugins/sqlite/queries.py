"""Reads the `.sql` files beside it. SQL is never written in Python here."""

from __future__ import annotations

import re
import sqlite3
from importlib.resources import files

_FOLDER = files(__package__)


def _named(text: str) -> dict[str, str]:
    parts = re.split(r"^-- :(\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: " ".join(sql.split()).rstrip(";") for name, sql in zip(parts[::2], parts[1::2], strict=True)}


SQL = _named((_FOLDER / "queries.sql").read_text())
"""Every query of the store by its name."""

KNOWLEDGE = _named((_FOLDER / "knowledge.sql").read_text())
"""Every query of the knowledge search."""


def migrations() -> list[str]:
    """The scripts of the numbered files, in order; the first is number 1."""
    numbered = sorted(entry.name for entry in _FOLDER.iterdir() if re.match(r"\d{4}_.*\.sql$", entry.name))
    return [(_FOLDER / name).read_text() for name in numbered]


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring a database from `version` to the newest, each step in a transaction of its own."""
    for number, script in enumerate(migrations()[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")
