"""What PostgreSQL complains of, in one sentence with the cure."""

from __future__ import annotations

import socket
import ssl

import asyncpg

from frontdesk.plugin import ConfigError
from frontdesk.ports import StoreUnavailable

RACES = (asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.UniqueViolationError)
"""Two processes met; whoever lost tries again and sees what the other has written."""

TROUBLE = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # asyncpg has lost its place, as it does where a connection is cut at a bad moment
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.LockNotAvailableError,
    asyncpg.IdleInTransactionSessionTimeoutError,
    asyncpg.TransactionTimeoutError,
    asyncpg.TransactionRollbackError,
    asyncpg.InternalServerError,  # a damaged page, a statement that met a change of the schema
    asyncpg.InvalidSQLStatementNameError,  # a pooler has come between since the start
    asyncpg.DuplicatePreparedStatementError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedTableError,
    asyncpg.UndefinedFunctionError,
    asyncpg.UndefinedColumnError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.ObjectNotInPrerequisiteStateError,
)
"""Not the fault of what was asked."""

_CLOSED = "the handler is closed"


def is_closed(error: BaseException) -> bool:
    """Whether it is uvloop's way to say that the connection is closed, which asyncpg passes on as it is."""
    return isinstance(error, RuntimeError) and _CLOSED in str(error)


_CURES: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], str], ...] = (
    (socket.gaierror, "check the host in `store.url`"),
    (ssl.SSLError, "check the server's certificate, and sslmode and sslrootcert in `store.url`"),
    (TimeoutError, "check that the server is reached and not overloaded, or raise `store.pool_max`"),
    (asyncpg.TooManyConnectionsError, "lower `store.pool_max`, or raise the server's max_connections"),
    (asyncpg.DiskFullError, "free some disk space on the server"),
    (
        asyncpg.QueryCanceledError,
        "look for what blocks or slows the server, or raise `store.statement_timeout_seconds`",
    ),
    (asyncpg.TransactionTimeoutError, "raise the role's transaction_timeout"),
    (asyncpg.LockNotAvailableError, "look for what blocks the tables"),
    (asyncpg.ReadOnlySQLTransactionError, "let `store.url` name the primary, this server only reads"),
    (asyncpg.InsufficientPrivilegeError, "let the role own the database's schema, or grant it all on its tables"),
    (asyncpg.InvalidAuthorizationSpecificationError, "check the role and its password in `store.url`"),
    (asyncpg.InvalidCatalogNameError, "create the database, or name another in `store.url`"),
    (
        asyncpg.ObjectNotInPrerequisiteStateError,
        "stop this process, and let `store.url` name the place that frontdesk migrate-storage moved it to",
    ),
    (asyncpg.UndefinedObjectError, "take out of `store.url` after its ? what the server does not know"),
    (asyncpg.InvalidParameterValueError, "correct in `store.url` what stands after its ?"),
    (asyncpg.InvalidSchemaNameError, "check the search_path of the role"),
    (
        (asyncpg.UndefinedTableError, asyncpg.UndefinedFunctionError, asyncpg.UndefinedColumnError),
        "start the service once, and check the search_path of the role",
    ),
    (asyncpg.DuplicateTableError, "let `store.url` name a database of its own, this one has tables of somebody else's"),
    (asyncpg.InternalServerError, "look into the server's log, it may be damaged"),
    (
        (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError),
        "restart this process, or set `store.statement_cache = 0`: a pooler stands before the server",
    ),
)
_CONFIGURATION = (
    asyncpg.InsufficientPrivilegeError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.UndefinedObjectError,
    asyncpg.InvalidParameterValueError,
    asyncpg.InvalidSchemaNameError,
    asyncpg.DuplicateTableError,
)


def _sentence(error: BaseException) -> str:
    cure = next((text for kind, text in _CURES if isinstance(error, kind)), "check that the server runs and is reached")
    told = " ".join((str(error) or type(error).__name__).split())
    if "rejected SSL" in told:
        cure = "let the server speak TLS, or say sslmode=disable in `store.url` where the network is your own"
    return f"({told}); {cure}"


def unavailable(error: BaseException) -> StoreUnavailable:
    """The server cannot do it now."""
    return StoreUnavailable(f"PostgreSQL cannot do this now {_sentence(error)}")


def refused(error: BaseException) -> ConfigError | StoreUnavailable:
    """The server could not be used at the start: what a person has to change, or wait for."""
    if isinstance(error, _CONFIGURATION):
        return ConfigError(f"PostgreSQL cannot be used {_sentence(error)}")
    return unavailable(error)
