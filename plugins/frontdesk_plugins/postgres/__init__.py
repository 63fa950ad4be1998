"""PostgreSQL: the store and the knowledge search of several processes."""

from __future__ import annotations

from typing import Any

from frontdesk.knowledge.embeddings import Embeddings
from frontdesk.plugin import Providers, Secret, Tools, hookimpl
from frontdesk_plugins.postgres.knowledge import PostgresKnowledge
from frontdesk_plugins.postgres.options import KnowledgeOptions, StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore


def _build_store(_name: str, options: StoreOptions, tools: Tools) -> PostgresStore:
    return PostgresStore(options, is_read_only=tools.is_read_only)


def _place(address: str) -> dict[str, Any]:
    return {"url": Secret(address)}


def _build_knowledge(_name: str, options: KnowledgeOptions, tools: Tools) -> PostgresKnowledge:
    embeddings = Embeddings(options.embeddings, tools.http) if options.embeddings else None
    return PostgresKnowledge(options, embeddings)


@hookimpl
def register(providers: Providers) -> None:
    """Offer the store and the knowledge search."""
    providers.store("postgres", StoreOptions, _build_store, serves_many=True, place=_place)
    providers.knowledge("postgres", KnowledgeOptions, _build_knowledge)
