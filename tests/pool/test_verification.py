"""Damage to a pool's sources: found when it is opened, or meanwhile in a large pool."""

from __future__ import annotations

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import PoolDamagedError, PoolUnwritableError
from knnal.pool import pool as pool_module
from knnal.pool import vectors, verification
from knnal.pool.pool import Pool
from knnal.pool.storage import NewRecord
from knnal.pool.verification import Repair
from knnal.pool.views import ViewFacts
from knnal.session.session import Session
from knnal.types import LogNarrator

from ..damage.files import bytes_of, flip, flip_in
from ..patience import PATIENCE_S

ROWS, HEADER = 12, 128


def filled(make_pool: Any, folder: str, seed: int) -> Path:
    """A small pool with labels and views, closed."""
    rng = np.random.default_rng(seed)
    pool = make_pool(rng.normal(size=(ROWS, 4)), folder=folder)
    views = np.repeat(pool.embeddings[:, None], 3, axis=1)
    pool.view_files.begin(ViewFacts(2, ("drop",)))
    pool.view_files.append(views, np.arange(ROWS) != 5)
    session = Session(pool, annotator="ann")
    for item, name in enumerate(("zebra", "okapi", "zebra")):
        session.tell(f"item-{item}", name)
    session.undo()
    session.ask()
    pool.close()
    return Path(pool.folder)


@pytest.fixture
def folder(make_pool: Any) -> Path:
    return filled(make_pool, "pool", 0)


@pytest.fixture
def other(make_pool: Any) -> Path:
    """Another pool of the same embedder, as large."""
    return filled(make_pool, "other", 1)


def run(folder: Path, *statements: str) -> None:
    """Change the database as another program would."""
    with closing(sqlite3.connect(folder / "labels.sqlite", isolation_level=None)) as db:
        for name in ("events_are_never_changed", "events_are_never_deleted"):
            db.execute(f"DROP TRIGGER {name}")
        for statement in statements:
            assert db.execute(statement).rowcount != 0, statement


def replace_bytes(file: Path, old: bytes, new: bytes) -> None:
    data = file.read_bytes()
    assert data.count(old) == 1
    file.write_bytes(data.replace(old, new))


def cut(file: Path, size: int) -> None:
    file.write_bytes(file.read_bytes()[:size])


def zero(file: Path, start: int, size: int) -> None:
    data = file.read_bytes()
    file.write_bytes(data[:start] + bytes(size) + data[start + size :])


def in_sql(*statements: str) -> Callable[[Path, Path], None]:
    return lambda folder, _: run(folder, *statements)


def from_other(name: str) -> Callable[[Path, Path], None]:
    return lambda folder, other: shutil.copyfile(other / name, folder / name) and None


def to(name: str, act: Callable[[Path], Any]) -> Callable[[Path, Path], None]:
    return lambda folder, _: act(folder / name)


MANIFEST, VECTORS, DATABASE = "manifest.json", "embeddings.npy", "labels.sqlite"
DAMAGE: dict[str, tuple[Callable[[Path, Path], None], str]] = {
    "vectors: a bit": (to(VECTORS, lambda f: flip(f, -1)), r"1 row \(11\).*Repair"),
    "vectors: a sign": (to(VECTORS, lambda f: flip(f, HEADER + 3, 7)), r"1 row \(0\).*Repair"),
    "vectors: a block of zeros": (
        to(VECTORS, lambda f: zero(f, HEADER + 16, 64)), r"4 rows \(1, 2, 3, \.\.\.\)",
    ),
    "vectors: two rows swapped": (
        to(VECTORS, lambda f: np.save(f, np.load(f)[[1, 0, *range(2, ROWS)]])), r"2 rows \(0, 1\)",
    ),
    "vectors: byte order": (
        to(VECTORS, lambda f: replace_bytes(f, b"<f4", b">f4")), "says >f4.*Repair",
    ),
    "vectors: fewer": (to(VECTORS, lambda f: np.save(f, np.load(f)[:-1])), "11 rows of 12"),
    "vectors: cut off": (to(VECTORS, lambda f: cut(f, 200)), "Repair"),
    "vectors: empty": (to(VECTORS, lambda f: cut(f, 0)), "Repair"),
    "vectors: missing": (to(VECTORS, Path.unlink), "it is missing.*Repair"),
    "vectors: of another pool": (from_other(VECTORS), r"12 rows \(0, 1, 2, \.\.\.\)"),
    "item: state": (to(DATABASE, lambda f: flip_in(f, b"item-3live")), "Restore"),
    "item: state, by SQL": (
        in_sql("UPDATE items SET state = 'vanished' WHERE row = 3"), "items 3 is not what.*Restore",
    ),
    "item: id": (in_sql("UPDATE items SET id = 'x' WHERE row = 3"), "items 3 is not what"),
    "item: digest": (to(DATABASE, lambda f: flip_in(f, b"digest of item-3")), "items 3 is not"),
    "items: two swapped": (
        in_sql(
            "UPDATE items SET row = 99 WHERE row = 3", "UPDATE items SET row = 3 WHERE row = 4",
            "UPDATE items SET row = 4 WHERE row = 99",
        ),
        "items 3 is not what",
    ),
    "items: one missing": (in_sql("DELETE FROM items WHERE row = 3"), "1 of 12 items are missing"),
    "items: the last missing": (in_sql("DELETE FROM items WHERE row = 11"), "11 rows of items"),
    "items: all missing": (in_sql("DELETE FROM items"), "0 rows of items.*Restore"),
    "event: label": (in_sql("UPDATE events SET label = 'okapi' WHERE seq = 1"), "events 1 is not"),
    "event: one missing": (in_sql("DELETE FROM events WHERE seq = 3"), "events are missing.*Rest"),
    "event: the undo missing": (
        in_sql("DELETE FROM events WHERE kind = 'undo'"), "1 of 6 events are missing.*Restore",
    ),
    "events: all missing": (in_sql("DELETE FROM events"), "6 of 6 events are missing.*Restore"),
    "source": (in_sql("UPDATE sources SET location = 'elsewhere'"), "sources 1 is not what"),
    "sources: missing": (in_sql("DELETE FROM sources"), "sources that is missing"),
    "offer": (in_sql("UPDATE offers SET strategy = 'random?'"), "offers .* is not what"),
    "sums: missing": (in_sql("DELETE FROM vector_sums"), "checksums of 0 vectors"),
    "sums: too many": (
        in_sql("INSERT INTO vector_sums VALUES (12, x'0123456789abcdef')"), "of 13 vectors",
    ),
    "id: missing": (in_sql("DELETE FROM pool"), "does not say which pool.*Restore"),
    "id: its manifest": (
        in_sql("UPDATE pool SET manifest = '{'"), "copy of the manifest cannot be read.*Restore",
    ),
    "id: another": (in_sql("UPDATE pool SET id = 'x'"), r"another pool.*Restore"),
    "database: of another pool": (from_other(DATABASE), r"another pool.*Restore"),
    "database: empty": (to(DATABASE, lambda f: cut(f, 0)), "empty.*Restore"),
    "database: missing": (to(DATABASE, Path.unlink), "is missing.*Restore"),
    "database: cut off": (to(DATABASE, lambda f: cut(f, f.stat().st_size // 2)), "Restore"),
    "database: no header": (to(DATABASE, lambda f: zero(f, 0, 16)), "not a database.*Restore"),
    "database: a page of zeros": (to(DATABASE, lambda f: zero(f, 4096 * 2, 4096)), "Restore"),
    "database: without a schema": (in_sql("PRAGMA user_version = 0"), "no database of knnal"),
    "manifest: of another pool": (from_other(MANIFEST), r"another pool.*Restore"),
    "manifest: a bit": (to(MANIFEST, lambda f: flip_in(f, b'"modality": "v')), "Repair"),
    "manifest: empty": (to(MANIFEST, lambda f: cut(f, 0)), "Repair"),
    "manifest: missing": (to(MANIFEST, Path.unlink), "is missing.*Repair"),
    "views: a bit": (to("views.npy", lambda f: flip(f, -1)), r"views\.npy.*1 row \(11\).*Repair"),
    "views: missing": (to("views.npy", Path.unlink), "views.*Repair"),
    "views: of another pool": (
        lambda folder, other: [
            from_other(name)(folder, other) for name in ("views.npy", "views-sums.npy")
        ] and None,
        r"views\.npy.*12 rows \(0, 1, 2, \.\.\.\)",
    ),
    "views: checksums of another type": (
        to("views-sums.npy", lambda f: replace_bytes(f, b"<u8", b"<i8")), "says <i8",
    ),
    "views: facts": (to("views.json", lambda f: cut(f, 9)), "does not say how"),
}  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_to_a_small_pool_is_found_when_it_is_opened(
    folder: Path, other: Path, damage: str
) -> None:
    act, said = DAMAGE[damage]
    act(folder, other)
    before = bytes_of(folder)
    for open_it in (Pool.open, Pool.create, Pool.open):
        with pytest.raises(PoolDamagedError, match=said):
            open_it(folder)
        assert bytes_of(folder) == before


def test_a_pool_that_is_sound_has_no_findings(folder: Path) -> None:
    with closing(Pool.open(folder)) as pool:
        assert list(pool.findings(LogNarrator())) == []
        assert Session(pool).ledger.labels() == {"item-0": "zebra", "item-1": "okapi"}


def test_every_place_of_a_label_counts(folder: Path) -> None:
    """Of the label, and of the class that it brought."""
    file = folder / "labels.sqlite"
    data = file.read_bytes()
    places = [at for at in range(len(data)) if data.startswith(b"okapi", at)]
    assert len(places) >= 2
    for at in places:
        flip(file, at)
        with pytest.raises(PoolDamagedError, match="Restore it from a backup"):
            Pool.open(folder)
        flip(file, at)
    Pool.open(folder).close()


def test_all_damage_is_found_at_once_with_what_mends_it(folder: Path) -> None:
    flip(folder / "embeddings.npy", -1)
    flip(folder / "embeddings.npy", HEADER)
    flip(folder / "views.npy", HEADER + 20)
    run(folder, "UPDATE items SET id = 'x' WHERE row = 3", "DELETE FROM vector_sums")
    with closing(Pool.open(folder, verified=False)) as pool:
        pool.reload()
        found = list(pool.findings(LogNarrator()))
    assert [(one.file, one.repair) for one in found] == [
        ("labels.sqlite", Repair.RESTORE), ("labels.sqlite", Repair.RESTORE),
        ("embeddings.npy", Repair.EMBED), ("views.npy", Repair.EMBED),
    ]  # fmt: skip
    assert found[2].rows == tuple(range(ROWS))
    assert found[3].rows == (0, 11)


# Large pools


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every pool is too large to be verified at once."""
    monkeypatch.setattr(pool_module, "VERIFIED_AT_ONCE", 0)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch, large: None) -> Iterator[threading.Event]:
    """What verification in the background waits for."""
    event, find = threading.Event(), verification.vector_findings

    def waiting(*arguments: Any) -> Any:
        assert event.wait(PATIENCE_S)
        yield from find(*arguments)

    monkeypatch.setattr(pool_module, "vector_findings", waiting)
    yield event
    event.set()


def verified(pool: Pool) -> Pool:
    """The pool when it has been verified."""
    background = pool._verification
    assert background is not None
    background._thread.join(PATIENCE_S)
    assert not background._thread.is_alive()
    return pool


@pytest.mark.parametrize(
    "damage", ["vectors: a bit", "item: digest", "items: one missing", "views: a bit"]
)
def test_damage_to_a_large_pool_is_found_while_it_is_used(
    folder: Path, other: Path, gate: threading.Event, damage: str
) -> None:
    DAMAGE[damage][0](folder, other)
    with closing(Pool.open(folder)) as pool:
        session = Session(pool, annotator="ann")
        session.tell("item-7", "gnu")
        session.refresh()
        gate.set()
        verified(pool)
        for use in (
            lambda: session.tell("item-8", "gnu"),
            session.refresh,
            lambda: pool.transaction().__enter__(),
            pool.require_sound,
        ):
            with pytest.raises(PoolDamagedError, match=DAMAGE[damage][1]):
                use()
    with closing(sqlite3.connect(folder / "labels.sqlite")) as db:
        (count,) = db.execute("SELECT COUNT(*) FROM events WHERE item = 'item-8'").fetchone()
    assert count == 0


def test_a_file_that_goes_meanwhile_is_a_finding(folder: Path, gate: threading.Event) -> None:
    with closing(Pool.open(folder)) as pool:
        (folder / "views.npy").unlink()
        gate.set()
        with pytest.raises(PoolDamagedError, match=r"views\.npy"):
            verified(pool).require_sound()


def test_closing_ends_verification(
    folder: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "BLOCK", 1)
    monkeypatch.setattr(verification, "_PAUSE_S", 0.5)
    pool = Pool.open(folder)
    background = pool._verification
    assert background is not None
    assert background._thread.is_alive()
    started = time.monotonic()
    pool.close()
    assert not background._thread.is_alive()
    assert time.monotonic() - started < 0.5 * ROWS  # what all of it would take
    background.require_sound()


def test_closing_does_not_wait_for_a_long_statement(
    folder: Path, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as the check of all pages of a large database."""
    begun = threading.Event()

    def endless(db: Any, _: Any) -> Any:
        begun.set()
        yield from db.rows(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12)"
            " SELECT COUNT(*) FROM n"
        )

    monkeypatch.setattr(pool_module, "database_findings", endless)
    pool = Pool.open(folder)
    background = pool._verification
    assert background is not None
    assert begun.wait(PATIENCE_S)
    pool.close()
    assert not background._thread.is_alive()
    background.require_sound()


def test_a_sound_pool_that_others_add_to_has_no_findings(
    folder: Path, make_pool: Any, large: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "BLOCK", 1)
    monkeypatch.setattr(verification, "_ROWS", 1)
    writer = make_pool(folder="pool")
    stop, failed = threading.Event(), list[BaseException]()

    def write() -> None:
        rng, number = np.random.default_rng(3), 0
        session = Session(writer, annotator="bob")
        try:
            while not stop.is_set():
                X = rng.normal(size=(2, 4))
                unit = (X / np.linalg.norm(X, axis=1, keepdims=True)).astype(np.float32)
                names = [f"new-{number + i}" for i in range(2)]
                with writer.transaction():
                    writer.store(1, [NewRecord(name, "stamp", "digest") for name in names], unit)
                writer.view_files.append(np.repeat(unit[:, None], 3, axis=1), np.ones(2, np.bool_))
                writer.catalog.touch(3, f"stamp {number}")
                session.note(f"item-{number % 9}", f"note {number}")
                number += 2
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    try:
        for _ in range(5):
            with closing(Pool.open(folder)) as pool:
                verified(pool).require_sound()
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert failed == []
    verified(writer).require_sound()


# Disks that are full


def test_a_full_disk_is_named_and_nothing_is_lost(folder: Path) -> None:
    with closing(Pool.open(folder)) as pool:
        session = Session(pool, annotator="ann")
        ((pages,),) = pool._db.rows("PRAGMA page_count")
        pool._db.run(f"PRAGMA max_page_count = {pages}")
        long = "x" * 8192
        with pytest.raises(PoolUnwritableError, match=r"labels\.sqlite is full.*Free some space"):
            session.tell("item-7", long)
        assert session.ledger.labels() == {"item-0": "zebra", "item-1": "okapi"}
        pool._db.run("PRAGMA max_page_count = 1000000")
        session.tell("item-7", long)
    with closing(Pool.open(folder)) as pool:
        assert Session(pool).ledger.labels()["item-7"] == long


def test_vectors_that_a_full_disk_does_not_take_leave_the_pool_as_it_was(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    def full(_: Any) -> None:
        raise OSError(28, "No space left on device")

    row = np.eye(4, dtype=np.float32)[:1]

    def add(pool: Pool) -> None:
        with pool.transaction():
            pool.store(1, [NewRecord("new", "", "")], row)

    with closing(Pool.open(folder)) as pool:
        with monkeypatch.context() as patch:
            patch.setattr(vectors, "_sync", full)
            with pytest.raises(PoolUnwritableError, match=r"embeddings\.npy is full"):
                add(pool)
        assert pool.catalog.row_count() == ROWS
        assert list(pool.findings(LogNarrator())) == []
        add(pool)
    with closing(Pool.open(folder)) as pool:
        np.testing.assert_array_equal(pool.embeddings[ROWS], row[0])
