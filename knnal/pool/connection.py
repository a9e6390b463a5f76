"""A connection to SQLite that threads can share, its transactions, and what its errors mean."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from types import TracebackType
from typing import Any

from knnal.errors import KnnalError, PoolBusyError, PoolDamagedError
from knnal.files import is_full, unwritable
from knnal.pool.checksums import values_checksum

WAIT_S = 30.0
"""How long to wait for other processes."""
CHECKSUM = "checksum_of"
"""The name of ``values_checksum`` in SQL."""
_BATCH = 1000

_BUSY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_READ_ONLY = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN)
_MISUSE = (
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISUSE,
    sqlite3.SQLITE_RANGE,
    sqlite3.SQLITE_INTERRUPT,
)
"""Errors of the program, not of the file."""


class _Guard:
    """One statement at a time, its errors explained. A class, since each statement enters it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._lock.release()
        explained = self._connection.explain(error) if isinstance(error, sqlite3.Error) else None
        if explained is not None:
            raise explained from error


Row = tuple[Any, ...]
Values = Sequence[object]


class Connection:
    """One connection, for any number of threads: statements run one at a time, whole.

    Python's sqlite3 keeps prepared statements by their text. From Python 3.12 on, two threads that
    run the same text on one connection may get hold of the same one, and then of each other's rows.

    An error of SQLite's is raised by what it means: PoolBusyError, PoolUnwritableError or
    PoolDamagedError. ``read_only`` opens a file that cannot be written, and must not change.
    """

    def __init__(self, path: Path | None, *, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self._guard = _Guard(self)
        name = ":memory:" if path is None else str(path)
        if read_only and path is not None:
            name = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
        with self._guard:
            self._db = sqlite3.connect(
                name,
                timeout=WAIT_S,
                isolation_level=None,
                check_same_thread=False,
                uri=read_only,
            )
            self._db.create_function(CHECKSUM, -1, values_checksum, deterministic=True)

    def __del__(self) -> None:
        if hasattr(self, "_db"):  # the file could be opened
            self._db.close()

    def rows(self, query: str, values: Values = ()) -> list[Row]:
        """All rows that a query finds."""
        with self._guard:
            return self._db.execute(query, values).fetchall()

    def first(self, query: str, values: Values = ()) -> Row | None:
        """The first row that a query finds, or None."""
        with self._guard:
            cursor = self._db.execute(query, values)
            row: Row | None = cursor.fetchone()
            cursor.close()
            return row

    def stream(self, query: str, values: Values = ()) -> Iterator[Row]:
        """Like ``rows``, where they may be too many to hold."""
        with self._guard:
            cursor = self._db.execute(query, values)
            batch = cursor.fetchmany(_BATCH)
        while batch:
            yield from batch
            with self._guard:
                batch = cursor.fetchmany(_BATCH)

    def run(self, statement: str, values: Values = ()) -> int:
        """Run a statement; how many rows it changed."""
        with self._guard:
            return self._db.execute(statement, values).rowcount

    def insert(self, statement: str, values: Values) -> int:
        """Insert a row; its number."""
        with self._guard:
            number = self._db.execute(statement, values).lastrowid
        assert number is not None
        return number

    def run_for_each(self, statement: str, values: Iterable[Values]) -> None:
        """Run a statement once for each of several values."""
        with self._guard:
            self._db.executemany(statement, values)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and alone: other processes that write wait until it ends.

        Other threads may go on reading: they see what is written so far. Raises PoolBusyError where
        another process holds the database for longer than half a minute, PoolUnwritableError where
        it cannot be written to, as on a full disk.
        """
        try:
            self.run("BEGIN IMMEDIATE")
            yield
            self.run("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self.run("ROLLBACK")
            raise

    def copy_to(self, target: Connection) -> None:
        """Copy the whole database over that of another connection, as of one moment.

        Processes that have the other one open see the copy in its place. Neither connection may be
        in a transaction. Raises PoolBusyError where another process holds one of the two.
        """
        deadline = time.monotonic() + WAIT_S

        def give_up(status: int, _remaining: int, _total: int) -> None:
            if status in _BUSY and time.monotonic() > deadline:  # else Python waits forever
                raise _busy("database is locked")

        with target._guard, self._guard:
            self._db.backup(target._db, progress=give_up)

    def interrupt(self) -> None:
        """End a statement that another thread runs, there with sqlite3.OperationalError."""
        self._db.interrupt()

    def close(self) -> None:
        with self._guard:
            self._db.close()

    def explain(self, error: sqlite3.Error) -> KnnalError | None:
        """What an error means to the user; None for one of the program's own.

        What SQLite reports in the higher bits of a code tells kinds of the same error apart.
        """
        code = getattr(error, "sqlite_errorcode", None)
        where = self.path or Path("the pool in memory")
        if code is None and isinstance(error, sqlite3.ProgrammingError | sqlite3.InterfaceError):
            return None
        code = sqlite3.SQLITE_CORRUPT if code is None else code & 0xFF
        if code in _MISUSE:
            return None
        if code in _BUSY:
            return _busy(error)
        full = code == sqlite3.SQLITE_FULL or (
            code in (*_READ_ONLY, sqlite3.SQLITE_IOERR) and is_full(where.parent)
        )
        if full or code in _READ_ONLY:
            return unwritable(where, error, full=full)
        if code == sqlite3.SQLITE_IOERR:
            return unwritable(where, f"{error}: the disk reports an error", full=False)
        return self.damaged(f"SQLite says: {error}")

    def damaged(self, problem: str) -> PoolDamagedError:
        """The error that says what is wrong with the database."""
        return PoolDamagedError(self.path or Path("the pool in memory"), problem)


def _busy(reason: object) -> PoolBusyError:
    return PoolBusyError(
        f"Another process has been writing to this pool for {WAIT_S:.0f} s ({reason}). "
        "Try again when it is done; nothing was changed."
    )
