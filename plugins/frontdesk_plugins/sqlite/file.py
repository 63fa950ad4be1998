"""The database as a file: its lock, what is said where it cannot be used, and the mark of a move."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import msgspec

from frontdesk.core.archive import Mark
from frontdesk.plugin import ConfigError
from frontdesk.ports import StoreUnavailable
from frontdesk_plugins.sqlite.queries import SQL

WRITING = """
    PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 250;
    PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = 8000; PRAGMA journal_size_limit = 67108864;
"""
"""WAL, every commit flushed before it is reported."""

_decode_mark = msgspec.json.Decoder(Mark).decode


def take_lock(path: Path) -> IO[str]:
    """The lock of the one process that writes; it is given back when the file is closed, or by the process's end, and
    a process that is stopped holds it still. Raises ConfigError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.with_suffix(".lock").open("a+")
    except OSError as error:
        raise ConfigError(
            f"{path.parent} cannot be used ({error.strerror}); make it writable, or set another `data_dir`"
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.seek(0)
        owner = lock.read().strip() or "unknown"
        lock.close()
        raise ConfigError(
            f"{path} is in use by another frontdesk (process {owner}); stop it, or set another `data_dir`"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


@contextmanager
def opening(path: Path) -> Iterator[None]:
    """What SQLite says while a database is opened, as a sentence."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        if error.sqlite_errorcode in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY):
            raise unavailable(path, error) from error
        raise ConfigError(f"{path} cannot be opened as a database: {error}; restore a backup") from error


def unavailable(path: Path, error: sqlite3.Error) -> StoreUnavailable:
    """The disk cannot do it now."""
    cure = "free some disk space" if "full" in str(error) else "check the disk and its permissions"
    return StoreUnavailable(f"{path} cannot be written ({error}); nothing was lost; {cure}")


def place(path: Path) -> str:
    """Where a database is, as `migrate-storage` takes it."""
    return f"sqlite:{path.absolute()}"


def read_mark(connection: sqlite3.Connection) -> Mark | None:
    """The mark of a move, where there is one."""
    row = connection.execute(SQL["mark"]).fetchone()
    return _decode_mark(row[0]) if row else None
