"""Labels from tables into the log."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from knnal.errors import InputError
from knnal.exchange.importing import import_labels
from knnal.pool.pool import Pool
from knnal.session.session import Session


@pytest.fixture
def pool(make_pool: Any) -> Pool:
    return make_pool(np.eye(6), ids=["a", "b", "c", "d", "e", "007"])


def labels(pool: Pool) -> dict[str, str]:
    return Session(pool).ledger.labels()


def csv_file(folder: Path, *lines: str) -> Path:
    file = folder / "labels.csv"
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def write(folder: Path, suffix: str, rows: list[dict[str, str]]) -> Path:
    file = folder / f"labels{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), file)
    elif suffix == ".jsonl":
        file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    else:
        mark = "\t" if suffix == ".tsv" else ","
        lines = [mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]
        file.write_text("\n".join(lines) + "\n")
    return file


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_labels_of_every_format(pool: Pool, tmp_path: Path, suffix: str) -> None:
    rows = [{"id": "a", "label": "x"}, {"id": "c", "label": "y"}, {"id": "007", "label": "x"}]
    report = import_labels(pool, write(tmp_path, suffix, rows), annotator="ann")
    assert (report.added, report.changed, report.unchanged, report.kept) == (3, 0, 0, 0)
    session = Session(pool)
    assert session.ledger.labels() == {"a": "x", "c": "y", "007": "x"}
    assert session.classes == ["x", "y"]
    decision = session.ledger.decision("a")
    assert decision is not None
    assert (decision.origin, decision.annotator) == ("imported", "ann")


def test_unknown_ids_and_unusable_labels_are_counted(pool: Pool, tmp_path: Path) -> None:
    file = csv_file(
        tmp_path, "id,label", "a,x", "nobody,x", "b,", "c,  y  ", ",x", "d,\x07", "zz,x"
    )
    report = import_labels(pool, file, annotator="ann")
    assert labels(pool) == {"a": "x", "c": "y"}
    assert report.added == 2
    assert report.skips["no such item in the pool"] == 2
    assert report.skips["label has control characters"] == 1
    assert report.skips["empty id"] == 1
    assert report.skips.total() == 4
    assert report.unlabeled == 1
    assert report.examples == {"no such item in the pool": ["nobody", "zz"]}
    assert report.pool_ids == ["a", "b", "c"]


def test_labels_that_are_there_stay_unless_told_otherwise(pool: Pool, tmp_path: Path) -> None:
    session = Session(pool, annotator="ann")
    session.tell("a", "mine")
    session.tell("b", "x")
    session.skip("c")
    file = csv_file(tmp_path, "id,label", "a,x", "b,x", "c,x", "d,x")
    report = import_labels(pool, file, annotator="bob")
    assert (report.added, report.changed, report.unchanged, report.kept) == (2, 0, 1, 1)
    assert labels(pool) == {"a": "mine", "b": "x", "c": "x", "d": "x"}
    report = import_labels(pool, file, annotator="bob", overwrite=True)
    assert (report.added, report.changed, report.unchanged, report.kept) == (0, 1, 3, 0)
    assert labels(pool) == {"a": "x", "b": "x", "c": "x", "d": "x"}
    kinds = [event.kind for event in pool.log.events() if event.item == "a"]
    assert kinds == ["label", "relabel"]


def test_an_id_twice_in_the_file_keeps_its_first_label_or_takes_its_last(
    pool: Pool, tmp_path: Path
) -> None:
    file = csv_file(tmp_path, "id,label", "a,x", "a,y")
    assert import_labels(pool, file, annotator="ann").kept == 1
    assert labels(pool) == {"a": "x"}
    import_labels(pool, file, annotator="ann", overwrite=True)
    assert labels(pool) == {"a": "y"}


def test_a_second_import_changes_nothing(pool: Pool, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "id,label", "a,x", "b,y")
    import_labels(pool, file, annotator="ann")
    before = list(pool.log.events())
    assert import_labels(pool, file, annotator="ann").unchanged == 2
    assert list(pool.log.events()) == before


def test_columns_may_have_other_names(pool: Pool, tmp_path: Path) -> None:
    file = csv_file(tmp_path, "class,note,item", "x,?,a", "y,?,b")
    import_labels(pool, file, annotator="ann", id_column="item", label_column="class")
    assert labels(pool) == {"a": "x", "b": "y"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"id_column": "item"}, r"no column 'item'.*'id', 'label'.*`id_column`"),
        ({"label_column": "class"}, r"no column 'class'.*`label_column`"),
    ],
)
def test_a_missing_column_names_those_there_are(
    pool: Pool, tmp_path: Path, options: dict[str, str], message: str
) -> None:
    file = csv_file(tmp_path, "id,label", "a,x")
    with pytest.raises(InputError, match=message):
        import_labels(pool, file, annotator="ann", **options)
    assert labels(pool) == {}


def test_a_file_that_turns_out_unreadable_changes_nothing(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = pool.log.append
    calls = iter(range(9))

    def fail_later(*args: Any, **fields: Any) -> Any:
        if next(calls) == 2:
            raise OSError("gone")
        return append(*args, **fields)

    monkeypatch.setattr(pool.log, "append", fail_later)
    file = csv_file(tmp_path, "id,label", "a,x", "b,x", "c,x")
    with pytest.raises(OSError, match="gone"):
        import_labels(pool, file, annotator="ann")
    assert labels(pool) == {}
    assert list(pool.log.events()) == []


def test_missing_files_and_other_endings_are_refused(pool: Pool, tmp_path: Path) -> None:
    (tmp_path / "labels.pdf").write_bytes(b"%PDF")
    with pytest.raises(InputError, match="is not a table"):
        import_labels(pool, tmp_path / "labels.pdf", annotator="ann")
    for suffix in (".csv", ".jsonl", ".parquet"):
        with pytest.raises(InputError):
            import_labels(pool, tmp_path / f"none{suffix}", annotator="ann")


def test_an_open_session_takes_them_in(pool: Pool, tmp_path: Path) -> None:
    session = Session(pool, annotator="ann")
    session.tell("a", "x")
    import_labels(pool, csv_file(tmp_path, "id,label", "b,y"), annotator="bob")
    session.refresh()
    assert session.ledger.labels() == {"a": "x", "b": "y"}
    assert session.state.labeling.neighbors.labeled == {0, 1}
