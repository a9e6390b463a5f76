"""The schema: versions, steps that fail, and pools of another time."""

from __future__ import annotations

import dataclasses
import json
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from knnal.errors import PoolBusyError, PoolDamagedError, SchemaTooNewError
from knnal.index.graph import build_graph
from knnal.pool import connection, migrations
from knnal.pool.checksums import CHECKED
from knnal.pool.connection import Connection
from knnal.pool.database import connect
from knnal.pool.graph_file import stored_graph
from knnal.pool.index_files import stored_reduction
from knnal.pool.labels.ledger import EventKind, Ledger
from knnal.pool.labels.log import LabelLog
from knnal.pool.manifest import Manifest
from knnal.pool.migrations import SCHEMA_VERSION, Migration, migrate
from knnal.pool.pool import Pool
from knnal.session.session import Session
from knnal.types import LogNarrator

from ..damage.files import bytes_of
from ..narrators import Hearing
from .older import content, older_database, older_pool


def version(file: Path) -> int:
    with closing(sqlite3.connect(file)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def tables(file: Path) -> set[str]:
    with closing(sqlite3.connect(file)) as db:
        return {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type='table'")}


def add_notes(migration: Migration) -> None:
    migration.db.run("CREATE TABLE notes (text TEXT)")


def add_notes_and_fail(migration: Migration) -> None:
    add_notes(migration)
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
    newer = dataclasses.replace(Manifest.read(manifest), schema_version=SCHEMA_VERSION + 3)
    newer.write(manifest)
    before = bytes_of(tmp_path / "pool")
    with pytest.raises(SchemaTooNewError, match=f"version {SCHEMA_VERSION + 3}"):
        Pool.open(tmp_path / "pool")
    assert bytes_of(tmp_path / "pool") == before


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
    with ZipFile(tmp_path / "backups" / f"schema-{SCHEMA_VERSION}.zip") as copy:
        assert copy.namelist() == ["labels.sqlite"]


def test_an_older_pool_is_brought_up_to_date_with_its_labels(
    make_pool: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool = make_pool(np.eye(3))
    Session(pool, annotator="ann").tell("item-1", "a")
    pool.close()
    next_version(monkeypatch, add_notes)
    monkeypatch.setattr("knnal.pool.manifest.SCHEMA_VERSION", SCHEMA_VERSION + 1)
    pool = make_pool()
    assert pool.manifest.schema_version == SCHEMA_VERSION + 1
    assert json.loads((tmp_path / "pool" / "manifest.json").read_text())["schema_version"] == (
        SCHEMA_VERSION + 1
    )
    assert Session(pool).ledger.labels() == {"item-1": "a"}


def first_schema(file: Path) -> None:
    """A database as the first schema left it: labels, an undo, a class, an offer."""
    with closing(Connection(file)) as db:
        migrations.MIGRATIONS[0](Migration(db, LogNarrator()))
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
            "events_are_never_changed", "events_are_never_deleted", "items_by_content",
            "items_by_id",
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
        columns = CHECKED["events"][1:]
        changes = [f"UPDATE events SET {column} = 'z' WHERE seq = 1" for column in columns]
        changes.append("UPDATE events SET seq = 99 WHERE seq = 1")
        for change in (*changes, "DELETE FROM events"):
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
from knnal.pool.connection import Connection
from knnal.pool.migrations import MIGRATIONS, Migration
from knnal.types import LogNarrator
db = Connection(Path(sys.argv[1]))
db.run("PRAGMA journal_mode = WAL")
db.run("PRAGMA foreign_keys = ON")
db.run("PRAGMA cache_size = 1")
db.run("BEGIN IMMEDIATE")
MIGRATIONS[1](Migration(db, LogNarrator()))
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
        migrate(db, LogNarrator())
        migrate(db, LogNarrator())
    assert version(tmp_path / "labels.sqlite") == SCHEMA_VERSION


def test_a_file_that_is_no_database_is_named(make_pool: Any, tmp_path: Path) -> None:
    make_pool(np.eye(3)).close()
    (tmp_path / "pool" / "labels.sqlite").write_bytes(b"no database, but long enough to be one" * 9)
    with pytest.raises(PoolDamagedError, match=r"labels\.sqlite is damaged.*not a data.*Restore"):
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


# Schema 3: no id, no checksums

OLD_LOG = (
    ("label", "item-1", "a", None, None), ("class", None, "a", 1, None),
    ("label", "item-2", "b", None, None), ("class", None, "b", 3, None),
    ("skip", "item-3", None, None, None), ("label", "item-4", "b", None, None),
    ("undo", "item-4", None, 6, None), ("rename", None, "c", None, "a"),
    ("label", "item-9", "d", None, None), ("class", None, "d", 9, None),
    ("note", "item-9", None, None, "naïve ☃"),
)  # fmt: skip
OLD_LABELS = {"item-1": "c", "item-2": "b", "item-9": "d"}


def unit(*shape: int, seed: int = 0) -> Any:
    X = np.random.default_rng(seed).normal(size=shape)
    return (X / np.linalg.norm(X, axis=-1, keepdims=True)).astype(np.float32)


def without_copies(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in bytes_of(folder).items() if "backups" not in name}


def test_a_pool_without_checksums_gives_the_same_answers_with_them(
    make_pool: Any, tmp_path: Path
) -> None:
    X, views, made = unit(12, 5), unit(12, 2, 5, seed=1), np.arange(12) != 7
    views[~made] = 0
    items = [f"item-{i}" for i in range(12)]
    older_pool(tmp_path / "old", X, OLD_LOG, views, made)
    before = bytes_of(tmp_path / "old")
    old = content(tmp_path / "old" / "labels.sqlite")
    with closing(Pool.open(tmp_path / "old")) as pool:
        assert [record.id for record in pool.catalog.records()] == [f"item-{i}" for i in range(12)]
        np.testing.assert_array_equal(pool.embeddings, X)
        found = pool.views()
        assert found is not None
        np.testing.assert_array_equal(found.vectors[:, 1:], views)
        np.testing.assert_array_equal(found.made, made)
        session = Session(pool)
        assert session.ledger.labels() == OLD_LABELS
        assert session.ledger.note("item-9") == "naïve ☃"
        assert pool.log.offered("item-1") is not None
        predictions = session.predict(items)
        assert list(pool.findings(LogNarrator())) == []
        assert Manifest.read(tmp_path / "old" / "manifest.json") == pool.manifest
        assert len(pool.manifest.pool) == 32
        identity = pool.manifest.pool

    fresh = Session(make_pool(X, folder="new"), annotator="ann")
    for item, name in OLD_LABELS.items():
        fresh.tell(item, name)
    for old_one, new_one in zip(predictions, fresh.predict(items), strict=True):
        assert old_one.label == new_one.label
        assert old_one.probabilities == pytest.approx(new_one.probabilities, abs=1e-6)

    after = bytes_of(tmp_path / "old")
    for name in ("embeddings.npy", "views.npy", "views.json"):
        assert after[name] == before[name]
    assert "views-made.npy" not in after
    with ZipFile(tmp_path / "old" / "backups" / "schema-3.zip") as copy:
        assert copy.read("manifest.json") == before["manifest.json"]
        copy.extract("labels.sqlite", tmp_path / "copy")
    assert content(tmp_path / "copy" / "labels.sqlite") == old
    with closing(Pool.open(tmp_path / "old")) as again:
        assert again.manifest.pool == identity


def test_a_pool_that_is_killed_while_it_gets_checksums_is_as_before(tmp_path: Path) -> None:
    X = unit(30, 4)
    older_pool(tmp_path / "pool", X, OLD_LOG)
    before, old = without_copies(tmp_path / "pool"), content(tmp_path / "pool" / "labels.sqlite")
    killed = """
import os, signal, sys
from pathlib import Path
from knnal.pool import migrations
from knnal.pool.pool import Pool

class Killer:
    def say(self, message): pass
    def progress(self, step, done, total):
        if done == 20:
            os.kill(os.getpid(), signal.SIGKILL)

migrations._BLOCK = 10
Pool.open(Path(sys.argv[1]), Killer())
"""
    program = [sys.executable, "-c", killed, str(tmp_path / "pool")]
    assert subprocess.run(program, check=False).returncode == -signal.SIGKILL
    assert content(tmp_path / "pool" / "labels.sqlite") == old
    after = without_copies(tmp_path / "pool")
    for name in ("embeddings.npy", "manifest.json"):
        assert after[name] == before[name]
    with closing(Pool.open(tmp_path / "pool")) as pool:
        assert Session(pool).ledger.labels() == OLD_LABELS
        np.testing.assert_array_equal(pool.embeddings, X)
    assert version(tmp_path / "pool" / "labels.sqlite") == SCHEMA_VERSION


def damage_row(X: Any, value: float) -> Any:
    X = X.copy()
    X[5, 1] = value
    return X


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (damage_row(unit(9, 4), np.nan), "not of unit norm"),
        (damage_row(unit(9, 4), np.inf), "not of unit norm"),
        (damage_row(unit(9, 4), 2.0), "not of unit norm"),
        (unit(9, 4) * np.float32(1.01), "not of unit norm"),
        (np.vstack([unit(8, 4), np.zeros((1, 4), np.float32)]), "not of unit norm"),
        (unit(9, 4).astype(">f4"), "must hold 9 rows of little-endian"),
        (unit(9, 4).astype("<f8"), "must hold 9 rows of little-endian"),
        (unit(8, 4), "must hold 9 rows of little-endian"),
        (unit(9, 4).ravel(), "must hold 9 rows of little-endian"),
        (np.asfortranarray(unit(9, 4)), "must hold 9 rows of little-endian"),
    ],
)
def test_vectors_that_no_embedder_gives_get_no_checksums(
    tmp_path: Path, stored: Any, said: str
) -> None:
    pool = tmp_path / "pool"
    older_pool(pool, unit(9, 4), OLD_LOG)
    np.save(pool / "embeddings.npy", stored)
    before = without_copies(pool)
    for _ in range(2):
        with pytest.raises(PoolDamagedError, match=rf"embeddings\.npy.*{said}.*Restore it from a"):
            Pool.open(pool)
        assert without_copies(pool) == before
    np.save(pool / "embeddings.npy", unit(9, 4))
    with closing(Pool.open(pool)) as opened:
        assert Session(opened).ledger.labels() == OLD_LABELS


@pytest.mark.parametrize("data", [b"", b"no array", None])
def test_vectors_that_cannot_be_read_get_no_checksums(tmp_path: Path, data: bytes | None) -> None:
    pool = tmp_path / "pool"
    older_pool(pool, unit(9, 4), OLD_LOG)
    (pool / "embeddings.npy").unlink()
    if data is not None:
        (pool / "embeddings.npy").write_bytes(data)
    before = without_copies(pool)
    with pytest.raises(PoolDamagedError, match=r"embeddings\.npy.*Restore it from a"):
        Pool.open(pool)
    assert without_copies(pool) == before


def test_an_older_database_beside_a_newer_manifest_is_refused(
    make_pool: Any, tmp_path: Path
) -> None:
    make_pool(unit(9, 4)).close()
    pool = tmp_path / "pool"
    (pool / "labels.sqlite").unlink()
    older_database(pool / "labels.sqlite", 9, OLD_LOG)
    before = bytes_of(pool)
    with pytest.raises(
        PoolDamagedError, match=r"older than the manifest.*Restore it from a backup"
    ):
        Pool.open(pool)
    assert bytes_of(pool) == before


def test_nobody_else_changes_the_schema_while_the_copy_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the copy of before could be one of after."""
    older_pool(tmp_path / "pool", unit(9, 4), OLD_LOG)
    file, saved = tmp_path / "pool" / "labels.sqlite", []
    save = migrations.save_before_migration

    def save_alone(db: Connection, number: int) -> None:
        with monkeypatch.context() as patience:
            patience.setattr(connection, "WAIT_S", 0.05)
            with closing(Connection(file)) as other, pytest.raises(PoolBusyError):
                other.run("BEGIN IMMEDIATE")
        saved.append(number)
        save(db, number)

    monkeypatch.setattr(migrations, "save_before_migration", save_alone)
    Pool.open(tmp_path / "pool").close()
    Pool.open(tmp_path / "pool").close()
    assert saved == [3]


def test_derived_files_of_before_are_made_again_and_that_is_said(
    make_pool: Any, tmp_path: Path
) -> None:
    X = unit(30, 4)
    older_pool(tmp_path / "pool", X, OLD_LOG)
    with closing(make_pool(X[::-1], folder="other")) as other:
        graph, reduced = stored_graph(other, other.live), stored_reduction(other, other.live)
    np.savez(tmp_path / "pool" / "graph.npz", **graph.arrays())
    np.savez(tmp_path / "pool" / "reduced.npz", offset=reduced.offset)
    heard = Hearing()
    with closing(Pool.open(tmp_path / "pool")) as pool:
        found = stored_graph(pool, pool.live, heard)
        stored_reduction(pool, pool.live, heard)
    np.testing.assert_array_equal(found.ids, build_graph(X, np.ones(30, np.bool_)).ids)
    assert heard.said == [
        f"{name} is not used: it has no checksum, as an older version wrote it. It is rebuilt."
        for name in ("graph.npz", "reduced.npz")
    ]
