"""PostgreSQL: the store of several processes."""

from __future__ import annotations

from typing import Any

from frontdesk.plugin import Providers, Secret, Tools, hookimpl
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.store import PostgresStore


def _build_store(_name: str, options: StoreOptions, tools: Tools) -> PostgresStore:
    return PostgresStore(options, is_read_only=tools.is_read_only)


def _place(address: str) -> dict[str, Any]:
    return {"url": Secret(address)}


@hookimpl
def register(providers: Providers) -> None:
    """Offer the store."""
    providers.store("postgres", StoreOptions, _build_store, serves_many=True, place=_place)
