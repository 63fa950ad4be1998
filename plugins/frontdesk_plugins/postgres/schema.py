"""Brings the schema up to date at the start, in one transaction, and refuses a newer one."""

from __future__ import annotations

from typing import Any

import asyncpg

from frontdesk.plugin import ConfigError, Secret
from frontdesk.ports import StoreUnavailable
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.queries import SQL, migrations

SERVER_MIN = 14


async def open_schema(options: StoreOptions, *, is_read_only: bool) -> None:
    """Look at the server and migrate. An advisory lock, held by the transaction, makes processes that start at the same
    time wait for one another. Raises ConfigError, StoreUnavailable and what the driver raises."""
    connection = await _connect(options, options.direct_url or options.url)
    try:
        if connection.get_server_version().major < SERVER_MIN:
            raise ConfigError(
                f"PostgreSQL {connection.get_server_version().major} is too old; "
                f"upgrade the server to {SERVER_MIN} or newer"
            )
        async with connection.transaction():
            await _bring_up_to_date(connection, is_read_only=is_read_only)
    finally:
        await connection.close()


async def _connect(options: StoreOptions, url: Secret) -> Any:
    try:
        return await asyncpg.connect(url.reveal(), timeout=options.connect_timeout_seconds, statement_cache_size=0)
    except ValueError as error:
        raise ConfigError(
            "store.url or store.direct_url cannot be read; it has the form postgresql://role:password@host:5432/database"
        ) from error


async def is_reached_directly(options: StoreOptions) -> bool:
    """Whether `url` leads to the server itself. A pooler tells its clients a process number of its own making, for
    behind it a client has now this server process and now that."""
    connection = await _connect(options, options.url)
    try:
        return bool(await connection.fetchval(SQL["backend"]) == connection.get_server_pid())
    finally:
        await connection.close()


async def _bring_up_to_date(connection: Any, *, is_read_only: bool) -> None:
    if is_read_only:
        _refuse_other(await _version(connection), is_read_only=True)
        return
    if await connection.fetchval(SQL["is_replica"]):
        raise StoreUnavailable("this PostgreSQL only reads, it is a replica; let `store.url` name the primary")
    if await connection.fetchval(SQL["durability"]) == "off":
        raise ConfigError(
            "this PostgreSQL forgets accepted messages when it crashes (synchronous_commit is off); "
            "run: ALTER ROLE … SET synchronous_commit = on"
        )
    await connection.execute(SQL["lock_schema"])
    await _migrate(connection)


async def _version(connection: Any) -> int:
    if not await connection.fetchval(SQL["has_schema"]):
        return 0
    return int(await connection.fetchval(SQL["schema_version"]))


async def _migrate(connection: Any) -> None:
    version = await _version(connection)
    _refuse_other(version, is_read_only=False)
    if version == 0:
        await connection.execute(SQL["create_schema"])
    for number, script in enumerate(migrations()[version:], start=version + 1):
        await connection.execute(script)
        await connection.execute(SQL["add_schema_version"], number)


def _refuse_other(version: int, *, is_read_only: bool) -> None:
    newest = len(migrations())
    if version > newest:
        raise ConfigError(
            f"the database has schema {version}, this frontdesk knows {newest}; install the newer release again"
        )
    if is_read_only and version < newest:
        raise ConfigError(f"the database has schema {version}, this frontdesk reads {newest}; start the service once")
