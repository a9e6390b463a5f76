"""Checking a pool, repairing it from its source, backups and restoring them."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import (
    InputError,
    PoolBusyError,
    PoolDamagedError,
    PoolNotFoundError,
    Repair,
)
from knnal.pool.backup import write_backup
from knnal.pool.connection import Connection
from knnal.pool.pool import Pool
from knnal.pool.restoring import restore_pool
from knnal.pool.upkeep import check_pool, repair_pool
from knnal.project import Project
from knnal.session.session import Session

from ..damage.files import bytes_of, flip

ROWS, HEADER = 40, 128
NAMES = [f"vector-{row:03}" for row in range(ROWS)]


def make(folder: Path, seed: int = 0) -> Path:
    """A pool of vectors with a graph and some labels; its folder."""
    X = np.random.default_rng(seed).normal(size=(ROWS, 6)).astype(np.float32)
    folder.mkdir(exist_ok=True)
    np.save(folder / "vectors.npy", X)
    project = Project.create(folder / "pool")
    (folder / "ids.txt").write_text("".join(f"{name}\n" for name in NAMES))
    project.embed(folder / "vectors.npy", ids=folder / "ids.txt")
    session = project.session(annotator="ann")
    for row in range(8):
        session.tell(NAMES[row], "ab"[row % 2])
    project.close()
    return folder / "pool"


@pytest.fixture
def pool(tmp_path: Path) -> Path:
    return make(tmp_path / "one")


def answers(folder: Path) -> Any:
    """What a session over the pool predicts and asks."""
    project = Project.open(folder)
    with closing(project):
        session = project.session(annotator="ann")
        predicted = session.predict(NAMES)
        question = session.ask()
        assert question is not None
        return [(p.label, round(p.probability, 6)) for p in predicted], question.item


def found(folder: Path) -> dict[str, Repair]:
    return {damage.file: damage.repair for damage in check_pool(folder)}


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


DAMAGE: dict[str, tuple[str, Callable[[Path], object], Repair]] = {
    "a vector": ("embeddings.npy", lambda f: flip(f, HEADER + 50), Repair.EMBED),
    "the vectors' header": ("embeddings.npy", lambda f: flip(f, 21, 1), Repair.EMBED),
    "vectors cut off": ("embeddings.npy", cut, Repair.EMBED),
    "no vectors": ("embeddings.npy", Path.unlink, Repair.EMBED),
    "a manifest cut off": ("manifest.json", cut, Repair.REWRITE),
    "no manifest": ("manifest.json", Path.unlink, Repair.REWRITE),
    "the graph": ("graph.npz", cut, Repair.REMAKE),
    "the reduced copy": ("reduced.npz", lambda f: flip(f, 700), Repair.REMAKE),
}


def test_a_sound_pool_has_no_damage_and_repairing_it_changes_nothing(pool: Path) -> None:
    before = bytes_of(pool)
    assert check_pool(pool) == []
    report = repair_pool(pool)
    assert (report.repaired, report.left, report.skips) == ([], [], [])
    after = bytes_of(pool)
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_can_be_made_again_is_found_and_repaired(pool: Path, damage: str) -> None:
    expected, vectors = answers(pool), (pool / "embeddings.npy").read_bytes()
    name, act, repair = DAMAGE[damage]
    act(pool / name)
    assert found(pool) == {name: repair}
    report = repair_pool(pool)
    assert [one.file for one in report.repaired] == [name]
    assert (report.left, report.skips) == ([], [])
    assert check_pool(pool) == []
    assert (pool / "embeddings.npy").read_bytes() == vectors
    assert answers(pool) == expected


def test_an_index_of_the_database_is_made_again(pool: Path) -> None:
    expected, file = answers(pool), pool / "labels.sqlite"
    data = file.read_bytes()
    places = [at for at in range(len(data)) if data.startswith(b"vector-017", at)]
    repaired = 0
    for at in places:
        flip(file, at)
        if found(pool) == {"labels.sqlite": Repair.REMAKE}:
            assert repair_pool(pool).left == []
            assert answers(pool) == expected
            repaired += 1
        file.write_bytes(data)
    assert repaired == 1, "the index; another place is in the table"


def test_a_vector_whose_source_has_changed_cannot_be_repaired(pool: Path) -> None:
    flip(pool / "embeddings.npy", HEADER + 50)
    source = pool.parent / "vectors.npy"
    X = np.load(source)
    X[2] = -X[2]
    np.save(source, X)
    report = repair_pool(pool)
    assert [one.rows for one in report.left] == [(2,)]
    assert [skip.where for skip in report.skips] == [NAMES[2]]
    with pytest.raises(PoolDamagedError, match=r"1 row \(2\)"):
        Pool.open(pool)


def test_what_only_a_backup_has_is_left_alone(pool: Path) -> None:
    with closing(Connection(pool / "labels.sqlite")) as db:
        db.run("UPDATE items SET state = 'vanished' WHERE row = 3")
    flip(pool / "embeddings.npy", HEADER + 50)
    before = bytes_of(pool)
    report = repair_pool(pool)
    assert report.repaired == []
    assert Repair.RESTORE in {damage.repair for damage in report.left}
    assert bytes_of(pool) == before


def test_the_database_of_another_pool_is_not_repaired_into_this_one(
    pool: Path, tmp_path: Path
) -> None:
    other = make(tmp_path / "two", seed=1)
    shutil.copy(other / "labels.sqlite", pool / "labels.sqlite")
    before = bytes_of(pool)
    assert found(pool)["manifest.json"] is Repair.RESTORE
    assert repair_pool(pool).repaired == []
    assert bytes_of(pool) == before


@pytest.mark.parametrize("vectors", [False, True])
def test_a_backup_brings_back_what_was_there(pool: Path, tmp_path: Path, vectors: bool) -> None:
    expected = answers(pool)
    with closing(Pool.open(pool)) as opened:
        opened.back_up(tmp_path / "copy.zip", vectors=vectors)
    project = Project.open(pool)
    with closing(project):
        project.session(annotator="ann").tell(NAMES[20], "c")
    assert answers(pool) != expected
    report = restore_pool(tmp_path / "copy.zip", pool)
    assert (report.items, report.left) == (ROWS, [])
    assert answers(pool) == expected
    assert report.saved is not None
    restore_pool(report.saved, pool)  # and what was there before it
    assert Project.open(pool).session().ledger.label(NAMES[20]) == "c"


def test_a_session_that_is_open_sees_that_an_older_log_was_restored(
    pool: Path, tmp_path: Path
) -> None:
    with closing(Pool.open(pool)) as opened:
        opened.back_up(tmp_path / "copy.zip")
    project = Project.open(pool)
    with closing(project):
        session = project.session(annotator="ann")
        session.tell(NAMES[20], "c")
        restore_pool(tmp_path / "copy.zip", pool)
        with pytest.raises(PoolDamagedError, match="open the pool again"):
            session.refresh()


@pytest.mark.parametrize("damage", ["empty", "no database", "missing"])
def test_a_database_that_cannot_be_read_is_set_aside(
    pool: Path, tmp_path: Path, damage: str
) -> None:
    expected = answers(pool)
    with closing(Pool.open(pool)) as opened:
        opened.back_up(tmp_path / "copy.zip")
    file = pool / "labels.sqlite"
    if damage == "missing":
        file.unlink()
    else:
        file.write_bytes(b"" if damage == "empty" else b"no database" * 99)
    report = restore_pool(tmp_path / "copy.zip", pool)
    assert (report.saved is None) == (damage == "missing")
    assert answers(pool) == expected


def test_a_backup_with_vectors_makes_a_pool_anywhere(pool: Path, tmp_path: Path) -> None:
    expected = answers(pool)
    with closing(Pool.open(pool)) as opened:
        opened.back_up(tmp_path / "whole.zip", vectors=True)
        opened.back_up(tmp_path / "labels.zip")
    assert restore_pool(tmp_path / "whole.zip", tmp_path / "new").left == []
    assert answers(tmp_path / "new") == expected
    alone = tmp_path / "one" / "alone"  # beside the source, as the pool was
    assert [one.file for one in restore_pool(tmp_path / "labels.zip", alone).left] == [
        "embeddings.npy"
    ]
    assert repair_pool(alone).left == []
    assert answers(alone) == expected


def test_what_is_no_backup_of_this_pool_changes_nothing(pool: Path, tmp_path: Path) -> None:
    other = make(tmp_path / "two", seed=1)
    with closing(Pool.open(other)) as opened:
        opened.back_up(tmp_path / "other.zip", vectors=True)
    whole = (tmp_path / "other.zip").read_bytes()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.zip").write_text("no zip")
    before = bytes_of(pool)
    for name, said in (
        ("other.zip", "another pool"), ("half.zip", "cannot be read"), ("text.zip", "cannot be"),
        ("missing.zip", "cannot be read"),
    ):  # fmt: skip
        with pytest.raises(InputError, match=said):
            restore_pool(tmp_path / name, pool)
        assert bytes_of(pool) == before


def old_backup(pool: Path, file: Path) -> None:
    """A copy of a pool as it would be from before pools had an id."""
    shutil.copytree(pool, file.parent / "old")
    with closing(sqlite3.connect(file.parent / "old" / "labels.sqlite")) as db:
        made_older(db)
    with closing(Connection(file.parent / "old" / "labels.sqlite")) as old:
        write_backup(old, pool, file)


def made_older(db: sqlite3.Connection) -> None:
    """Take a database back to schema 3."""
    columns = "seq, kind, item, label, target, origin, annotator, at, strategy, scores, text"
    with db:
        for statement in (
            "DROP TRIGGER events_are_never_changed", "DROP TRIGGER events_are_never_deleted",
            "DROP INDEX items_by_content", "DROP TABLE pool", "DROP TABLE vector_sums",
            "DROP TABLE settings",
            *(
                f"ALTER TABLE {table} DROP COLUMN checksum"
                for table in ("sources", "items", "events", "offers")
            ),
            "CREATE TABLE old AS SELECT * FROM events", "DROP TABLE events",
            "CREATE TABLE events (seq INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, "
            "item TEXT, label TEXT, target INTEGER REFERENCES events (seq), origin TEXT NOT NULL, "
            "annotator TEXT NOT NULL, at TEXT NOT NULL, strategy TEXT, scores TEXT, text TEXT)",
            f"INSERT INTO events ({columns}) SELECT {columns} FROM old", "DROP TABLE old",
            "CREATE INDEX events_by_item ON events (item)",
            "CREATE INDEX events_by_target ON events (target)",
            "CREATE INDEX events_by_class ON events (label)",
            "CREATE INDEX events_by_rename ON events (text)",
            "CREATE TRIGGER events_are_never_changed BEFORE UPDATE ON events "
            "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
            "CREATE TRIGGER events_are_never_deleted BEFORE DELETE ON events "
            "BEGIN SELECT RAISE(ABORT, 'events are append-only'); END",
        ):  # fmt: skip
            db.execute(statement)
        db.execute("PRAGMA user_version = 3")


def test_a_backup_of_before_pools_had_an_id(pool: Path, tmp_path: Path) -> None:
    expected = answers(pool)
    old_backup(pool, tmp_path / "old.zip")
    project = Project.open(pool)
    with closing(project):
        project.session(annotator="ann").tell(NAMES[20], "c")
    report = restore_pool(tmp_path / "old.zip", pool)
    assert report.left == []
    assert answers(pool) == expected
    assert report.saved is not None
    restore_pool(report.saved, pool)  # of the same pool still
    assert answers(pool) != expected
    other = make(tmp_path / "two", seed=1)
    before = bytes_of(other)
    with pytest.raises(InputError, match="another pool"):
        restore_pool(tmp_path / "old.zip", other)
    assert bytes_of(other) == before
    alone = tmp_path / "one" / "alone"
    assert [one.file for one in restore_pool(tmp_path / "old.zip", alone).left] == [
        "embeddings.npy"
    ]
    assert repair_pool(alone).left == []
    assert answers(alone) == expected


def test_nothing_is_made_of_vectors_that_are_damaged_still(pool: Path, tmp_path: Path) -> None:
    expected = answers(pool)
    with closing(Pool.open(pool)) as opened:
        opened.back_up(tmp_path / "whole.zip", vectors=True)
    X = np.lib.format.open_memmap(pool / "embeddings.npy", mode="r+")
    X[:] = np.nan
    X.flush()
    (pool.parent / "vectors.npy").unlink()
    for name in ("graph.npz", "reduced.npz"):
        (pool / name).unlink()
    assert len(repair_pool(pool).skips) == ROWS
    assert not (pool / "graph.npz").exists()
    restore_pool(tmp_path / "whole.zip", pool)
    assert answers(pool) == expected


def test_nothing_is_restored_while_items_are_added(pool: Path, tmp_path: Path) -> None:
    with closing(Pool.open(pool)) as opened:
        opened.back_up(tmp_path / "copy.zip")
        with opened.embedding_alone():
            before = bytes_of(pool)
            with pytest.raises(PoolBusyError, match="is embedding into"):
                restore_pool(tmp_path / "copy.zip", pool)
            assert bytes_of(pool) == before


def test_a_backup_replaces_nothing_but_backups(pool: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.csv").write_text("precious")
    with closing(Pool.open(pool)) as opened:
        for file, said in (
            (pool / "labels.sqlite", "within the pool"), (pool / "new.zip", "within the pool"),
            (tmp_path / "mine.csv", "is not a backup"), (tmp_path, "not the name of a file"),
            (Path(), "not the name of a file"),
        ):  # fmt: skip
            with pytest.raises(InputError, match=said):
                opened.back_up(file)
        for _ in range(2):
            opened.back_up(tmp_path / "copy.zip")
        opened.back_up(pool / "backups" / "mine.zip")
    assert (tmp_path / "mine.csv").read_text() == "precious"
    assert check_pool(pool) == []


def test_rows_that_another_process_adds_wait_for_the_next_session(pool: Path) -> None:
    """A pool that was opened before them knows the rows of then, in every array."""
    with closing(Pool.open(pool)) as opened:
        X = np.random.default_rng(3).normal(size=(ROWS, 6)).astype(np.float32)
        np.save(pool.parent / "more.npy", X)
        (pool.parent / "more.txt").write_text("".join(f"more-{i}\n" for i in range(ROWS)))
        project = Project.open(pool)
        with closing(project):
            project.embed(pool.parent / "more.npy", ids=pool.parent / "more.txt")
        for name in ("graph.npz", "reduced.npz"):
            (pool / name).unlink()
        session = Session(opened, annotator="ann")
        session.tell(NAMES[30], "a")
        assert session.ledger.label(NAMES[30]) == "a"
    assert len(answers(pool)[0]) == ROWS


def test_there_must_be_a_pool_to_check(tmp_path: Path) -> None:
    for act in (check_pool, repair_pool):
        with pytest.raises(PoolNotFoundError):
            act(tmp_path)
