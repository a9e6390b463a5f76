"""Exports of every format, read back with other readers."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from knnal.errors import InputError
from knnal.exchange import exporting
from knnal.exchange.exporting import FORMATS, export
from knnal.pool.pool import Pool
from knnal.session.session import Session

X = np.random.default_rng(0).normal(size=(12, 4))
TEXTS = [
    "plain", "comma, and tab\t", 'a "quote"', "two\nlines", "ünï ☃ 漢字", "  blanks  ",
    "=1+1", "back\\slash", "'", ";", "a\r\nb", "x" * 5000,
]  # fmt: skip


@pytest.fixture
def session(make_pool: Any) -> Session:
    session = Session(make_pool(X, texts=TEXTS), annotator="ann")
    for _ in range(3):
        question = session.ask()
        assert question is not None
        session.tell(question.item, "a")
    for label in ("b, c", 'the "third"'):
        question = session.ask()
        assert question is not None
        session.tell(question.item, label)
    session.skip(f"item-{session.candidates[0]}")
    session.note("item-5", "blurred, odd")
    return session


def read(file: Path) -> list[dict[str, Any]]:
    """Rows with plain values, empty cells as None."""
    if file.suffix == ".jsonl":
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    if file.suffix == ".parquet":
        rows: list[dict[str, Any]] = pq.read_table(file).to_pylist()
        return rows
    with file.open(encoding="utf-8", newline="") as stream:
        cells = csv.DictReader(stream, delimiter="\t" if file.suffix == ".tsv" else ",")
        return [{name: typed(name, cell) for name, cell in row.items()} for row in cells]


def typed(name: str, cell: str) -> Any:
    if cell == "":
        return None
    if name == "skipped":
        return {"True": True, "False": False}[cell]
    return float(cell) if name == "probability" or name.startswith("p:") else cell


def expected_rows(session: Session) -> list[dict[str, Any]]:
    rows = []
    for at in range(12):
        item = f"item-{at}"
        decision = session.ledger.decision(item)
        (prediction,) = session.predict([item])
        rows.append(
            {
                "id": item,
                "path": None,
                "text": TEXTS[at],
                "state": "live",
                "label": decision.label if decision else None,
                "skipped": item in session.ledger.skipped(),
                "origin": decision.origin if decision else None,
                "annotator": decision.annotator if decision else None,
                "at": decision.at if decision else None,
                "strategy": decision.strategy if decision else None,
                "note": "blurred, odd" if at == 5 else None,
                "prediction": prediction.label,
                "probability": prediction.probability,
                **{f"p:{name}": p for name, p in prediction.probabilities.items()},
            }
        )
    return rows


@pytest.mark.parametrize("suffix", FORMATS)
def test_every_format_comes_back(session: Session, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"out{suffix}"
    assert export(session, file) == 12
    expected = expected_rows(session)
    assert read(file) == expected
    assert sum(row["label"] is not None for row in expected) == 5
    assert sum(row["skipped"] for row in expected) == 1
    assert list(read(file)[0]) == list(expected[0])


@pytest.mark.parametrize("suffix", FORMATS)
def test_blocks_are_written_one_after_the_other(
    session: Session, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exporting, "_BLOCK", 5)
    assert export(session, tmp_path / f"out{suffix}") == 12
    assert read(tmp_path / f"out{suffix}") == expected_rows(session)


@pytest.mark.parametrize("suffix", FORMATS)
def test_labeled_items_alone(session: Session, tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"out{suffix}"
    assert export(session, file, labeled_only=True) == 5
    assert read(file) == [row for row in expected_rows(session) if row["label"] is not None]


@pytest.mark.parametrize("suffix", FORMATS)
def test_nothing_labeled(make_pool: Any, tmp_path: Path, suffix: str) -> None:
    session = Session(make_pool(X, texts=TEXTS), annotator="ann")
    file = tmp_path / f"out{suffix}"
    assert export(session, file, labeled_only=True) == 0
    assert read(file) == []
    assert export(session, file) == 12
    assert {row["prediction"] for row in read(file)} == {None}


def test_vanished_items_are_named_as_such(session: Session, tmp_path: Path) -> None:
    pool = session.pool
    pool.catalog.begin_scan()
    for row in range(11):
        pool.catalog.see(f"item-{row}")
    pool.catalog.end_scan(1)
    export(Session(pool), tmp_path / "out.jsonl")
    assert [row["state"] for row in read(tmp_path / "out.jsonl")] == ["live"] * 11 + ["vanished"]


@pytest.mark.parametrize("suffix", FORMATS)
def test_labels_of_others_are_in_it(
    session: Session, make_pool: Any, tmp_path: Path, suffix: str
) -> None:
    other = Session(make_pool(), annotator="bob")
    item = f"item-{other.candidates[-1]}"
    other.tell(item, "from elsewhere")
    export(session, tmp_path / f"out{suffix}")
    labels = {row["id"]: row["label"] for row in read(tmp_path / f"out{suffix}")}
    assert labels[item] == "from elsewhere"


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("error", [RuntimeError("no more"), KeyboardInterrupt()])
def test_an_export_that_fails_leaves_the_old_file(
    session: Session,
    tmp_path: Path,
    suffix: str,
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException,
) -> None:
    file = tmp_path / f"out{suffix}"
    file.write_bytes(b"the old export")
    before = sorted(tmp_path.iterdir())
    predict, calls = session.predict, iter(range(9))

    def fail_later(items: Any) -> Any:
        if next(calls) == 2:
            raise error
        return predict(items)

    monkeypatch.setattr(exporting, "_BLOCK", 4)
    monkeypatch.setattr(session, "predict", fail_later)
    with pytest.raises(type(error)):
        export(session, file)
    assert file.read_bytes() == b"the old export"
    assert sorted(tmp_path.iterdir()) == before
    assert export(session, file) == 12


@pytest.mark.parametrize("name", ["out", "out.xlsx", "out.csv.gz"])
def test_other_endings_are_refused(session: Session, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"end in \.csv, \.tsv, \.jsonl, \.parquet"):
        export(session, tmp_path / name)
    assert not (tmp_path / name).exists()


def test_the_ending_may_be_in_capitals(session: Session, tmp_path: Path) -> None:
    assert export(session, tmp_path / "OUT.CSV") == 12


def test_an_export_can_be_imported_into_a_copy_of_the_pool(
    session: Session, make_pool: Any, tmp_path: Path
) -> None:
    from knnal.exchange.importing import import_labels

    copy: Pool = make_pool(X, folder="copy")
    for suffix in FORMATS:
        file = tmp_path / f"labels{suffix}"
        export(session, file, labeled_only=True)
        import_labels(copy, file, annotator="ann")
        assert Session(copy).ledger.labels() == session.ledger.labels()
