"""Brings the schema up to date at the start, in one transaction, and refuses a newer one."""

from __future__ import annotations

from typing import Any, Protocol

import asyncpg
import msgspec

from frontdesk.core.archive import Mark
from frontdesk.plugin import ConfigError, Secret
from frontdesk.ports import StoreUnavailable
from frontdesk_plugins.postgres.options import StoreOptions
from frontdesk_plugins.postgres.presence import Presence
from frontdesk_plugins.postgres.queries import SQL, migrations

SERVER_MIN = 14

_decode_mark = msgspec.json.Decoder(Mark).decode


class Reach(Protocol):
    """Where a server is, and how long to wait for it."""

    @property
    def url(self) -> Secret:
        """The server, or a pooler before it."""

    @property
    def direct_url(self) -> Secret | None:
        """The server itself, where `url` is a pooler's."""

    @property
    def connect_timeout_seconds(self) -> float:
        """For one connection."""


async def connect(options: Reach) -> Any:
    """A connection to the server itself, past a pooler where `direct_url` says so. Raises ConfigError and what the
    driver raises."""
    connection = await _connect(options, options.direct_url or options.url)
    if connection.get_server_version().major < SERVER_MIN:
        version = connection.get_server_version().major
        await connection.close()
        raise ConfigError(f"PostgreSQL {version} is too old; upgrade the server to {SERVER_MIN} or newer")
    return connection


async def open_schema(options: StoreOptions, place: str, presence: Presence | None) -> None:
    """Look at the server, migrate and enter `presence`; None: look only. An advisory lock, held by the transaction,
    makes processes that start at the same time wait for one another, and for a move that begins. Raises ConfigError,
    StoreUnavailable and what the driver raises."""
    connection = await connect(options)
    try:
        async with connection.transaction():
            if presence is None:
                await refuse_other(connection, is_read_only=True)
                return
            await bring_up_to_date(connection)
            mark = await read_mark(connection)
            if mark:
                raise ConfigError(mark.sentence(place))
            await presence.enter(connection)
    finally:
        await connection.close()


async def _connect(options: Reach, url: Secret) -> Any:
    try:
        return await asyncpg.connect(url.reveal(), timeout=options.connect_timeout_seconds, statement_cache_size=0)
    except (ValueError, OverflowError) as error:  # a port beyond 65535 is the latter
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


async def bring_up_to_date(connection: Any) -> None:
    """Look at the server and migrate, in a transaction of the caller's. Raises ConfigError and StoreUnavailable."""
    if await connection.fetchval(SQL["is_replica"]):
        raise StoreUnavailable("this PostgreSQL only reads, it is a replica; let `store.url` name the primary")
    if await connection.fetchval(SQL["durability"]) == "off":
        raise ConfigError(
            "this PostgreSQL forgets accepted messages when it crashes (synchronous_commit is off); "
            "run: ALTER ROLE … SET synchronous_commit = on"
        )
    await connection.execute(SQL["lock_schema"])
    await _migrate(connection)


async def read_mark(connection: Any) -> Mark | None:
    """The mark of a move, where there is one."""
    mark = await connection.fetchval(SQL["mark"])
    return _decode_mark(mark) if mark else None


async def _version(connection: Any) -> int:
    if not await connection.fetchval(SQL["has_schema"]):
        return 0
    return int(await connection.fetchval(SQL["schema_version"]))


async def _migrate(connection: Any) -> None:
    version = await refuse_other(connection, is_read_only=False)
    if version < len(migrations()):  # whoever writes waits behind us meanwhile
        await connection.execute(SQL["wait_briefly"])
    if version == 0:
        await connection.execute(SQL["create_schema"])
    for number, script in enumerate(migrations()[version:], start=version + 1):
        await connection.execute(script)
        await connection.execute(SQL["add_schema_version"], number)


async def refuse_other(connection: Any, *, is_read_only: bool) -> int:
    """The schema's version, unless it is a newer one, or where nothing is migrated another one. Raises ConfigError."""
    version, newest = await _version(connection), len(migrations())
    if version > newest:
        raise ConfigError(
            f"the database has schema {version}, this frontdesk knows {newest}; install the newer release again"
        )
    if is_read_only and version < newest:
        raise ConfigError(f"the database has schema {version}, this frontdesk reads {newest}; start the service once")
    return version
