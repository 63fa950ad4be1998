"""SQLite: the store and the knowledge search of one container."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from frontdesk.knowledge.embeddings import Embeddings, KnowledgeOptions
from frontdesk.plugin import ConfigError, Providers, Tools, hookimpl
from frontdesk_plugins.sqlite.knowledge import SqliteKnowledge
from frontdesk_plugins.sqlite.store import SqliteStore


class StoreOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options under `[store]`."""

    file: Annotated[str, Meta(description="The database, below `data_dir`.")] = "frontdesk.db"


def _build_store(_name: str, options: StoreOptions, tools: Tools) -> SqliteStore:
    return SqliteStore(tools.data_dir / options.file, tools.clock, is_read_only=tools.is_read_only)


def _place(address: str) -> dict[str, Any]:
    path = address.removeprefix("sqlite:")
    if not path or path.startswith("//"):
        raise ConfigError("an address of a SQLite database has the form sqlite:path/to/frontdesk.db; write it so")
    return {"file": str(Path(path).absolute())}


def _build_knowledge(_name: str, options: KnowledgeOptions, tools: Tools) -> SqliteKnowledge:
    embeddings = Embeddings(options.embeddings, tools.http) if options.embeddings else None
    return SqliteKnowledge(tools.data_dir / "knowledge.db", embeddings)


@hookimpl
def register(providers: Providers) -> None:
    """Offer the store and the knowledge search."""
    providers.store("sqlite", StoreOptions, _build_store, place=_place)
    providers.knowledge("sqlite", KnowledgeOptions, _build_knowledge)
