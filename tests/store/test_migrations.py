"""The schema: versions, steps that fail, and pools of another time."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import PoolError, SchemaTooNewError
from knnal.session import Session
from knnal.store import migrations
from knnal.store.connection import Connection
from knnal.store.database import connect
from knnal.store.ledger import EventKind, Ledger
from knnal.store.log import LabelLog
from knnal.store.migrations import SCHEMA_VERSION, migrate
from knnal.store.pool import Pool


def version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}


def add_notes(db: Connection) -> None:
    db.run("CREATE TABLE notes (text TEXT)")


def add_notes_and_fail(db: Connection) -> None:
    add_notes(db)
    raise ZeroDivisionError


def next_version(monkeypatch: pytest.MonkeyPatch, step: Any) -> None:
    monkeypatch.setattr(migrations, "MIGRATIONS", (*migrations.MIGRATIONS, step))
    monkeypatch.setattr(migrations, "SCHEMA_VERSION", SCHEMA_VERSION + 1)


def test_a_new_database_has_the_current_version(tmp_path: Path) -> None:
    connect(tmp_path / "labels.sqlite").close()
    assert version(tmp_path / "labels.sqlite") == SCHEMA_VERSION
    assert tables(tmp_path / "labels.sqlite") >= {"sources", "items", "events", "offers"}


def test_a_commit_is_synced_to_a_write_ahead_log(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "labels.sqlite")) as db:
        assert db.rows("PRAGMA journal_mode") == [("wal",)]
        assert db.rows("PRAGMA synchronous") == [(2,)]
        assert db.rows("PRAGMA foreign_keys") == [(1,)]


def test_a_newer_database_is_refused_and_left_as_it_was(make_pool: Any, tmp_path: Path) -> None:
    make_pool(np.eye(3)).close()
    file = tmp_path / "pool" / "labels.sqlite"
    with closing(sqlite3.connect(file)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    before = file.read_bytes()
    with pytest.raises(SchemaTooNewError, match=r"Upgrade knnal.*nothing .* was changed"):
        Pool.open(tmp_path / "pool")
    assert file.read_bytes() == before


def test_a_newer_manifest_is_refused_before_the_database_is_touched(
    make_pool: Any, tmp_path: Path
) -> None:
    make_pool(np.eye(3)).close()
    manifest = tmp_path / "pool" / "manifest.json"
    data = json.loads(manifest.read_text())
    manifest.write_text(json.dumps({**data, "schema_version": SCHEMA_VERSION + 3}))
    before = {file.name: file.read_bytes() for file in (tmp_path / "pool").iterdir()}
    with pytest.raises(SchemaTooNewError, match=f"version {SCHEMA_VERSION + 3}"):
        Pool.open(tmp_path / "pool")
    assert {file.name: file.read_bytes() for file in (tmp_path / "pool").iterdir()} == before


def test_a_step_that_fails_is_rolled_back_and_can_be_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "labels.sqlite"
    connect(file).close()
    with monkeypatch.context() as patch:
        next_version(patch, add_notes_and_fail)
        with pytest.raises(ZeroDivisionError):
            connect(file)
    assert version(file) == SCHEMA_VERSION
    assert "notes" not in tables(file)
    next_version(monkeypatch, add_notes)
    connect(file).close()
    assert version(file) == SCHEMA_VERSION + 1
    assert "notes" in tables(file)


def test_an_older_pool_is_brought_up_to_date_with_its_labels(
    make_pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_pool(np.eye(3))
    Session(pool, annotator="ann").tell("item-1", "a")
    pool.close()
    next_version(monkeypatch, add_notes)
    monkeypatch.setattr("knnal.store.pool.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    pool = make_pool()
    assert pool.manifest.schema_version == SCHEMA_VERSION + 1
    assert json.loads((tmp_path / "pool" / "manifest.json").read_text())["schema_version"] == (
        SCHEMA_VERSION + 1
    )
    assert Session(pool).ledger.labels() == {"item-1": "a"}


def first_schema(file: Path) -> None:
    """A database as the first schema left it: labels, an undo, a class, an offer."""
    with closing(Connection(file)) as db:
        migrations.MIGRATIONS[0](db)
        db.run("PRAGMA user_version = 1")
        for number, (kind, item, name, target) in enumerate(OLD_EVENTS, start=1):
            db.run(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, 'asked', 'ann', 'then', 'product', ?)",
                (number, kind, item, name, target, '{"u": 0.5}'),
            )
        db.run("INSERT INTO offers VALUES ('x', 'asked', 'product', '{}')")


def described(db: Connection) -> list[str]:
    """Indexes and triggers that were asked for."""
    names = "SELECT name FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql > ''"
    return sorted(name for (name,) in db.rows(names))


OLD_EVENTS = (
    ("label", "x", "a", None), ("class", None, "a", 1), ("skip", "y", None, None),
    ("undo", "y", None, 3), ("relabel", "x", "b", None), ("class", None, "b", 5),
)  # fmt: skip


def test_the_log_of_the_first_schema_takes_new_kinds_and_keeps_its_events(tmp_path: Path) -> None:
    file = tmp_path / "labels.sqlite"
    first_schema(file)
    with closing(Connection(file)) as db:
        before = db.rows("SELECT * FROM events")
        sequence = db.rows("SELECT * FROM sqlite_sequence")
    with closing(connect(file)) as db:
        after = db.rows("SELECT * FROM events ORDER BY seq")
        names = [column for _, column, *_ in db.rows("PRAGMA table_info(events)")]
        assert [event[: len(before[0])] for event in after] == before
        assert names[len(before[0]) :] == ["text", "checksum", "batch"]
        assert described(db) == [
            "events_are_never_changed", "events_are_never_deleted", "items_by_id",
        ]  # fmt: skip
        assert db.rows("SELECT * FROM sqlite_sequence") == sequence
        assert db.rows("PRAGMA foreign_key_check") == []
        assert [key[2:5] for key in db.rows("PRAGMA foreign_key_list(events)")] == [
            ("events", "batch", "seq"), ("events", "target", "seq"),
        ]  # fmt: skip
        assert db.rows("PRAGMA integrity_check") == [("ok",)]
        log = LabelLog(db)
        assert log.read_into(Ledger()).labels() == {"x": "b"}
        assert log.offered("x") is not None
        keep = log.append(
            EventKind.KEEP, annotator="ann", origin="review", item="x", label="b", target=5
        )
        assert (keep.seq, [event.kind for event in log.events()][-1]) == (7, "keep")
        for change in ("UPDATE events SET label = 'z'", "DELETE FROM events"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                db.run(change)
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            log.append(EventKind.UNDO, annotator="ann", origin="named", item="x", target=99)
    assert version(file) == SCHEMA_VERSION


def test_a_process_killed_while_it_migrates_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "labels.sqlite"
    first_schema(file)
    killed = """
import os, sys
from pathlib import Path
from knnal.store.connection import Connection
from knnal.store.migrations import MIGRATIONS
db = Connection(Path(sys.argv[1]))
db.run("PRAGMA journal_mode = WAL")
db.run("PRAGMA foreign_keys = ON")
db.run("PRAGMA cache_size = 1")
db.run("BEGIN IMMEDIATE")
MIGRATIONS[1](db)
os._exit(9)
"""
    done = subprocess.run([sys.executable, "-c", killed, str(file)], check=False)
    assert done.returncode == 9
    assert version(file) == 1
    assert "events_of_any_kind" not in tables(file)
    with closing(connect(file)) as db:
        found = [event[:4] for event in db.rows("SELECT kind, item, label, target FROM events")]
    assert found == list(OLD_EVENTS)
    assert version(file) == SCHEMA_VERSION


def test_each_step_runs_once(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "labels.sqlite")) as db:
        migrate(db)
        migrate(db)
    assert version(tmp_path / "labels.sqlite") == SCHEMA_VERSION


def test_a_file_that_is_no_database_is_named(make_pool: Any, tmp_path: Path) -> None:
    make_pool(np.eye(3)).close()
    (tmp_path / "pool" / "labels.sqlite").write_bytes(b"no database, but long enough to be one" * 9)
    with pytest.raises(PoolError, match=r"labels\.sqlite.*Restore it from a copy"):
        Pool.open(tmp_path / "pool")


def test_the_pool_is_readable_with_sqlite_and_numpy_alone(make_pool: Any, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(5, 4))
    pool = make_pool(X)
    session = Session(pool, annotator="ann")
    session.tell("item-3", "a")
    session.tell("item-0", "b")
    pool.close()
    stored = np.load(tmp_path / "pool" / "embeddings.npy")
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    with closing(sqlite3.connect(tmp_path / "pool" / "labels.sqlite")) as db:
        found = db.execute(
            "SELECT items.row, events.label, annotator FROM events JOIN items ON items.id = item "
            "WHERE kind = 'label' ORDER BY seq"
        ).fetchall()
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert found == [(3, "a", "ann"), (0, "b", "ann")]
    np.testing.assert_allclose(stored, unit, atol=1e-7)
