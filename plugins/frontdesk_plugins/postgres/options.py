"""What can be set under `[store]` and `[knowledge]`."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from frontdesk.knowledge.embeddings import EmbeddingsOptions
from frontdesk.plugin import Secret


class StoreOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options under `[store]`."""

    url: Annotated[Secret, Meta(description="postgresql://role:password@host:5432/database, or a pooler's address.")]
    direct_url: Annotated[
        Secret | None, Meta(description="The server itself, for migrations, where `url` is a pooler's.")
    ] = None
    pool_max: Annotated[int, Meta(ge=2, description="Most connections of one process.")] = 8
    connect_timeout_seconds: Annotated[float, Meta(gt=0, description="For one connection, waiting included.")] = 5.0
    statement_timeout_seconds: Annotated[float, Meta(gt=0, description="For one statement, on the server.")] = 10.0
    statement_cache: Annotated[
        Annotated[int, Meta(ge=0)] | None,
        Meta(
            description="Prepared statements kept by a connection. Unset: 64 where the server is reached directly, "
            "none behind a pooler; PgBouncer from 1.21 on with max_prepared_statements can do with 64."
        ),
    ] = None


class KnowledgeOptions(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options under `[knowledge]`."""

    url: Annotated[
        Secret, Meta(description="The database of the index; unset: the store's. Nothing in it has to be backed up.")
    ]
    direct_url: Annotated[
        Secret | None,
        Meta(description="The server itself, for indexing, where `url` is a pooler's; unset: the store's."),
    ] = None
    pool_max: Annotated[int, Meta(ge=1, description="Most connections of one process that search.")] = 4
    connect_timeout_seconds: Annotated[float, Meta(gt=0, description="For one connection, waiting included.")] = 5.0
    statement_timeout_seconds: Annotated[float, Meta(gt=0, description="For one statement.")] = 10.0
    embeddings: Annotated[EmbeddingsOptions | None, Meta(description="Search by meaning too; unset: words only.")] = (
        None
    )
