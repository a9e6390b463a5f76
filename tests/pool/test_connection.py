"""One connection, used by several threads at once."""

from __future__ import annotations

import gc
import sqlite3
import sys
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from knnal.errors import PoolBusyError, PoolDamagedError, PoolError, PoolUnwritableError
from knnal.pool.connection import Connection

COUNT = 2500
"""More than a batch of ``stream``."""


@pytest.fixture
def db() -> Iterator[Connection]:
    """A table of squares."""
    with closing(Connection(None)) as db:
        db.run("CREATE TABLE squares (number INTEGER PRIMARY KEY, square INTEGER)")
        db.run_for_each("INSERT INTO squares VALUES (?, ?)", ((i, i * i) for i in range(COUNT)))
        yield db


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that take turns as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_threads_that_ask_the_same_get_their_own_rows(db: Connection) -> None:
    def ask(step: int) -> list[int]:
        wrong = []
        for i in range(12_000):
            number = i * step % COUNT
            row = db.first("SELECT square FROM squares WHERE number = ?", (number,))
            if row != (number * number,):
                wrong.append(number)
        return wrong

    def read_all(_: int) -> list[int]:
        rows = [*db.stream("SELECT number, square FROM squares ORDER BY number")]
        return [number for number, square in rows if square != number * number]

    with ThreadPoolExecutor(4) as threads:
        found = [threads.submit(work, step) for work in (ask, read_all) for step in (1, 7, 11)]
        assert [future.result() for future in found] == [[]] * 6


def test_rows_come_in_order_however_they_are_read(db: Connection) -> None:
    query = "SELECT square FROM squares WHERE number >= ? ORDER BY number"
    expected = [(i * i,) for i in range(3, COUNT)]
    assert db.rows(query, (3,)) == expected
    assert list(db.stream(query, (3,))) == expected
    assert db.first(query, (3,)) == (9,)
    assert db.first(query, (COUNT,)) is None
    assert list(db.stream(query, (COUNT,))) == []


def test_what_was_done_is_told(db: Connection) -> None:
    assert db.run("UPDATE squares SET square = 0 WHERE number < 5") == 5
    assert db.insert("INSERT INTO squares (square) VALUES (?)", (1,)) == COUNT


def test_a_transaction_that_fails_leaves_nothing(db: Connection) -> None:
    def fail() -> None:
        with db.transaction():
            db.run("DELETE FROM squares")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert db.rows("SELECT COUNT(*) FROM squares") == [(COUNT,)]


def test_one_that_nobody_holds_any_more_is_closed(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        db = Connection(tmp_path / "db.sqlite")
        inner = db._db
        del db
        gc.collect()
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        inner.execute("SELECT 1")


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(PoolUnwritableError, match=r"cannot be written \(unable to open"):
        Connection(tmp_path / "nowhere" / "db.sqlite")


@pytest.mark.parametrize(
    ("code", "error", "said"),
    [
        (sqlite3.SQLITE_BUSY, PoolBusyError, "Try again"),
        (sqlite3.SQLITE_BUSY_SNAPSHOT, PoolBusyError, "Try again"),
        (sqlite3.SQLITE_LOCKED, PoolBusyError, "Try again"),
        (sqlite3.SQLITE_FULL, PoolUnwritableError, "Free some space"),
        (sqlite3.SQLITE_READONLY, PoolUnwritableError, "mounted read-only"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, PoolUnwritableError, "mounted read-only"),
        (sqlite3.SQLITE_CANTOPEN, PoolUnwritableError, "mounted read-only"),
        (sqlite3.SQLITE_IOERR_WRITE, PoolUnwritableError, "disk reports an error"),
        (sqlite3.SQLITE_CORRUPT, PoolDamagedError, "Restore it from a backup"),
        (sqlite3.SQLITE_CORRUPT_INDEX, PoolDamagedError, "Restore it from a backup"),
        (sqlite3.SQLITE_NOTADB, PoolDamagedError, "Restore it from a backup"),
    ],
)
def test_errors_are_told_by_their_code(
    db: Connection, code: int, error: type[PoolError], said: str
) -> None:
    with pytest.raises(error, match=said), db._guard:
        raise coded(code)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_CANTOPEN])
def test_a_disk_without_room_is_full_whatever_sqlite_says(
    db: Connection, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("knnal.pool.connection.is_full", lambda _: True)
    with pytest.raises(PoolUnwritableError, match="Free some space"), db._guard:
        raise coded(code)


@pytest.mark.parametrize("statement", ["SELECT ?", "INSERT INTO squares VALUES (1, 1)"])
def test_errors_of_the_program_are_no_errors_of_the_file(db: Connection, statement: str) -> None:
    with pytest.raises((sqlite3.ProgrammingError, sqlite3.IntegrityError)):
        db.run(statement)


def coded(code: int) -> sqlite3.Error:
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code
    return error
