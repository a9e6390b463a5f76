"""``labels.sqlite``: one connection's settings, and transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knnal.errors import PoolBusyError, PoolError
from knnal.store.migrations import migrate

_WAIT_S = 30.0


def connect(path: Path | None) -> sqlite3.Connection:
    """Open and migrate the database; None opens one in memory.

    A commit is durable when it returns: write-ahead log, synced at each commit.

    Raises PoolError where the file is no database of knnal.
    """
    db = sqlite3.connect(
        ":memory:" if path is None else path,
        timeout=_WAIT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        migrate(db)
    except sqlite3.DatabaseError as error:
        db.close()
        raise PoolError(
            f"Expected knnal's database in {path}, but SQLite says: {error}. "
            "Restore it from a copy of the pool."
        ) from error
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, and alone: other processes that write wait until it ends.

    Raises PoolBusyError where another one holds the database for longer than half a minute.
    """
    try:
        db.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        raise PoolBusyError(
            f"Another process has been writing to this pool for {_WAIT_S:.0f} s ({error}). "
            "Try again when it is done; nothing was changed."
        ) from error
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise
