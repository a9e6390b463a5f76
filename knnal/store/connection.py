"""A connection to SQLite that threads can share, and its transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import Any

from knnal.errors import PoolBusyError, PoolError

WAIT_S = 30.0
"""How long to wait for other processes."""
_BATCH = 1000
_UNWRITABLE = (
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_CANTOPEN,
)

Row = tuple[Any, ...]
Values = Sequence[object]


class Connection:
    """One connection, for any number of threads: statements come one at a time, whole.

    Python's sqlite3 keeps prepared statements by their text. From Python 3.12 on, two threads that
    run the same text on one connection may get hold of the same one, and then of each other's rows.
    """

    def __init__(self, path: Path | None) -> None:
        self._lock = RLock()
        self._db = sqlite3.connect(
            ":memory:" if path is None else path,
            timeout=WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )

    def __del__(self) -> None:
        if hasattr(self, "_db"):  # the file could be opened
            self._db.close()

    def rows(self, query: str, values: Values = ()) -> list[Row]:
        """All rows that a query finds."""
        with self._lock:
            return self._db.execute(query, values).fetchall()

    def first(self, query: str, values: Values = ()) -> Row | None:
        """The first row that a query finds, or None."""
        with self._lock:
            cursor = self._db.execute(query, values)
            row: Row | None = cursor.fetchone()
            cursor.close()
            return row

    def stream(self, query: str, values: Values = ()) -> Iterator[Row]:
        """Like ``rows``, where they may be too many to hold."""
        with self._lock:
            cursor = self._db.execute(query, values)
            batch = cursor.fetchmany(_BATCH)
        while batch:
            yield from batch
            with self._lock:
                batch = cursor.fetchmany(_BATCH)

    def run(self, statement: str, values: Values = ()) -> int:
        """Run a statement; how many rows it changed."""
        with self._lock:
            return self._db.execute(statement, values).rowcount

    def insert(self, statement: str, values: Values) -> int:
        """Insert a row; its number."""
        with self._lock:
            number = self._db.execute(statement, values).lastrowid
        assert number is not None
        return number

    def run_for_each(self, statement: str, values: Iterable[Values]) -> None:
        """Run a statement once for each of several values."""
        with self._lock:
            self._db.executemany(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and alone: other processes that write wait until it ends.

        Other threads may go on reading: they see what is written so far. Raises PoolBusyError where
        another process holds the database for longer than half a minute, PoolError where it cannot
        be written to, as on a full disk.
        """
        try:
            self.run("BEGIN IMMEDIATE")
            yield
            self.run("COMMIT")
        except BaseException as error:
            if self._db.in_transaction:
                self.run("ROLLBACK")
            if is_busy(error):
                raise busy(error) from error
            if _has_code(error, _UNWRITABLE):
                raise _unwritable(error) from error
            raise

    def close(self) -> None:
        with self._lock:
            self._db.close()


def is_busy(error: BaseException) -> bool:
    """Whether another process had the database."""
    return _has_code(error, (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED))


def busy(error: BaseException) -> PoolBusyError:
    """What to tell of that."""
    return PoolBusyError(
        f"Another process has been writing to this pool for {WAIT_S:.0f} s ({error}). "
        "Try again when it is done; nothing was changed."
    )


def _unwritable(error: BaseException) -> PoolError:
    return PoolError(
        f"Expected to write to the pool's labels.sqlite, but SQLite says: {error}. See to it that "
        "the disk has room and that the file and its folder may be written; nothing was changed."
    )


def _has_code(error: BaseException, codes: Sequence[int]) -> bool:
    """Whether SQLite reports one of its primary codes; what is above them tells kinds apart."""
    return (
        isinstance(error, sqlite3.Error) and getattr(error, "sqlite_errorcode", 0) & 0xFF in codes
    )
