"""Whether a pool's sources are what knnal wrote: its database, its vectors, and its views."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from knnal.errors import PoolDamagedError, PoolError
from knnal.store.checksums import CHECKED
from knnal.store.connection import Connection
from knnal.store.database import checksum_sql
from knnal.store.vectors import BLOCK, VectorSums
from knnal.store.views import ViewFiles
from knnal.types import Float32Array, Narrator

VERIFIED_AT_ONCE = 256 << 20
"""Pools of fewer bytes than this are verified whole when they are opened."""

_ROWS = 500
"""Rows of a table that are compared at once."""
_PAUSE_S = 0.001
_RETRY_S = 0.02


class Repair(StrEnum):
    """What mends a damaged file."""

    REMAKE = "remake"
    """It follows from the vectors or the log, and is made again."""
    EMBED = "embed"
    """The items are embedded again from their source."""
    REWRITE = "rewrite"
    """``labels.sqlite`` has what belongs there."""
    RESTORE = "restore"
    """Only a backup has what was lost."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A file that is not what knnal wrote; ``rows`` are the damaged ones of many, if known."""

    file: str
    problem: str
    repair: Repair
    rows: tuple[int, ...] = ()

    @property
    def error(self) -> PoolDamagedError:
        """The same as an error that says what to do."""
        remedy = {
            Repair.RESTORE: "Restore it from a backup of the pool.",
            Repair.EMBED: "Repair the pool, which embeds them again, or restore it from a backup.",
        }.get(self.repair, "Repair the pool, which makes it again.")
        return PoolDamagedError(f"{self.file} is damaged: {self.problem}. {remedy}")


def database_findings(db: Connection, narrator: Narrator) -> Iterator[Finding]:
    """What is wrong with ``labels.sqlite``: its pages, indexes, rows, and what is missing."""
    file = "labels.sqlite" if db.path is None else db.path.name
    try:
        wrong = [str(row[0]) for row in db.rows("PRAGMA integrity_check(3)") if row[0] != "ok"]
        if wrong:
            yield Finding(file, "; ".join(wrong).replace("\n", " "), Repair.RESTORE)
            return
        for table in CHECKED:
            for key in _changed(db, table, narrator):
                yield Finding(file, f"{table} {key} is not what was written", Repair.RESTORE)
        for problem in _missing(db):
            yield Finding(file, problem, Repair.RESTORE)
    except PoolDamagedError as error:
        yield Finding(file, str(error.__cause__ or error), Repair.RESTORE)


def _changed(db: Connection, table: str, narrator: Narrator) -> Iterator[object]:
    """The keys of rows whose checksum does not match."""
    key = CHECKED[table][0]
    wrong = f"SELECT {key} FROM {table} WHERE checksum IS NOT {checksum_sql(table)}"  # noqa: S608
    if table == "offers":  # no numbers to go by, and never many
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
) -> Iterator[Finding]:
    """Which rows of ``X`` ``(n, d)`` are not those written; from ``start`` on, then the others."""
    done = 0
    damaged: list[int] = []
    for rows in sums.damaged(X, start):
        damaged.extend(rows.tolist())
        done = min(done + BLOCK, len(X))
        narrator.progress("Checking vectors", done, len(X))
    if damaged:
        yield _damaged_rows(file.name, damaged)


def view_findings(
    views: ViewFiles | None, X: Float32Array, narrator: Narrator
) -> Iterator[Finding]:
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
    except PoolError as error:
        yield Finding("views.npy", str(error), Repair.EMBED)


def _damaged_rows(file: str, rows: list[int]) -> Finding:
    rows.sort()
    named = ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")
    problem = f"its checksums do not match in {len(rows)} row{'s' * (len(rows) > 1)} ({named})"
    return Finding(file, problem, Repair.EMBED, tuple(rows))


class Background:
    """Verifies a large pool in a thread, while it is used.

    ``find`` gives the findings; it reports progress to the narrator that it is given.
    ``interrupt`` ends what takes it long, with sqlite3.OperationalError.
    """

    def __init__(
        self, find: Callable[[Narrator], Iterator[Finding]], interrupt: Callable[[], None]
    ) -> None:
        self._find = find
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
            for finding in self._find(self):
                self._found = finding.error
                return
        except _StoppedError:
            pass
        except sqlite3.OperationalError:
            if not self._stopping.is_set():
                raise
        except PoolError as error:  # such as a file that was removed meanwhile
            self._found = error

    def progress(self, stage: str, done: int, total: int | None) -> None:  # noqa: ARG002
        """Make way for the threads that answer; as a Narrator, in the place of showing progress."""
        if self._stopping.is_set():
            raise _StoppedError
        time.sleep(_PAUSE_S)

    def say(self, message: str) -> None:
        """Verification says nothing."""


class _StoppedError(Exception):
    """The pool is being closed."""
