"""``labels.sqlite``: opened, migrated, and with the settings that make a commit durable."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

from knnal.errors import PoolError
from knnal.store.connection import WAIT_S, Connection, busy, is_busy
from knnal.store.migrations import migrate

_RETRY_S = 0.01


def connect(path: Path | None) -> Connection:
    """Open and migrate the database; None opens one in memory.

    A commit is durable when it returns: write-ahead log, synced at each commit.

    Raises PoolError where the file is no database of knnal, PoolBusyError where another process
    holds it for longer than half a minute.
    """
    db = Connection(path)
    try:
        _use_write_ahead_log(db)
        db.run("PRAGMA synchronous = FULL")
        db.run("PRAGMA foreign_keys = ON")
        migrate(db)
    except sqlite3.DatabaseError as error:
        db.close()
        if is_busy(error):
            raise busy(error) from error
        raise PoolError(
            f"Expected knnal's database in {path}, but SQLite says: {error}. "
            "Restore it from a copy of the pool."
        ) from error
    except BaseException:
        db.close()
        raise
    return db


def _use_write_ahead_log(db: Connection) -> None:
    """Switch the database over, once in its life.

    SQLite does not wait for other processes here, as it does everywhere else, so this does.
    """
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            db.run("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return
