"""``labels.sqlite``: made, opened, migrated, and with the settings that make a commit durable."""

from __future__ import annotations

import time
from pathlib import Path

from knnal.errors import PoolBusyError, PoolDamagedError, PoolUnwritableError
from knnal.pool.checksums import CHECKED
from knnal.pool.connection import CHECKSUM, WAIT_S, Connection
from knnal.pool.migrations import POOL_ID_VERSION, migrate, schema_version
from knnal.types import LogNarrator, Narrator

_RETRY_S = 0.01


def connect(
    path: Path | None,
    narrator: Narrator | None = None,
    *,
    new: bool = True,
    migrates: bool = True,
    has_vectors: bool = True,
) -> Connection:
    """Open the database and bring it to the present schema; None makes one in memory.

    A commit is durable when it returns: write-ahead log, synced at each commit. Without ``new``,
    a database must be there, and unless it ``migrates``, one of a pool with an id. One that cannot
    be written, as on a full disk, is opened read-only, which the narrator reports. Without
    ``has_vectors``, as for a backup of labels alone, an old one is migrated without its vectors.

    Raises PoolDamagedError where the file is no database of knnal, PoolBusyError where another
    process holds it for longer than half a minute, PoolUnwritableError where it cannot be written
    and has changes that were never written back, or an old schema.
    """
    narrator = narrator or LogNarrator()
    try:
        return _prepared(_opened(path, new), narrator, new, migrates, has_vectors)
    except PoolUnwritableError as error:
        if path is None or not path.is_file() or _has_pending_changes(path):
            raise
        db = _prepared(Connection(path, read_only=True), narrator, False, migrates, has_vectors)
        narrator.say(f"The pool is open for reading only. {error}")
        return db


def checksum_sql(table: str, prefix: str = "") -> str:
    """The SQL of the checksum of a row of a table."""
    return f"{CHECKSUM}({', '.join(prefix + name for name in CHECKED[table])})"


def _opened(path: Path | None, new: bool) -> Connection:
    if not new and path is not None and not path.is_file():
        raise PoolDamagedError(path, "it is missing")
    return Connection(path)


def _prepared(
    db: Connection, narrator: Narrator, new: bool, migrates: bool, has_vectors: bool
) -> Connection:
    try:
        version = schema_version(db)
        if not new and not version:
            raise db.damaged("it is empty, or no database of knnal")
        if not migrates and version < POOL_ID_VERSION:
            raise db.damaged(
                "its schema is older than the manifest's: it is another pool's, or an old copy"
            )
        if not db.read_only:
            _use_write_ahead_log(db)
            db.run("PRAGMA synchronous = FULL")
            db.run("PRAGMA foreign_keys = ON")
        migrate(db, narrator, has_vectors=has_vectors)
        for table in CHECKED:
            _keep_checksums(db, table)
    except BaseException:
        db.close()
        raise
    return db


def _keep_checksums(db: Connection, table: str) -> None:
    """Have SQLite write the checksum of each row that this connection writes."""
    columns = CHECKED[table]
    for name, event in (("added", "INSERT"), ("changed", f"UPDATE OF {', '.join(columns)}")):
        db.run(
            f"CREATE TEMP TRIGGER {table}_{name} AFTER {event} ON main.{table} BEGIN "  # noqa: S608
            f"UPDATE {table} SET checksum = {checksum_sql(table, 'NEW.')} "
            f"WHERE {columns[0]} = NEW.{columns[0]}; END"
        )


def _has_pending_changes(path: Path) -> bool:
    """Whether a write-ahead log holds what the file itself does not."""
    log = path.with_name(f"{path.name}-wal")
    return log.exists() and log.stat().st_size > 0


def _use_write_ahead_log(db: Connection) -> None:
    """Switch the database over, once in its life.

    SQLite does not wait for other processes here, as it does everywhere else, so this does.
    """
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            db.run("PRAGMA journal_mode = WAL")
        except PoolBusyError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_S)
        else:
            return
