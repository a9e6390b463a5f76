"""The database schema: numbered steps, each in one transaction. Never edit one that shipped."""

from __future__ import annotations

from collections.abc import Callable

from knnal.errors import SchemaTooNewError
from knnal.store.connection import Connection


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


def _files_by_content(db: Connection) -> None:
    """Files that were moved are found by their content; a source that gave nothing is none."""
    db.run(
        "CREATE INDEX items_by_content ON items (CAST(stamp AS INTEGER), substr(digest, 1, 16)) "
        "WHERE path IS NOT NULL AND state != 'superseded'"
    )
    db.run("DELETE FROM sources WHERE id NOT IN (SELECT source FROM items)")


MIGRATIONS: tuple[Callable[[Connection], None], ...] = (
    _first_schema,
    _events_of_any_kind,
    _texts_and_names,
    _files_by_content,
)
SCHEMA_VERSION = len(MIGRATIONS)


def migrate(db: Connection) -> None:
    """Bring the database to SCHEMA_VERSION, one transaction per step.

    Raises SchemaTooNewError for a pool that a newer knnal has written, and as ``transaction`` does.
    """
    require_known(_version(db))
    while _version(db) < SCHEMA_VERSION:
        with db.transaction():
            version = _version(db)  # another process may have migrated while this one waited
            if version < SCHEMA_VERSION:
                MIGRATIONS[version](db)
                db.run(f"PRAGMA user_version = {version + 1}")


def require_known(version: int) -> None:
    """Raises SchemaTooNewError for a version that this knnal does not know."""
    if version > SCHEMA_VERSION:
        raise SchemaTooNewError(
            f"This pool has schema version {version}, and this knnal knows up to "
            f"{SCHEMA_VERSION}. Upgrade knnal to open it; nothing in the pool was changed."
        )


def _version(db: Connection) -> int:
    return int(db.rows("PRAGMA user_version")[0][0])
