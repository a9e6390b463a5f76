"""``labels.sqlite``: one connection's settings, and transactions."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from knnal.errors import PoolBusyError, PoolError
from knnal.store.migrations import migrate

_WAIT_S = 30.0
_RETRY_S = 0.01


def connect(path: Path | None) -> sqlite3.Connection:
    """Open and migrate the database; None opens one in memory.

    A commit is durable when it returns: write-ahead log, synced at each commit.

    Raises PoolError where the file is no database of knnal, PoolBusyError where another process
    holds it for longer than half a minute.
    """
    db = sqlite3.connect(
        ":memory:" if path is None else path,
        timeout=_WAIT_S,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        _use_write_ahead_log(db)
        db.execute("PRAGMA synchronous = FULL")
        db.execute("PRAGMA foreign_keys = ON")
        migrate(db)
    except sqlite3.DatabaseError as error:
        db.close()
        if _is_busy(error):
            raise _busy(error) from error
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
        raise _busy(error) from error
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _use_write_ahead_log(db: sqlite3.Connection) -> None:
    """Switch the database over, once in its life.

    SQLite does not wait for other processes here, as it does everywhere else, so this does.
    """
    deadline = time.monotonic() + _WAIT_S
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not _is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return


def _is_busy(error: sqlite3.Error) -> bool:
    primary = getattr(error, "sqlite_errorcode", 0) & 0xFF  # the rest tells kinds of busy apart
    return primary in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _busy(error: sqlite3.Error) -> PoolBusyError:
    return PoolBusyError(
        f"Another process has been writing to this pool for {_WAIT_S:.0f} s ({error}). "
        "Try again when it is done; nothing was changed."
    )
