"""The database schema: numbered steps, each in one transaction. Never edit one that shipped."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from knnal.errors import PoolDamagedError, SchemaTooNewError
from knnal.files import DAMAGED_ARRAY, brief
from knnal.index.linalg import has_unit_norm
from knnal.pool.backup import save_before_migration
from knnal.pool.checksums import row_checksums
from knnal.pool.connection import CHECKSUM, Connection
from knnal.types import Narrator

_BLOCK = 8192


def _first_schema(db: Connection) -> None:
    for statement in (
        # Where items come from; a location inside the pool's parent folder is kept relative to it,
        # so that the two can be moved together.
        "CREATE TABLE sources (id INTEGER PRIMARY KEY, location TEXT NOT NULL UNIQUE)",
        # row is the row in embeddings.npy. A changed item gets a new one, and leaves the old one
        # superseded.
        """CREATE TABLE items (
             row INTEGER PRIMARY KEY,
             id TEXT NOT NULL,
             source INTEGER NOT NULL REFERENCES sources (id),
             state TEXT NOT NULL CHECK (state IN ('live', 'vanished', 'superseded')),
             stamp TEXT NOT NULL,
             digest TEXT NOT NULL,
             path TEXT,
             text TEXT
           )""",
        "CREATE UNIQUE INDEX items_by_id ON items (id) WHERE state != 'superseded'",
        """CREATE TABLE events (
             seq INTEGER PRIMARY KEY AUTOINCREMENT,
             kind TEXT NOT NULL CHECK (kind IN ('label', 'relabel', 'skip', 'undo', 'class')),
             item TEXT,
             label TEXT,
             target INTEGER REFERENCES events (seq),
             origin TEXT NOT NULL,
             annotator TEXT NOT NULL,
             at TEXT NOT NULL,
             strategy TEXT,
             scores TEXT
           )""",
        "CREATE INDEX events_by_item ON events (item)",
        "CREATE INDEX events_by_target ON events (target) WHERE target IS NOT NULL",
        "CREATE INDEX events_by_class ON events (label) WHERE kind = 'class'",
        """CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
           BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
        """CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
           BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
        # What was last asked about, so that an answer that another process brings can be logged
        # with the strategy and the scores that chose the item.
        """CREATE TABLE offers (
             item TEXT PRIMARY KEY,
             origin TEXT NOT NULL,
             strategy TEXT NOT NULL,
             scores TEXT NOT NULL
           ) WITHOUT ROWID""",
    ):
        db.run(statement)


def _events_of_any_kind(db: Connection) -> None:
    """Without the list of kinds, which knnal checks as it reads, so that there can be new ones.

    The name of the new table is that which its own foreign key goes to, and changes there too.
    """
    for statement in (
        """CREATE TABLE events_of_any_kind (
             seq INTEGER PRIMARY KEY AUTOINCREMENT,
             kind TEXT NOT NULL,
             item TEXT,
             label TEXT,
             target INTEGER REFERENCES events_of_any_kind (seq),
             origin TEXT NOT NULL,
             annotator TEXT NOT NULL,
             at TEXT NOT NULL,
             strategy TEXT,
             scores TEXT
           )""",
        """INSERT INTO events_of_any_kind
             (seq, kind, item, label, target, origin, annotator, at, strategy, scores)
           SELECT seq, kind, item, label, target, origin, annotator, at, strategy, scores
           FROM events ORDER BY seq""",
        "DROP TABLE events",  # its indexes and triggers go with it; triggers do not fire
        "ALTER TABLE events_of_any_kind RENAME TO events",
        "CREATE INDEX events_by_item ON events (item)",
        "CREATE INDEX events_by_target ON events (target) WHERE target IS NOT NULL",
        "CREATE INDEX events_by_class ON events (label) WHERE kind = 'class'",
        """CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events
           BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
        """CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events
           BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
    ):
        db.run(statement)


def _texts_and_names(db: Connection) -> None:
    """Notes and renames. An older knnal would take names for labels in force that are none now."""
    db.run("ALTER TABLE events ADD COLUMN text TEXT")
    db.run("CREATE INDEX events_by_rename ON events (text) WHERE kind = 'rename'")


@dataclass(frozen=True, slots=True)
class Migration:
    """What a step works on. ``has_vectors`` is False for a backup without ``embeddings.npy``."""

    db: Connection
    narrator: Narrator
    has_vectors: bool = True


def _checksums(migration: Migration) -> None:
    """The pool's own id, a copy of its manifest, and checksums of rows and vectors.

    What is there is taken as sound, but for vectors that no embedder gives.
    """
    db = migration.db
    tables = {
        "sources": "id, location",
        "items": "row, id, source, state, stamp, digest, path, text",
        "events": "seq, kind, item, label, target, origin, annotator, at, strategy, scores, text",
        "offers": "item, origin, strategy, scores",
    }
    for statement in (
        # One row: which pool this is, and the manifest as JSON, so that either file can tell
        # whether the other one belongs to it.
        "CREATE TABLE pool (id TEXT NOT NULL, manifest TEXT NOT NULL)",
        # The XXH3 of each row of embeddings.npy from row `start` on, 64 bits each, little-endian.
        "CREATE TABLE vector_sums (start INTEGER PRIMARY KEY, sums BLOB NOT NULL)",
        "DROP TRIGGER events_are_never_changed",
        *(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER" for table in tables),
        *(
            f"UPDATE {table} SET checksum = {CHECKSUM}({columns})"  # noqa: S608
            for table, columns in tables.items()
        ),
        f"""CREATE TRIGGER events_are_never_changed BEFORE UPDATE OF {tables["events"]} ON events
            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
    ):
        db.run(statement)
    folder = None if db.path is None else db.path.parent
    embedder = _manifest_of_before(folder)
    db.run("INSERT INTO pool VALUES (?, ?)", (uuid.uuid4().hex, json.dumps(embedder)))
    ((last,),) = db.rows("SELECT MAX(row) FROM items")
    if last is None or folder is None:
        return
    if migration.has_vectors:
        _sum_vectors(db, folder / "embeddings.npy", int(last) + 1, migration.narrator)
    else:  # no vector has this checksum, so that all count as damaged until they are embedded again
        unknown = np.zeros(int(last) + 1, dtype="<u8").tobytes()
        db.run("INSERT INTO vector_sums VALUES (0, ?)", (unknown,))


def _manifest_of_before(folder: Path | None) -> dict[str, object]:
    """What the manifest says of the embedder; of a new pool, nothing yet."""
    nothing: dict[str, object] = {"modality": None, "embedder": None}
    if folder is None or not (folder / "manifest.json").exists():
        return nothing
    found = json.loads((folder / "manifest.json").read_bytes())
    return {key: found[key] for key in nothing}


def _sum_vectors(db: Connection, file: Path, rows: int, narrator: Narrator) -> None:
    try:
        X = np.load(file, mmap_mode="r")
    except (OSError, *DAMAGED_ARRAY) as error:
        raise PoolDamagedError(file, f"it cannot be read ({brief(error)})") from error
    fits = isinstance(X, np.memmap) and X.ndim == 2 and len(X) >= rows
    if not fits or X.dtype != np.dtype("<f4") or not X.flags.c_contiguous:
        held = f"{X.dtype.str} of shape {X.shape}" if isinstance(X, np.memmap) else "an archive"
        problem = f"it must hold {rows} rows of little-endian float32 in C order, but holds {held}"
        raise PoolDamagedError(file, problem)
    for start in range(0, rows, _BLOCK):
        block = X[start : min(start + _BLOCK, rows)]
        if not has_unit_norm(block).all():
            last = start + len(block) - 1
            problem = f"among rows {start} to {last} there are some that are not of unit norm"
            raise PoolDamagedError(file, problem)
        sums = row_checksums(block).astype("<u8").tobytes()
        db.run("INSERT INTO vector_sums VALUES (?, ?)", (start, sums))
        narrator.progress("Checksums", start + len(block), rows)


def _batches(db: Connection) -> None:
    """What is undone together; and no indexes, as labels in force are found by replaying the log.

    Labels that were imported without a pause of a minute were one import, which could not be undone
    before.
    """
    columns = "seq, kind, item, label, target, origin, annotator, at, strategy, scores, text"
    for statement in (
        "ALTER TABLE events ADD COLUMN batch INTEGER REFERENCES events (seq)",
        "DROP TRIGGER events_are_never_changed",
        """UPDATE events SET batch = head FROM (
             SELECT seq AS member, MIN(seq) OVER (PARTITION BY run) AS head FROM (
               SELECT seq, origin, SUM(begins) OVER (ORDER BY seq) AS run FROM (
                 SELECT seq, origin, (
                     origin = 'imported'
                     AND LAG(origin) OVER logged = 'imported'
                     AND LAG(annotator) OVER logged = annotator
                     AND julianday(at) - julianday(LAG(at) OVER logged) < 1.0 / 24 / 60
                   ) IS NOT TRUE AS begins
                 FROM events WHERE kind != 'class' WINDOW logged AS (ORDER BY seq)))
             WHERE origin = 'imported')
           WHERE seq = member AND seq != head""",
        # An event that is damaged stays one whose checksum does not match.
        f"UPDATE events SET checksum = {CHECKSUM}({columns}, batch) "  # noqa: S608
        f"WHERE checksum = {CHECKSUM}({columns})",
        f"""CREATE TRIGGER events_are_never_changed BEFORE UPDATE OF {columns}, batch ON events
            BEGIN SELECT RAISE(ABORT, 'events are append-only'); END""",
        "DROP INDEX events_by_item",
        "DROP INDEX events_by_target",
        "DROP INDEX events_by_class",
        "DROP INDEX events_by_rename",
    ):
        db.run(statement)


def _files_by_content(db: Connection) -> None:
    """Files that were moved are found by their content; a source that gave nothing is none."""
    db.run(
        "CREATE INDEX items_by_content ON items (CAST(stamp AS INTEGER), substr(digest, 1, 16)) "
        "WHERE path IS NOT NULL AND state != 'superseded'"
    )
    db.run("DELETE FROM sources WHERE id NOT IN (SELECT source FROM items)")


def _settings(db: Connection) -> None:
    """Options that the pool keeps, their values as JSON."""
    db.run(
        "CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER) "
        "WITHOUT ROWID"
    )


def _of_database(step: Callable[[Connection], None]) -> Callable[[Migration], None]:
    return lambda migration: step(migration.db)


MIGRATIONS: tuple[Callable[[Migration], None], ...] = (
    *map(_of_database, (_first_schema, _events_of_any_kind, _texts_and_names)),
    _checksums,
    _of_database(_batches),
    _of_database(_files_by_content),
    _of_database(_settings),
)
SCHEMA_VERSION = len(MIGRATIONS)
POOL_ID_VERSION = MIGRATIONS.index(_checksums) + 1
"""From this version on a pool has an id."""


def migrate(db: Connection, narrator: Narrator, *, has_vectors: bool = True) -> None:
    """Bring the database to SCHEMA_VERSION, one transaction per step.

    A database on disk is copied first. Raises SchemaTooNewError for a pool that a newer knnal has
    written, and as ``transaction`` does.
    """
    require_known(schema_version(db))
    saved = schema_version(db) == 0  # nothing to save
    while schema_version(db) < SCHEMA_VERSION:
        with db.transaction():
            version = schema_version(db)  # another process may have migrated meanwhile
            if version < SCHEMA_VERSION:
                if not saved:
                    save_before_migration(db, version)
                    saved = True
                MIGRATIONS[version](Migration(db, narrator, has_vectors))
                db.run(f"PRAGMA user_version = {version + 1}")


def require_known(version: int) -> None:
    """Raises SchemaTooNewError for a version that this knnal does not know."""
    if version > SCHEMA_VERSION:
        raise SchemaTooNewError(
            f"This pool has schema version {version}, and this knnal knows up to "
            f"{SCHEMA_VERSION}. Upgrade knnal to open it; nothing in the pool was changed."
        )


def schema_version(db: Connection) -> int:
    """The version of the database; 0 for one without a schema."""
    return int(db.rows("PRAGMA user_version")[0][0])
