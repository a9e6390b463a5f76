"""Copies of a pool: whole, of one moment, and never half a file."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import pytest

from knnal.errors import PoolBusyError, PoolUnwritableError
from knnal.pool import backup, connection
from knnal.pool.backup import write_backup
from knnal.pool.connection import Connection
from knnal.pool.labels.ledger import EventKind
from knnal.pool.labels.writer import LogWriter
from knnal.pool.pool import Pool
from knnal.session.decisions import Decisions

from ..damage.files import bytes_of, full_disk


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    pool = make_pool(np.random.default_rng(0).normal(size=(9, 4)))
    Decisions(pool, "ann").tell("item-1", "a")
    return pool


def test_a_copy_is_a_pool_while_labels_go_on(pool: Pool, tmp_path: Path) -> None:
    assert pool.folder is not None
    file = tmp_path / "copies" / "copy.zip"
    with pool.transaction():  # what is not committed is no part of it
        LogWriter(pool, "ann").append(EventKind.CLASS, "declared", label="b")
        with closing(Connection(pool.folder / "labels.sqlite")) as reader:
            write_backup(reader, pool.folder, file, [pool.folder / "embeddings.npy"])
    Decisions(pool, "ann").tell("item-2", "c")
    assert [one.name for one in file.parent.iterdir()] == ["copy.zip"]
    with ZipFile(file) as archive:
        archive.extractall(tmp_path / "again")
    with closing(Pool.open(tmp_path / "again")) as again:
        assert again.manifest == pool.manifest
        assert Decisions(again).ledger.labels() == {"item-1": "a"}
        assert [event.kind for event in again.log.events()] == ["label", "class"]
        np.testing.assert_array_equal(again.embeddings, pool.embeddings)


def test_what_a_killed_copy_left_is_no_part_of_the_next(pool: Pool, tmp_path: Path) -> None:
    assert pool.folder is not None
    for left in (b"", b"half of a database" * 500):
        (tmp_path / ".copy.zip.sqlite").write_bytes(left)
        write_backup(pool._db, pool.folder, tmp_path / "copy.zip")
        assert not (tmp_path / ".copy.zip.sqlite").exists()
        with ZipFile(tmp_path / "copy.zip") as archive:
            assert archive.testzip() is None
            assert sorted(archive.namelist()) == ["labels.sqlite", "manifest.json"]


def test_a_full_disk_leaves_the_copy_of_before(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pool.folder is not None
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies" / "copy.zip").write_bytes(b"the copy of before")
    before = bytes_of(tmp_path / "copies")
    monkeypatch.setattr(backup, "atomic_writer", full_disk)
    with pytest.raises(PoolUnwritableError, match=r"copy\.zip is full"):
        write_backup(pool._db, pool.folder, tmp_path / "copies" / "copy.zip")
    assert bytes_of(tmp_path / "copies") == before


def test_a_database_that_another_holds_is_waited_for_and_then_named(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python alone would wait for ever."""
    monkeypatch.setattr(connection, "WAIT_S", 0.3)
    with closing(sqlite3.connect(tmp_path / "held.sqlite", isolation_level=None)) as other:
        other.execute("CREATE TABLE held (x)")
        other.execute("BEGIN EXCLUSIVE")
        with closing(Connection(tmp_path / "held.sqlite")) as held:
            with pytest.raises(PoolBusyError, match="Another process"):
                pool._db.copy_to(held)
            with pytest.raises(PoolBusyError, match="Another process"):
                held.copy_to(pool._db)
    assert Decisions(pool).ledger.labels() == {"item-1": "a"}
