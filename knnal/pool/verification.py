"""Whether a pool's sources are what knnal wrote: its database, its vectors, and its views."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from knnal.errors import Damage, PoolDamagedError, PoolError, Repair
from knnal.pool.checksums import CHECKED, REPLACEABLE
from knnal.pool.connection import Connection
from knnal.pool.database import checksum_sql
from knnal.pool.vectors import BLOCK, VectorSums
from knnal.pool.views import ViewFiles
from knnal.types import Float32Array, Narrator

VERIFIED_AT_ONCE = 256 << 20
"""Pools of fewer bytes than this are verified whole when they are opened."""

_ROWS = 500
"""Rows of a table that are compared at once."""
_PAUSE_S = 0.001
_RETRY_S = 0.02


def database_findings(db: Connection, narrator: Narrator) -> Iterator[Damage]:
    """What is wrong with ``labels.sqlite``.

    Rows come first: one that is damaged does not match its index either, which a new index would
    only hide.
    """
    yield from [*row_findings(db, narrator)] or page_findings(db)


def page_findings(db: Connection) -> list[Damage]:
    """What SQLite itself finds wrong with the pages and indexes of the database."""
    try:
        wrong = [str(row[0]) for row in db.rows("PRAGMA integrity_check(3)") if row[0] != "ok"]
    except PoolDamagedError as error:
        return [error.damage]
    in_tables = any(" index " not in problem for problem in wrong)
    repair = Repair.RESTORE if in_tables else Repair.REMAKE
    return [Damage(_name(db), "; ".join(wrong).replace("\n", " "), repair)] if wrong else []


def row_findings(db: Connection, narrator: Narrator) -> Iterator[Damage]:
    """Which rows of the database are not those written, and what is missing."""
    try:
        for table in CHECKED:
            repair = Repair.REMAKE if table in REPLACEABLE else Repair.RESTORE
            for key in _changed(db, table, narrator):
                yield Damage(_name(db), f"{table} {key} is not what was written", repair)
        for problem in _missing(db):
            yield Damage(_name(db), problem, Repair.RESTORE)
    except PoolDamagedError as error:
        yield error.damage


def _name(db: Connection) -> str:
    return "labels.sqlite" if db.path is None else db.path.name


def _changed(db: Connection, table: str, narrator: Narrator) -> Iterator[object]:
    """The keys of rows whose checksum does not match."""
    key = CHECKED[table][0]
    wrong = f"SELECT {key} FROM {table} WHERE checksum IS NOT {checksum_sql(table)}"  # noqa: S608
    if table in REPLACEABLE:  # no numbers to go by, and never many
        yield from (found for (found,) in db.rows(wrong))
        return
    ((last,),) = db.rows(f"SELECT IFNULL(MAX({key}), -1) FROM {table}")  # noqa: S608
    for start in range(0, int(last) + 1, _ROWS):
        stop = min(start + _ROWS, int(last) + 1)
        part = f"{wrong} AND {key} >= ? AND {key} < ?"
        yield from (found for (found,) in db.rows(part, (start, stop)))
        narrator.progress(f"Checking {table}", stop, int(last) + 1)


def _missing(db: Connection) -> Iterator[str]:
    """What is not there that must be: rows in between, events, checksums, sources."""
    for table, expected in (
        ("items", "(SELECT IFNULL(MAX(row), -1) + 1 FROM items)"),
        # SQLite keeps the number of the last event there ever was.
        ("events", "IFNULL((SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0)"),
    ):
        ((count, wanted),) = db.rows(f"SELECT COUNT(*), {expected} FROM {table}")  # noqa: S608
        if count != wanted:
            yield f"{wanted - count} of {wanted} {table} are missing"
    items, sums = db.rows(
        "SELECT (SELECT IFNULL(MAX(row), -1) + 1 FROM items),"
        " (SELECT IFNULL(MAX(start + LENGTH(sums) / 8), 0) FROM vector_sums)"
    )[0]
    if db.path is not None and items != sums:
        yield f"it has {items} rows of items, and checksums of {sums} vectors"
    VectorSums(db).count()
    if broken := db.rows("PRAGMA foreign_key_check"):
        yield f"{broken[0][0]} {broken[0][1]} refers to a row of {broken[0][2]} that is missing"
    if len(db.rows("SELECT id FROM pool")) != 1:
        yield "the pool's id is missing"


def vector_findings(
    sums: VectorSums, X: Float32Array, file: Path, narrator: Narrator, start: int = 0
) -> Iterator[Damage]:
    """Which rows of ``X`` ``(n, d)`` are not those written; from ``start`` on, then the others."""
    done = 0
    damaged: list[int] = []
    for rows in sums.damaged(X, start):
        damaged.extend(rows.tolist())
        done = min(done + BLOCK, len(X))
        narrator.progress("Checking vectors", done, len(X))
    if damaged:
        yield _damaged_rows(file.name, damaged)


def view_findings(views: ViewFiles | None, X: Float32Array, narrator: Narrator) -> Iterator[Damage]:
    """Which views of the rows ``X`` ``(n, d)`` are not those written."""
    if views is None:
        return
    try:
        damaged: list[int] = []
        for rows in views.damaged(X):
            damaged.extend(rows.tolist())
            narrator.progress("Checking views", 0, None)
        if damaged:
            yield _damaged_rows("views.npy", damaged)
    except PoolDamagedError as error:
        yield error.damage


def _damaged_rows(file: str, rows: list[int]) -> Damage:
    rows.sort()
    named = ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")
    problem = f"its checksums do not match in {len(rows)} row{'s' * (len(rows) > 1)} ({named})"
    return Damage(file, problem, Repair.EMBED, tuple(rows))


class Background:
    """Verifies a large pool in a thread, while it is used.

    ``find`` gives the findings; it reports progress to the narrator that it is given.
    ``interrupt`` ends what takes it long, with sqlite3.OperationalError.
    """

    def __init__(
        self,
        find: Callable[[Narrator], Iterator[Damage]],
        folder: Path,
        interrupt: Callable[[], None],
    ) -> None:
        self._find = find
        self._folder = folder
        self._interrupt = interrupt
        self._stopping = threading.Event()
        self._found: PoolError | None = None
        self._thread = threading.Thread(target=self._run, name="knnal-verify", daemon=True)
        self._thread.start()

    def require_sound(self) -> None:
        """Raise the PoolDamagedError of what was found so far, if anything was."""
        if self._found is not None:
            raise self._found

    def stop(self) -> None:
        """End the thread, which may be about to begin another long statement."""
        self._stopping.set()
        while self._thread.is_alive():
            self._interrupt()
            self._thread.join(_RETRY_S)

    def _run(self) -> None:
        try:
            for found in self._find(self):
                self._found = PoolDamagedError.of(found, self._folder)
                return
        except _StoppedError:
            pass
        except sqlite3.OperationalError:
            if not self._stopping.is_set():
                raise
        except PoolError as error:  # such as a file that was removed meanwhile
            self._found = error

    def progress(self, step: str, done: int, total: int | None) -> None:  # noqa: ARG002
        """Make way for the threads that answer; as a Narrator, in the place of showing progress."""
        if self._stopping.is_set():
            raise _StoppedError
        time.sleep(_PAUSE_S)

    def say(self, message: str) -> None:
        """Verification says nothing."""


class _StoppedError(Exception):
    """The pool is being closed."""
