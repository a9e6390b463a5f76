"""Events that are undone together: how they are stored, and those of older pools."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from knnal.errors import PoolDamagedError
from knnal.pool import migrations
from knnal.pool.connection import Connection
from knnal.pool.database import connect
from knnal.pool.labels.importing import Imported, LabelImport
from knnal.pool.labels.ledger import Event, EventKind, Ledger
from knnal.pool.labels.log import LabelLog
from knnal.pool.pool import Pool
from knnal.session.session import Session
from knnal.types import LogNarrator

OLD_EVENTS = (
    # kind, item, label, target, origin, annotator, minute; the batch that it must become part of
    ("label", "a", "x", None, "imported", "ann", 0, None),
    ("class", None, "x", 1, "label", "ann", 0, None),
    ("label", "b", "x", None, "imported", "ann", 0, 1),
    ("relabel", "c", "y", None, "imported", "ann", 0, 1),
    ("label", "d", "x", None, "imported", "bob", 0, None),
    ("label", "e", "x", None, "named", "bob", 0, None),
    ("label", "f", "x", None, "imported", "bob", 0, None),
    ("label", "g", "x", None, "imported", "bob", 0, 7),
    ("undo", "e", None, 6, "named", "bob", 0, None),
    ("label", "h", "x", None, "imported", "bob", 0, None),
    ("label", "i", "x", None, "imported", "bob", 5, None),
    ("label", "j", "x", None, "imported", "bob", 5, 11),
)


def old_pool(file: Path, version: int) -> None:
    """The database of a pool as an earlier schema left it."""
    with closing(Connection(file)) as db:
        for step in migrations.MIGRATIONS[:version]:
            step(migrations.Migration(db, LogNarrator()))
        db.run(f"PRAGMA user_version = {version}")
        for *values, minute, _ in OLD_EVENTS:
            db.run(
                "INSERT INTO events (kind, item, label, target, origin, annotator, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*values, f"2026-01-01T12:{minute:02}:00.125+00:00"),
            )
        if version >= 4:
            columns = (
                "seq, kind, item, label, target, origin, annotator, at, strategy, scores, text"
            )
            db.run(f"UPDATE events SET checksum = {migrations.CHECKSUM}({columns})")


@pytest.mark.parametrize("version", [3, 4])
def test_labels_that_were_imported_at_once_become_a_batch(tmp_path: Path, version: int) -> None:
    file = tmp_path / "labels.sqlite"
    old_pool(file, version)
    with closing(connect(file)) as db:
        events = list(LabelLog(db).events())  # which checks the checksums
        assert [event.batch for event in events] == [batch for *_, batch in OLD_EVENTS]
        assert [event.item for event in events] == [item for _, item, *_ in OLD_EVENTS]
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            db.run("UPDATE events SET batch = NULL")


def test_a_migration_does_not_make_a_damaged_event_sound(tmp_path: Path) -> None:
    file = tmp_path / "labels.sqlite"
    old_pool(file, 4)
    with closing(sqlite3.connect(file)) as db, db:
        db.execute("UPDATE events SET checksum = checksum + 1 WHERE seq = 3")
    with (
        closing(connect(file)) as db,
        pytest.raises(PoolDamagedError, match="event 3 is missing or not what was written"),
    ):
        list(LabelLog(db).events())


# Imports


@pytest.fixture
def pool() -> Pool:
    return Pool.in_memory(np.random.default_rng(0).normal(size=(12, 4)))


def imported(pool: Pool, labels: dict[str, str], *, parts: int = 1, **more: Any) -> LabelImport:
    one = LabelImport(pool, more.pop("annotator", "ann"), "labels.csv")
    for part in range(parts):
        with pool.transaction():
            one.add(list(labels.items())[part::parts], **more)
    return one


def test_an_import_is_one_batch_over_several_transactions(pool: Pool) -> None:
    session = Session(pool, annotator="ann")
    session.tell("0", "b")
    imported(pool, {str(n): "ab"[n % 2] for n in range(9)}, parts=3)
    labels = [event for event in pool.log.events() if event.origin == "imported"]
    assert [event.batch for event in labels] == [None] + 7 * [labels[0].seq]
    assert [event.text for event in labels] == ["labels.csv"] + 7 * [None]
    classes = [event.label for event in pool.log.events() if event.kind is EventKind.CLASS]
    assert sorted(map(str, classes)) == ["a", "b"]
    assert session.undoable() == labels[0]
    assert session.ledger.batch_of(labels[0]) == labels
    assert session.undo() == labels[0]
    assert session.ledger.labels() == {"0": "b"}
    assert (session.classes, session.ledger.label_count) == (["b"], 1)
    assert session.redo() == labels[0]
    assert session.ledger.labels() == {"0": "b"} | {str(n): "ab"[n % 2] for n in range(1, 9)}
    session.undo()
    assert session.undo().item == "0"


def test_what_was_imported_after_the_first_part_was_undone_is_a_batch_of_its_own(
    pool: Pool,
) -> None:
    session = Session(pool, annotator="ann")
    one = imported(pool, {"0": "a", "1": "a"})
    session.undo()
    with pool.transaction():
        assert one.add([("2", "b"), ("3", "b")]) == {Imported.ADDED: 2}
    session.refresh()
    assert session.ledger.labels() == {"2": "b", "3": "b"}
    session.undo()
    assert session.ledger.labels() == {}


def test_labels_that_were_changed_since_stay_when_the_import_is_undone(pool: Pool) -> None:
    ann, bob = Session(pool, annotator="ann"), Session(pool, annotator="bob")
    bob.tell("9", "mine")
    imported(pool, {"1": "a", "2": "b", "3": "a", "9": "a"}, overwrite=True)
    bob.refresh()
    bob.relabel("1", "c")
    bob.unlabel("2")
    first = ann.undo()
    assert ann.ledger.labels() == {"1": "c", "9": "mine"}
    replaced = [ann.ledger.replaced_by(event) for event in ann.ledger.batch_of(first)]
    assert [event and event.kind.value for event in replaced] == ["relabel", "unlabel", None, None]
    bob.undo()
    bob.undo()
    assert bob.ledger.labels() == {"9": "mine"}, "what was undone does not come back"
    ann.redo()
    assert ann.ledger.labels() == {"1": "a", "2": "b", "3": "a", "9": "a"}


def test_an_import_is_undone_by_who_imported(pool: Pool) -> None:
    imported(pool, {"1": "a", "2": "b"}, annotator="bob")
    assert Ledger().last_of("ann") is None
    ledger = pool.log.read_into(Ledger())
    assert ledger.last_of("ann") is None
    first = ledger.last_of("bob")
    assert first is not None
    assert (first.item, first.text) == ("1", "labels.csv")


# Ledger


def event(seq: int, kind: EventKind, **fields: Any) -> Event:
    return Event(seq, kind, **{"origin": "named", "annotator": "ann", "at": "now", **fields})


def test_a_batch_is_taken_back_and_restored_item_by_item() -> None:
    ledger = Ledger()
    ledger.apply(event(1, EventKind.LABEL, item="x", label="a"))
    ledger.apply(event(2, EventKind.LABEL, item="y", label="a", batch=1))
    ledger.apply(event(3, EventKind.RELABEL, item="x", label="b", batch=1))
    back = ledger.apply(event(4, EventKind.UNDO, target=1))
    assert [(change.item, change.after) for change in back] == [
        ("x", "b"),
        ("y", None),
        ("x", None),
    ]
    assert ledger.labels() == {}
    again = ledger.apply(event(5, EventKind.REDO, target=4))
    assert [(change.item, change.after) for change in again] == [
        ("x", "a"), ("y", "a"), ("x", "b"),
    ]  # fmt: skip
    assert ledger.labels() == {"y": "a", "x": "b"}
    assert ledger.class_counts() == {}
    assert ledger.label_count == 2


@pytest.mark.parametrize(
    ("number", "annotator", "joins"),
    [(1, "ann", True), (2, "ann", False), (3, "ann", False), (1, "bob", False), (9, "ann", False)],
)
def test_what_can_be_joined(number: int, annotator: str, joins: bool) -> None:
    ledger = Ledger()
    ledger.apply(event(1, EventKind.LABEL, item="x", label="a"))
    ledger.apply(event(2, EventKind.LABEL, item="y", label="a", batch=1))
    ledger.apply(event(3, EventKind.NOTE, item="y", text="odd"))
    assert ledger.joinable(number, annotator) == (number if joins else None)
    ledger.apply(event(4, EventKind.UNDO, target=1))
    assert ledger.joinable(number, annotator) is None
