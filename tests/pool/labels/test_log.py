"""The append-only log."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from knnal.errors import (
    PoolBusyError,
    PoolDamagedError,
    PoolUnwritableError,
    SchemaTooNewError,
)
from knnal.pool import connection
from knnal.pool.connection import Connection
from knnal.pool.database import connect
from knnal.pool.labels.ledger import EventKind, Ledger
from knnal.pool.labels.log import LabelLog
from knnal.pool.storage import Offer
from knnal.pool.verification import database_findings
from knnal.types import LogNarrator


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Connection]:
    db = connect(tmp_path / "labels.sqlite")
    yield db
    db.close()


@pytest.fixture
def log(db: Connection) -> LabelLog:
    return LabelLog(db)


def database_findings_of(db: Connection) -> list[str]:
    return [finding.problem for finding in database_findings(db, LogNarrator())]


def label(log: LabelLog, item: str, name: str, kind: EventKind = EventKind.LABEL) -> int:
    new = log.read_into(Ledger()).lacks_class(name)
    seq = log.append(kind, annotator="ann", origin="named", item=item, label=name).seq
    if new:
        log.append(EventKind.CLASS, annotator="ann", origin="label", label=name, target=seq)
    return seq


@pytest.mark.parametrize(
    "change", ["UPDATE events SET label = 'z'", "DELETE FROM events", "DELETE FROM events WHERE 1"]
)
def test_what_is_logged_cannot_be_changed(log: LabelLog, db: Connection, change: str) -> None:
    label(log, "x", "a")
    before = list(log.events())
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        db.run(change)
    assert list(log.events()) == before


def test_another_writer_is_waited_for_and_then_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "WAIT_S", 0.05)
    one, two = connect(tmp_path / "labels.sqlite"), connect(tmp_path / "labels.sqlite")
    with one.transaction():
        label(LabelLog(one), "x", "a")
        with pytest.raises(PoolBusyError, match="Another process"), two.transaction():
            pytest.fail("two wrote at once")
        assert list(LabelLog(two).events()) == []
    assert len(list(LabelLog(two).events())) == 2
    one.close()
    two.close()


@pytest.mark.parametrize(
    ("statement", "said", "remedy"),
    [
        ("PRAGMA max_page_count = 1", r"is full \(database or disk is full\)", "Free some space"),
        ("PRAGMA query_only = 1", r"cannot be written \(.*readonly", "not mounted read-only"),
    ],
)
def test_what_cannot_be_written_is_told_and_changes_nothing(
    db: Connection, statement: str, said: str, remedy: str
) -> None:
    log = LabelLog(db)
    label(log, "x", "a")
    before = list(log.events())
    db.run(statement)
    unwritable = pytest.raises(PoolUnwritableError, match=said)
    with unwritable as caught, db.transaction():
        for number in range(1000):
            log.append(EventKind.NOTE, annotator="ann", origin="named", text=f"{number}" * 1000)
    assert remedy in str(caught.value)
    assert "Everything that was stored before is still there." in str(caught.value)
    assert list(log.events()) == before
    db.run("PRAGMA query_only = 0")
    assert database_findings_of(db) == []


def test_an_offer_of_an_older_version_says_nothing_of_the_log(
    log: LabelLog, db: Connection
) -> None:
    db.run(
        "INSERT INTO offers (item, origin, strategy, scores)"
        " VALUES ('x', 'asked', 'product', '{\"value\": 1.5}')"
    )
    assert log.offered("x") == Offer("asked", "product", {"value": 1.5}, after=0)


def test_an_event_of_a_kind_from_the_future_is_not_guessed_at(
    log: LabelLog, db: Connection
) -> None:
    label(log, "x", "a")
    db.run("INSERT INTO events (kind, origin, annotator, at) VALUES ('guess', 'x', 'x', 'x')")
    with pytest.raises(SchemaTooNewError, match=r"'guess' as number 3\. Upgrade knnal"):
        list(log.events())


def test_targets_are_checked_by_the_database(db: Connection) -> None:
    with pytest.raises(sqlite3.IntegrityError):
        db.run(
            "INSERT INTO events (kind, origin, annotator, at, target) "
            "VALUES ('undo', 'x', 'x', 'x', 99)"
        )


TAMPERED = {
    "another label": "UPDATE events SET label = 'b' WHERE seq = 3",
    "a label that was none": "UPDATE events SET label = 'a' WHERE seq = 4",
    "another item": "UPDATE events SET item = 'y' WHERE seq = 3",
    "another target": "UPDATE events SET target = 3 WHERE seq = 2",
    "another kind": "UPDATE events SET kind = 'relabel' WHERE seq = 3",
    "no checksum": "UPDATE events SET checksum = NULL WHERE seq = 3",
    "another number": "UPDATE events SET seq = 9 WHERE seq = 4",
    "one in between is missing": "DELETE FROM events WHERE seq = 3",
    "the first is missing": "DELETE FROM events WHERE seq = 1",
    "one by another program": "INSERT INTO events (kind, origin, annotator, at)"
    " VALUES ('class', 'x', 'x', 'x')",
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED.keys())
def test_an_event_that_is_not_what_was_written_is_not_read(
    db: Connection, log: LabelLog, tmp_path: Path, change: str
) -> None:
    label(log, "x", "a")
    log.append(EventKind.LABEL, annotator="ann", origin="named", item="x", label="a")
    log.append(EventKind.SKIP, annotator="ann", origin="named", item="z")
    assert database_findings_of(db) == []
    with closing(sqlite3.connect(tmp_path / "labels.sqlite", isolation_level=None)) as other:
        other.execute("DROP TRIGGER events_are_never_changed")
        other.execute("DROP TRIGGER events_are_never_deleted")
        other.execute(change)
    with pytest.raises(PoolDamagedError, match=r"event \d .*Restore it from a backup"):
        list(log.events())
    assert database_findings_of(db)


@pytest.mark.parametrize("gone", ["seq = 4", "seq > 2", "1"])
def test_events_that_are_missing_at_the_end_are_missed(
    db: Connection, log: LabelLog, tmp_path: Path, gone: str
) -> None:
    label(log, "x", "a")
    label(log, "y", "b")
    read = list(log.events())
    with closing(sqlite3.connect(tmp_path / "labels.sqlite", isolation_level=None)) as other:
        other.execute("DROP TRIGGER events_are_never_deleted")
        other.execute(f"DELETE FROM events WHERE {gone}")
        (left,) = other.execute("SELECT COUNT(*) FROM events").fetchone()
    assert database_findings_of(db) == [f"{4 - left} of 4 events are missing"]
    with pytest.raises(PoolDamagedError, match="open the pool again"):
        list(log.events(after=read[-1].seq))
